"""The default model learns what the view misses, knows how sure it is, and falls back far from its data."""

import dataclasses

import pytest
import torch

from learned import model
from learned.data import Samples, read_samples
from learned.evaluate import coverage, cross_validate, predict
from learned.model import Metadata, TrainedModel
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import MachineChoice
from tests.learned.cases import rows, table
from tests.machines import GEMMINI

ABOUT = Metadata("default", MachineChoice("gemmini", "simple"), "from-table", 0)


@pytest.fixture(scope="module")
def known() -> Samples:
    return read_samples(table(rows(20, 7), noise=0.05), "sim.cycles", GEMMINI.template)[0]


@pytest.fixture(scope="module")
def unseen() -> Samples:
    return read_samples(table(rows(12, 7, seed=7), noise=0.05, seed=3), "sim.cycles", GEMMINI.template)[0]


@pytest.fixture(scope="module")
def fitted(known: Samples) -> TrainedModel:
    return model.fit(known, ABOUT)


def _error(cycles: torch.Tensor, samples: Samples) -> float:
    return float((cycles / samples.cycles - 1).abs().median())


def test_unseen_layers_are_predicted_far_better_than_by_the_view(fitted: TrainedModel, unseen: Samples) -> None:
    learned = _error(predict(fitted, unseen).cycles, unseen)
    view = _error(predict(AnalyticalModel(GEMMINI), unseen).cycles, unseen)
    assert view > 0.2
    assert learned < 0.3 * view


def test_the_interval_covers_held_out_layers(known: Samples) -> None:
    held_out = cross_validate(known, known.shape_group, lambda part: model.fit(part, ABOUT), seed=1)
    assert held_out.cycles_std is not None
    assert 0.8 <= coverage(held_out.cycles, held_out.cycles_std, known.cycles) <= 0.98


def test_far_from_the_data_it_is_the_view_again_and_less_sure(fitted: TrainedModel, unseen: Samples) -> None:
    far = unseen.hardware.replaced({"dim": unseen.hardware.dim * 0 + 1024.0})
    samples = dataclasses.replace(unseen, hardware=far)
    latency, near = predict(fitted, samples), predict(fitted, unseen)
    view = predict(AnalyticalModel(GEMMINI), samples).cycles
    assert torch.allclose(latency.cycles, view, rtol=0.02)
    assert latency.cycles_std is not None
    assert near.cycles_std is not None
    assert (latency.cycles_std / latency.cycles).min() > 2 * (near.cycles_std / near.cycles).median()


def test_no_prediction_is_below_what_the_array_needs(fitted: TrainedModel, unseen: Samples) -> None:
    least = unseen.layers.size.prod(-1) / unseen.hardware.dim.square()
    assert (predict(fitted, unseen).cycles >= least).all()


def test_an_outlier_in_the_data_does_not_spoil_its_neighbours(known: Samples, unseen: Samples) -> None:
    spoiled = known.cycles.clone()
    spoiled[::20] *= 30
    fitted = model.fit(dataclasses.replace(known, cycles=spoiled), ABOUT)
    assert _error(predict(fitted, unseen).cycles, unseen) < 0.15


def test_gradients_reach_the_mapping_and_agree_with_differences(fitted: TrainedModel, unseen: Samples) -> None:
    one = unseen[torch.arange(30)]
    base = one.mappings.temporal * 1.013 + 0.003

    def log_cycles(temporal: torch.Tensor) -> torch.Tensor:
        mappings = dataclasses.replace(one.mappings, temporal=temporal)
        return fitted(one.layers, mappings, one.hardware).cycles.log()

    point = base.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(log_cycles(point).sum(), point)
    step = torch.zeros_like(base)
    step[..., 3, :] = 1e-3 * base[..., 3, :]
    with torch.no_grad():
        difference = log_cycles(base + step) - log_cycles(base - step)
    expected = 2 * (gradient * step).sum((-1, -2))
    close = (difference - expected).abs() <= 1e-4 + 0.05 * difference.abs()
    assert close.to(torch.float64).mean() > 0.9


def test_rows_may_have_any_leading_dimensions(fitted: TrainedModel, unseen: Samples) -> None:
    flat = predict(fitted, unseen[torch.arange(6)])
    index = torch.arange(6).reshape(2, 3)
    with torch.no_grad():
        folded = fitted(unseen.layers[index], unseen.mappings[index], unseen.hardware[index])
    assert folded.cycles.shape == (2, 3)
    assert torch.allclose(folded.cycles.flatten(), flat.cycles)


def test_the_same_seed_gives_the_same_model(fitted: TrainedModel, known: Samples) -> None:
    again = model.fit(known, ABOUT)
    for name in type(fitted.weights).__slots__:
        assert torch.equal(getattr(fitted.weights, name), getattr(again.weights, name))


def test_a_shape_with_a_single_row_among_two_can_be_held_out(known: Samples) -> None:
    few = known[torch.tensor([0, 10, 11, 12, 13, 14, 15, 16, 17, 18])]
    latency = predict(model.fit(few, ABOUT), few)
    assert latency.cycles_std is not None
    assert torch.isfinite(latency.cycles).all()
    assert torch.isfinite(latency.cycles_std).all()
