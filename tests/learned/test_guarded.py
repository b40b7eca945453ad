"""The default model: better than its base where held-out rows say so, never worse, and it knows how sure it is."""

import dataclasses

import pytest
import torch

from learned import model
from learned.data import Samples
from learned.evaluate import coverage, predict, spearman
from learned.guarded import Guarded
from learned.model import Metadata, TrainedModel
from pipeline.choices import ModelKind
from pipeline.machine.machine import MachineChoice
from tests.learned.cases import samples


def _about(kind: ModelKind) -> Metadata:
    return Metadata(kind, MachineChoice(), "from-table", 0)


@pytest.fixture(scope="module")
def changed() -> Samples:
    return samples("single_buffer")


@pytest.fixture(scope="module")
def seen(changed: Samples) -> Samples:
    return changed[changed.shape_group % 4 != 0]


@pytest.fixture(scope="module")
def unseen(changed: Samples) -> Samples:
    return changed[changed.shape_group % 4 == 0]


@pytest.fixture(scope="module")
def fitted(seen: Samples) -> TrainedModel:
    return model.fit(seen, _about("default"))


def _error(asked: TrainedModel, rows: Samples) -> float:
    return float((predict(asked, rows).cycles / rows.cycles - 1).abs().median())


def test_unseen_shapes_are_predicted_better_than_by_the_calibrated_timing(
    fitted: TrainedModel, unseen: Samples
) -> None:
    assert isinstance(fitted.weights, Guarded)
    uncorrected = dataclasses.replace(fitted.weights, share=torch.zeros_like(fitted.weights.share))
    calibrated = TrainedModel(fitted.metadata, uncorrected)
    assert _error(calibrated, unseen) < 0.06
    assert _error(fitted, unseen) <= 1.1 * _error(calibrated, unseen)


def test_searched_mappings_are_never_ranked_worse_than_by_the_base(fitted: TrainedModel) -> None:
    found = samples("single_buffer", found=True)
    base = predict(model.fit(found, _about("analytical")), found).cycles
    assert spearman(predict(fitted, found).cycles, found.cycles) > spearman(base, found.cycles)


def test_intervals_cover_searched_mappings(fitted: TrainedModel) -> None:
    found = samples("single_buffer", found=True)
    latency = predict(fitted, found)
    assert latency.cycles_std is not None
    assert 0.8 <= coverage(latency.cycles, latency.cycles_std, found.cycles) <= 0.99


@pytest.mark.long
def test_intervals_cover_unseen_shapes_and_searched_mappings(fitted: TrainedModel, changed: Samples) -> None:
    """Over four splits, because the rows of one shape err together and a split has few shapes."""
    found = samples("single_buffer", found=True)
    inside, total = torch.zeros(2), torch.zeros(2)
    for split in range(4):
        asked = fitted if split == 0 else model.fit(changed[changed.shape_group % 4 != split], _about("default"))
        for kind, rows in enumerate((changed[changed.shape_group % 4 == split], found)):
            latency = predict(asked, rows)
            assert latency.cycles_std is not None
            inside[kind] += len(rows) * coverage(latency.cycles, latency.cycles_std, rows.cycles)
            total[kind] += len(rows)
    assert (inside / total >= 0.8).all()
    assert (inside / total <= 0.98).all()


def test_where_nothing_can_be_learned_it_is_the_base(seen: Samples) -> None:
    """Cycles that have nothing to do with their mappings."""
    order = torch.randperm(len(seen), generator=torch.Generator().manual_seed(0))
    base = predict(model.fit(seen, _about("analytical")), seen)
    noise = (seen.cycles[order] / seen.cycles).log().clamp(-1, 1).exp()
    learned = model.fit(dataclasses.replace(seen, cycles=base.cycles * noise, array_cycles=None), _about("default"))
    assert isinstance(learned.weights, Guarded)
    assert learned.weights.used == 0
    assert learned.weights.share == 0
    assert torch.allclose(predict(learned, seen).cycles, base.cycles)


def test_no_prediction_is_below_what_the_array_needs(fitted: TrainedModel, unseen: Samples) -> None:
    least = unseen.layers.size.prod(-1) / unseen.hardware.dim.square()
    assert (predict(fitted, unseen).cycles >= least).all()


def test_gradients_reach_the_mapping_and_agree_with_differences(fitted: TrainedModel, unseen: Samples) -> None:
    one = unseen[torch.arange(30)]
    base = one.mappings.temporal * 1.013 + 0.003

    def log_cycles(temporal: torch.Tensor) -> torch.Tensor:
        mappings = dataclasses.replace(one.mappings, temporal=temporal)
        return fitted(one.layers, mappings, one.hardware).cycles.log()

    point = base.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(log_cycles(point).sum(), point)
    step = torch.zeros_like(base)
    step[..., 3, :] = 1e-5 * base[..., 3, :]
    with torch.no_grad():
        difference = log_cycles(base + step) - log_cycles(base - step)
    expected = 2 * (gradient * step).sum((-1, -2))
    # The correction is in single precision; a longer step crosses kinks of the timing.
    close = (difference - expected).abs() <= 1e-6 + 0.05 * difference.abs()
    assert close.to(torch.float64).mean() > 0.95


def test_rows_may_have_any_leading_dimensions(fitted: TrainedModel, unseen: Samples) -> None:
    flat = predict(fitted, unseen[torch.arange(6)])
    index = torch.arange(6).reshape(2, 3)
    with torch.no_grad():
        folded = fitted(unseen.layers[index], unseen.mappings[index], unseen.hardware[index])
    assert folded.cycles.shape == (2, 3)
    assert torch.allclose(folded.cycles.flatten(), flat.cycles)


@pytest.mark.parametrize("count", [10, pytest.param(25, marks=pytest.mark.long)])
def test_a_few_rows_are_enough_for_a_usable_model(seen: Samples, count: int) -> None:
    latency = predict(model.fit(seen[torch.arange(count)], _about("default")), seen)
    assert latency.cycles_std is not None
    assert torch.isfinite(latency.cycles).all()
    assert torch.isfinite(latency.cycles_std).all()
