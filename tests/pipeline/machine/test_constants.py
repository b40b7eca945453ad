"""Named constants: one home, any values, gradients through every one of them."""

import pytest
import torch

from pipeline.machine.constants import Constant, start_values
from pipeline.machine.gemmini.machine import Gemmini
from pipeline.machine.machine import Machine, machine_names, machine_of, register
from pipeline.machine.system import HOST, MEMORY_SYSTEMS
from pipeline.machine.timeloop.machine import Timeloop
from sim.commands import LOOP_CONV, LOOP_MATMUL
from sim.memory import MemorySettings
from sim.program import HOST_CYCLES
from tests.pipeline.machine.gemmini_cases import sample


@pytest.mark.parametrize("memory", ["simple", "soc"])
@pytest.mark.parametrize("exact", [True, False])
def test_starting_values_as_numbers_tensors_and_rows_of_a_batch_give_the_same_cycles(memory: str, exact: bool) -> None:
    machine, batch = Gemmini(memory), sample(120, seed=11, exact=exact)  # type: ignore[arg-type]
    numbers = start_values(machine.constants)
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()}
    rows = {name: torch.full((120,), value, dtype=torch.float64) for name, value in numbers.items()}
    expected = machine.latency(*batch)
    for values in (numbers, tensors, rows):
        torch.testing.assert_close(machine.latency(*batch, values), expected, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("memory", ["simple", "soc"])
def test_gradients_reach_every_constant_and_agree_with_finite_differences(memory: str) -> None:
    """Values are moved off their starts, where whole numbers make kinks; rows at a kink between the steps are left.

    Caches are made so small that the layers do not fit, the reservation station small, the accumulator's bank shared.
    """
    machine, batch = Gemmini(memory), sample(200, seed=12)  # type: ignore[arg-type]
    start = {name: 1.037 * value + 0.013 for name, value in start_values(machine.constants).items()}
    start |= {name: kib for name, kib in {"cache_kib": 10.3, "last_level_kib": 13.7}.items() if name in start}
    start |= {"accumulator_banks": 1.4, "load_entries": 2.3, "execute_entries": 9.3}
    leaves = {name: torch.full((200,), value, dtype=torch.float64, requires_grad=True) for name, value in start.items()}
    gradients = torch.autograd.grad(machine.latency(*batch, leaves).sum(), list(leaves.values()))
    for (name, value), gradient in zip(start.items(), gradients, strict=True):
        step = 1e-6 * max(1.0, value)
        above, here, below = (machine.latency(*batch, start | {name: value + d * step}) for d in (1, 0, -1))
        left, right = (here - below) / step, (above - here) / step
        smooth = (left - right).abs() <= 1e-3 * (left.abs() + right.abs() + 1)
        assert smooth.sum() > 150, name
        close = (gradient - (left + right) / 2).abs() <= 2e-3 * (left.abs() + right.abs() + 1)
        assert (close | ~smooth).all(), name
        assert gradient.isfinite().all(), name
        assert gradient.abs().sum() > 0, f"{name} changes no row"


@pytest.mark.parametrize(("change", "message"), [({"magic": 1.0}, "magic: is unknown"), (None, "has no value")])
def test_values_must_be_those_of_the_constants(change: dict[str, float] | None, message: str) -> None:
    machine = Gemmini("simple")
    values = start_values(machine.constants)
    values = {} if change is None else values | change
    with pytest.raises(ValueError, match=message):
        machine.latency(*sample(2, seed=0), values)


@pytest.mark.parametrize(("low", "high", "start"), [(1.0, 1.0, 1.0), (-1.0, 2.0, 1.0), (1.0, 2.0, 3.0)])
def test_a_constant_outside_its_bounds_cannot_be_made(low: float, high: float, start: float) -> None:
    with pytest.raises(ValueError, match="constant latency"):
        Constant("latency", "cycles", low, high, start, "", "")


def test_simulator_and_view_read_host_and_memory_from_one_home() -> None:
    simple = start_values(Gemmini("simple").constants)
    assert simple["host_cycles"] == MemorySettings.of("simple").host_cycles == HOST.layer_cycles
    assert simple["host_convolution_tile_cycles"] == HOST_CYCLES[LOOP_CONV]
    assert simple["host_matmul_tile_cycles"] == HOST_CYCLES[LOOP_MATMUL]
    for memory in ("simple", "soc"):
        settings, system = MemorySettings.of(memory), MEMORY_SYSTEMS[memory]  # type: ignore[arg-type,index]
        assert (settings.latency_cycles, settings.bytes_per_cycle) == (system.latency_cycles, system.bytes_per_cycle)
        assert settings.soc == (system.cache is not None)


def test_constants_belong_to_design_and_memory_not_to_the_rule_for_partial_sums() -> None:
    for memory in ("simple", "soc"):
        spill, drop = (machine_of("gemmini", memory, rule) for rule in ("spill", "drop"))  # type: ignore[arg-type]
        assert spill.constants == drop.constants
    assert machine_of("gemmini", "soc").constants != machine_of("gemmini", "simple").constants


def test_registered_machines_are_machines_and_names_are_taken_once() -> None:
    assert all(isinstance(machine_of(name), Machine) for name in machine_names())
    with pytest.raises(ValueError, match="exists already"):
        register("gemmini", Timeloop)
    with pytest.raises(ValueError, match="known: gemmini"):
        machine_of("abacus")
