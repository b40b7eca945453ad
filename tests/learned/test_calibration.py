"""Calibration finds what differs in a changed design from a few simulated mappings, and says what it knows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learned.box import Box
from learned.calibration import Calibration, calibrate, stepwise_start, uncalibrated
from learned.data import Samples
from learned.evaluate import spearman
from learned.residuals import Residuals, importance, minimised
from pipeline.machine.machine import Machine, machine_of
from tests.learned.cases import samples


def _cycles(machine: Machine, calibration: Calibration, asked: Samples) -> torch.Tensor:
    names = [constant.name for constant in machine.constants]
    values = dict(zip(names, calibration.values.tolist(), strict=True))
    return machine.latency(asked.layers, asked.mappings, asked.hardware, values)


def _error(cycles: torch.Tensor, asked: Samples) -> float:
    return float((cycles / asked.cycles - 1).abs().median())


def _value(machine: Machine, calibration: Calibration, name: str) -> tuple[float, float]:
    index = [constant.name for constant in machine.constants].index(name)
    return float(calibration.values[index]), float(calibration.learned[index])


@pytest.fixture(scope="module")
def machine() -> Machine:
    return machine_of("gemmini", "soc")


@pytest.fixture(scope="module")
def single_buffer() -> Samples:
    return samples("single_buffer")


@pytest.fixture(scope="module")
def calibration(machine: Machine, single_buffer: Samples) -> Calibration:
    return calibrate(machine, single_buffer[torch.arange(0, len(single_buffer), 3)], seed=0)


def test_a_changed_design_is_predicted_on_other_mappings(
    machine: Machine, single_buffer: Samples, calibration: Calibration
) -> None:
    others = single_buffer[torch.arange(len(single_buffer)) % 3 != 0]
    before, after = (_cycles(machine, known, others) for known in (uncalibrated(machine), calibration))
    assert _error(before, others) > 0.25
    assert _error(after, others) < 0.06
    assert spearman(after, others.cycles) > spearman(before, others.cycles) + 0.02


def test_searched_mappings_are_ranked_better_though_none_was_seen(machine: Machine, calibration: Calibration) -> None:
    found = samples("single_buffer", found=True)
    before, after = (_cycles(machine, known, found) for known in (uncalibrated(machine), calibration))
    assert _error(after, found) < 0.25 * _error(before, found)
    assert spearman(after, found.cycles) > spearman(before, found.cycles)


def test_the_change_is_found_in_the_constants(machine: Machine, calibration: Calibration) -> None:
    tiles, known = _value(machine, calibration, "tiles_in_flight")
    assert tiles < 1.4
    assert known > 0.5
    slots, known = _value(machine, calibration, "min_slot_cycles")
    assert slots == pytest.approx(4, abs=0.5)
    assert known > 0.8


def test_a_start_is_found_by_moving_what_changed(machine: Machine, single_buffer: Samples) -> None:
    box = Box(machine.constants)
    for rows, tiles, reads in ((single_buffer, 1, 8), (samples("gemmini"), 2, 16)):
        places = stepwise_start(machine, rows[torch.arange(0, len(rows), len(rows) // 60)])
        found = dict(zip(box.names, box.values(torch.from_numpy(places)).tolist(), strict=True))
        assert found["tiles_in_flight"] == pytest.approx(tiles, abs=0.3)
        assert found["in_flight"] == pytest.approx(reads, rel=0.5)
        assert (np.abs(places - box.start()) > 1e-9).sum() <= 6


def test_what_the_rows_do_not_depend_on_stays_where_it_was(machine: Machine, calibration: Calibration) -> None:
    """No row is larger than the last-level cache."""
    kib, known = _value(machine, calibration, "last_level_kib")
    assert kib == pytest.approx(4096, rel=0.05)
    assert known < 0.1


def test_the_unchanged_design_keeps_its_constants(machine: Machine) -> None:
    own = samples("gemmini")
    calibration = calibrate(machine, own[torch.arange(0, len(own), 3)], seed=0)
    assert _value(machine, calibration, "tiles_in_flight")[0] > 1.9
    # Tiles that wait for the host have about sixteen commands; these rows pin the sum of both constants, not each.
    tile, command = (_value(machine, calibration, f"host_{name}_cycles")[0] for name in ("matmul_tile", "command"))
    assert tile + 16 * command == pytest.approx(126, rel=0.05)
    assert _value(machine, calibration, "in_flight")[0] == pytest.approx(16, rel=0.4)


def test_a_constant_lies_within_its_error_and_bounds(machine: Machine, calibration: Calibration) -> None:
    for index, constant in enumerate(machine.constants):
        low, value, high = (float(part[index]) for part in (calibration.low, calibration.values, calibration.high))
        assert constant.low - 1e-9 <= low <= value + 1e-9
        assert value - 1e-9 <= high <= constant.high * (1 + 1e-9)


def test_derivatives_of_all_rows_agree_with_differences(machine: Machine, single_buffer: Samples) -> None:
    fit = Residuals(machine, single_buffer, [torch.arange(20), torch.arange(30, 40)])
    rng = np.random.default_rng(0)
    start = np.stack([Box(machine.constants).start()] * 2)
    place = np.clip(start + 0.1 * rng.standard_normal(start.shape), 0.05, 0.95)
    exact = fit.at(torch.from_numpy(place))
    step = 1e-6
    for index in range(place.shape[1]):
        sides = [fit.at(torch.from_numpy(place + side * step * np.eye(place.shape[1])[index])) for side in (1, -1)]
        for one, above, below in zip(exact, *sides, strict=True):
            difference = (above.residuals - below.residuals) / (2 * step)
            # Kinks may lie within the step of a few rows.
            assert np.isclose(difference, one.jacobian[:, index], rtol=1e-3, atol=1e-3).mean() > 0.95


def test_fits_together_end_where_each_ends_alone(machine: Machine, single_buffer: Samples) -> None:
    rows = [torch.arange(0, 60, 2), torch.arange(1, 60, 3)]
    start = Box(machine.constants).start()
    together = minimised(Residuals(machine, single_buffer, rows), [start, start + 0.05], 10)
    for part, place, found in zip(rows, (start, start + 0.05), together, strict=True):
        alone = minimised(Residuals(machine, single_buffer, [part]), [place], 10)[0]
        assert found.nfev == alone.nfev
        assert np.allclose(found.x, alone.x, atol=1e-9)


def test_the_same_seed_gives_the_same_constants(
    machine: Machine, single_buffer: Samples, calibration: Calibration
) -> None:
    again = calibrate(machine, single_buffer[torch.arange(0, len(single_buffer), 3)], seed=0)
    assert torch.equal(again.values, calibration.values)


def test_a_machine_without_constants_has_nothing_to_calibrate(single_buffer: Samples) -> None:
    assert len(calibrate(machine_of("timeloop"), single_buffer, 0).values) == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=64, max_size=64))
def test_places_between_the_bounds_and_values_are_inverse(drawn: list[float]) -> None:
    box = Box(machine_of("gemmini", "soc").constants)
    places = np.array(drawn[: len(box.constants)])
    values = box.values(torch.from_numpy(places))
    assert np.allclose(box.places(values.numpy()), places, atol=1e-9)
    for value, constant in zip(values.tolist(), box.constants, strict=True):
        assert constant.low * (1 - 1e-9) <= value <= constant.high * (1 + 1e-9)


def test_efficient_rows_count_more(single_buffer: Samples) -> None:
    weight = importance(single_buffer)
    slow = single_buffer.cycles > 3 * single_buffer.cycles.median()
    assert weight.min() >= 0.5
    assert weight.max() <= 2.0
    assert slow.any()
