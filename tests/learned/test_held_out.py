"""What held-out rows say: of the base that was chosen, on efficient rows, by error and by rank."""

import pytest
import torch

from learned.calibration import uncalibrated
from learned.correction import Process, condition, fit_process, log_ratio
from learned.data import Samples, efficiency, group_folds
from learned.held_out import HeldOutErrors, Split, best_share, corrected, features_of, is_better
from pipeline.machine.machine import Machine, machine_of
from tests.learned.cases import samples


@pytest.fixture(scope="module")
def machine() -> Machine:
    return machine_of("gemmini", "soc")


@pytest.fixture(scope="module")
def rows() -> Samples:
    return samples("gemmini")


@pytest.fixture(scope="module")
def process(machine: Machine, rows: Samples) -> Process:
    return fit_process(features_of(machine, uncalibrated(machine).values, rows), rows.cycles, 0)


def _split(machine: Machine, rows: Samples) -> Split:
    fold = group_folds(rows.shape_group, 3, 0)
    start = (rows.cycles / features_of(machine, uncalibrated(machine).values, rows).base_cycles).log()
    return Split(fold, (uncalibrated(machine).values,) * 3, start, torch.full_like(start, 9.0))


def test_where_the_constants_are_refused_the_correction_is_judged_on_the_starting_values(
    machine: Machine, rows: Samples, process: Process
) -> None:
    split = _split(machine, rows)
    held = corrected(machine, rows, split, process, used=False)
    assert torch.equal(held.base, split.start)
    known, outside = features_of(machine, uncalibrated(machine).values, rows), split.fold != 1
    mean, variance = log_ratio(condition(process, known[outside], rows.cycles[outside]), known.values[split.fold == 1])
    assert torch.allclose(held.mean[split.fold == 1], mean)
    assert torch.allclose(held.variance[split.fold == 1], variance)
    assert mean.abs().max() > 0.001


def test_without_a_process_the_base_is_left_as_it_is(machine: Machine, rows: Samples) -> None:
    split = _split(machine, rows)
    held = corrected(machine, rows, split, None, used=True)
    assert torch.equal(held.rest(1.0), split.calibrated)
    assert best_share(held, rows) == 0.0


def test_a_share_is_taken_that_held_out_errors_ask_for(rows: Samples) -> None:
    noise = 0.1 * torch.randn(len(rows), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    nothing = torch.zeros_like(noise)
    assert best_share(HeldOutErrors(noise, noise, nothing), rows) == 1.0
    assert best_share(HeldOutErrors(noise, 2 * noise, nothing), rows) == 0.5
    assert best_share(HeldOutErrors(noise, -noise, nothing), rows) == 0.0


def test_smaller_errors_do_not_excuse_worse_ranks(rows: Samples) -> None:
    """An even error of 30 % ranks perfectly; half of it, but with changing sign, does not."""
    order = efficiency(rows).argsort(descending=True)
    even = torch.full((len(rows),), 0.3, dtype=torch.float64)
    uneven = torch.full((len(rows),), 0.15, dtype=torch.float64)
    uneven[order[::2]] = -0.15
    assert not is_better(uneven, even, rows)
    assert is_better(even / 2, even, rows)


def test_a_few_rows_much_better_do_not_excuse_a_correction_that_makes_most_efficient_ones_worse(rows: Samples) -> None:
    order = efficiency(rows).argsort(descending=True)
    base = torch.full((len(rows),), 0.01, dtype=torch.float64)
    base[order[::4]] = 0.3
    left = torch.full((len(rows),), 0.02, dtype=torch.float64)
    left[order[::4]] = 0.1
    nothing = torch.zeros_like(base)
    assert is_better(left, base, rows)
    assert best_share(HeldOutErrors(base, base - left, nothing), rows) == 0.0
    left[order[1::4]] = 0.005
    left[order[2::4]] = 0.005
    assert best_share(HeldOutErrors(base, base - left, nothing), rows) > 0.0
