"""The correction is a Gaussian process: exact where few rows are, silent far from them."""

import dataclasses

import gpytorch
import pytest
import torch
from linear_operator.utils.errors import NotPSDError

from learned.correction import (
    LEAST_SCALE,
    Process,
    condition,
    correlation,
    fit_process,
    log_errors,
    log_ratio,
    nothing,
    squared_distance,
)
from learned.features import Features, features
from pipeline.machine.machine import machine_of
from tests.learned.cases import samples


@pytest.fixture(scope="module")
def known() -> tuple[Features, torch.Tensor]:
    rows = samples("gemmini")
    return features(machine_of("gemmini", "soc"), rows.layers, rows.mappings, rows.hardware), rows.cycles


@pytest.fixture(scope="module")
def process(known: tuple[Features, torch.Tensor]) -> Process:
    return fit_process(*known, seed=0)


def test_it_agrees_with_the_textbook_posterior(known: tuple[Features, torch.Tensor], process: Process) -> None:
    rows, cycles = known
    seen, asked = rows[torch.arange(60)], rows[torch.arange(60, 90)]
    mean, variance = log_ratio(condition(process, seen, cycles[:60]), asked.values)
    x, other = ((part.values - process.mean) / process.scale for part in (seen, asked))
    within = process.signal * correlation(squared_distance(x, x)) + process.noise * torch.eye(60, dtype=x.dtype)
    cross = process.signal * correlation(squared_distance(other, x))
    expected = cross @ torch.linalg.solve(within, log_errors(seen, cycles[:60]))
    left = process.signal - (cross * torch.linalg.solve(within, cross.mT).mT).sum(-1) + process.noise
    assert torch.allclose(mean, expected, atol=2e-3)
    assert torch.allclose(variance, left, rtol=0.05, atol=1e-5)


def test_far_from_all_rows_nothing_is_corrected(known: tuple[Features, torch.Tensor], process: Process) -> None:
    rows, cycles = known
    mean, variance = log_ratio(condition(process, rows, cycles), rows.values[:5] + 1e4)
    assert mean.abs().max() < 1e-4
    assert torch.allclose(variance, process.signal + process.noise, rtol=1e-3)


def test_it_explains_the_rows_that_it_saw(known: tuple[Features, torch.Tensor], process: Process) -> None:
    rows, cycles = known
    mean, _ = log_ratio(condition(process, rows, cycles), rows.values)
    errors = log_errors(rows, cycles)
    assert (errors - mean).abs().mean() < 0.6 * errors.abs().mean()


def test_many_rows_are_taken_into_account_through_some(
    known: tuple[Features, torch.Tensor], process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, cycles = known
    everything = log_ratio(condition(process, rows, cycles), rows.values)[0]
    monkeypatch.setattr("learned.correction.SUPPORT", 100)
    monkeypatch.setattr("learned.correction.BLOCK", 50)
    correction = condition(process, rows, cycles)
    assert len(correction.support) == 100
    assert (log_ratio(correction, rows.values)[0] - everything).abs().mean() < 0.02


def test_a_row_that_is_thirty_times_off_moves_its_neighbours_little(
    known: tuple[Features, torch.Tensor], process: Process
) -> None:
    rows, cycles = known
    spoiled = cycles.clone()
    spoiled[::20] *= 30
    mean = log_ratio(condition(process, rows, spoiled), rows.values)[0]
    before = log_ratio(condition(process, rows, cycles), rows.values)[0]
    others = torch.arange(len(cycles)) % 20 != 0
    assert (mean - before)[others].abs().median() < 0.03


def test_nothing_says_nothing_and_constant_features_do_no_harm(known: tuple[Features, torch.Tensor]) -> None:
    rows, cycles = known
    mean, variance = log_ratio(nothing(rows.values.shape[-1]), rows.values)
    assert mean.abs().max() == 0.0
    assert variance.abs().max() == 0.0
    constant = dataclasses.replace(rows, values=rows.values * 0 + 1.0)
    assert torch.isfinite(fit_process(constant, cycles, 0).scale).all()
    assert LEAST_SCALE > 0


def test_a_search_that_runs_into_a_singular_covariance_keeps_the_best_so_far(
    known: tuple[Features, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, cycles = known
    rows, cycles = rows[torch.arange(40)], cycles[:40]
    evaluations = 0
    evaluate = gpytorch.mlls.ExactMarginalLogLikelihood.forward

    def fail_at_the_third(self: object, *arguments: object) -> torch.Tensor:
        nonlocal evaluations
        evaluations += 1
        if evaluations == 3:
            raise NotPSDError("singular")
        return evaluate(self, *arguments)

    monkeypatch.setattr(gpytorch.mlls.ExactMarginalLogLikelihood, "forward", fail_at_the_third)
    process = fit_process(rows, cycles, seed=0)
    assert evaluations == 3
    assert torch.isfinite(process.scale).all()
    assert process.noise > 0
