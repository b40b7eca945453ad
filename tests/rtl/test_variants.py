"""Structures other than the default: random programs are bit-exact, and both builds agree, at the ends of an axis."""

import random
from dataclasses import replace
from functools import cache

import pytest

from pipeline.hardware import Hardware
from pipeline.measurement import CYCLE_COUNTERS
from sim.build import DATAPATHS, Datapath
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.task import Record, Task, conclude, prepare
from sim.worker import run
from tests.rtl.operations import run as run_operations
from tests.rtl.operations import store
from tests.rtl.variants import variant
from tests.sim.random_tasks import DESIGNS, random_task

HARDWARE = DESIGNS[1]
BUDGET_KILOCYCLES = 5000
PROGRAMS = 40

Structure = dict[str, int]
"""Parameters of the top module."""

SMALLEST: Structure = {
    "ScratchpadBanks": 1,
    "AccumulatorBanks": 1,
    "ReadsInFlight": 1,
    "WritesInFlight": 1,
    "LoadEntries": 1,
    "ExecuteEntries": 2,
    "StoreEntries": 1,
    "LoadQueue": 1,
    "ExecuteQueue": 2,
    "StoreQueue": 1,
    "ArraySlots": 2,
    "TilesInFlight": 1,
}
LARGEST: Structure = {
    "ScratchpadBanks": 8,
    "AccumulatorBanks": 8,
    "ReadsInFlight": 42,
    "WritesInFlight": 64,
    "LoadEntries": 32,
    "ExecuteEntries": 64,
    "StoreEntries": 32,
    "LoadQueue": 32,
    "ExecuteQueue": 32,
    "StoreQueue": 16,
    "ArraySlots": 16,
}
MIXED: tuple[Structure, ...] = (
    {"LoadEntries": 3, "ExecuteEntries": 8, "StoreEntries": 3},
    {"ScratchpadBanks": 2, "AccumulatorBanks": 4, "ReadsInFlight": 5, "WritesInFlight": 3},
    {"OrderedStores": 1},
    {"PlainArray": 1},
)

pytestmark = pytest.mark.xdist_group("rtl")


@cache
def simulation_of(
    hardware: Hardware, datapath: Datapath, structure: tuple[tuple[str, int], ...]
) -> tuple[Simulation, tuple[str, ...]]:
    design = variant(hardware, **dict(structure))
    return Simulation.build(design, datapath), design.counters


def simulated(task: Task, structure: Structure) -> Record:
    """The record of a task on a structure."""
    prepared = prepare(replace(task, memory=replace(task.memory, budget_kilocycles=BUDGET_KILOCYCLES)))
    simulation, counters = simulation_of(task.hardware, task.datapath, tuple(structure.items()))
    return conclude("", prepared, counters, run(simulation, prepared))


def check(structure: Structure, programs: int, hardware: Hardware = HARDWARE) -> None:
    """Assert that random programs give the right bytes and traffic, and the same counts in both builds."""
    generator = random.Random(str(structure))
    for _ in range(programs):
        task = random_task(generator, hardware, "full")
        full, timing = (simulated(replace(task, datapath=datapath), structure) for datapath in DATAPATHS)
        assert full.error == "", str(task)
        assert sum(full.counters[name] for name in CYCLE_COUNTERS) == full.cycles
        for name, expected in prepare(task).program.expected_traffic().items():
            assert full.counters[name] == expected, f"{name}: {task}"
        assert (timing.error, timing.cycles, timing.counters) == ("", full.cycles, full.counters), str(task)


def name_of(structure: Structure) -> str:
    return "-".join(f"{name}={value}" for name, value in structure.items())


def test_the_smallest_structure_runs_programs_right() -> None:
    check(SMALLEST, 10)


@pytest.mark.long
@pytest.mark.parametrize("structure", [SMALLEST, LARGEST, *MIXED], ids=["smallest", "largest", *map(name_of, MIXED)])
def test_many_programs_run_right_on_another_structure(structure: Structure) -> None:
    check(structure, PROGRAMS)


@pytest.mark.long
@pytest.mark.parametrize(
    "structure", [{name: value} for ends in (SMALLEST, LARGEST) for name, value in ends.items()], ids=name_of
)
def test_programs_run_right_at_the_ends_of_an_axis(structure: Structure) -> None:
    check(structure, PROGRAMS)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_ordered_store_waits_until_the_one_before_it_is_complete(count: int) -> None:
    # Otherwise a store's first row is read the cycle after the last one of the store before it. In order, the last row
    # is read, its store completes, the next one issues, and only then is its first row read: two cycles more.
    settings = replace(MemorySettings.of("simple"), host_cycles=0, latency_cycles=1)
    dim = HARDWARE.dim
    stores = [store(dim * i, 256 * i, dim, dim) for i in range(count)]
    cycles = [
        run_operations(simulation_of(HARDWARE, "timing", structure)[0], stores, settings)
        for structure in ((("OrderedStores", 0),), (("OrderedStores", 1),))
    ]
    assert cycles[1] - cycles[0] == 2 * (count - 1)
