"""Random programs on the RTL: every output byte, every counter, and the two builds against each other."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings

from pipeline.choices import MEMORIES, Memory
from pipeline.files import ROOT
from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.measurement import CYCLE_COUNTERS
from pipeline.workload import Layer
from rtl.generate import generate
from sim.build import DATAPATHS, Datapath
from sim.compiler import ProgramError
from sim.design import Design
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.task import Record, Task, conclude, prepare
from sim.worker import run
from tests.machines import GEMMINI
from tests.sim.random_tasks import DESIGNS, tasks

GENERATED = ROOT / "results" / "rtl"
BUDGET_KILOCYCLES = 5000

pytestmark = pytest.mark.xdist_group("rtl")


@cache
def design_of(hardware: Hardware) -> Design:
    return Design.load(generate(hardware, GENERATED))


@cache
def simulation_of(hardware: Hardware, datapath: Datapath) -> Simulation:
    return Simulation.build(design_of(hardware), datapath)


def simulated(task: Task) -> Record:
    """The record of a task, run in this process. Raises ProgramError where there is no program."""
    prepared = prepare(replace(task, memory=replace(task.memory, budget_kilocycles=BUDGET_KILOCYCLES)))
    outcome = run(simulation_of(task.hardware, task.datapath), prepared)
    return conclude("", prepared, design_of(task.hardware).counters, outcome)


def check(task: Task) -> None:
    """Assert everything that must hold for any task that has a program."""
    full = simulated(task)
    assert full.error == "", str(task)
    assert sum(full.counters[name] for name in CYCLE_COUNTERS) == full.cycles
    for name, expected in prepare(task).program.expected_traffic().items():
        assert full.counters[name] == expected, f"{name}: {task}"
    timing = simulated(replace(task, datapath="timing"))
    assert (timing.cycles, timing.counters, timing.caches) == (full.cycles, full.counters, full.caches), str(task)


@given(tasks(DESIGNS[:3]))
@settings(deadline=None, max_examples=70, derandomize=True)
def test_a_random_program_is_bit_exact_and_its_counters_add_up(task: Task) -> None:
    check(task)


@pytest.mark.long
@given(tasks(DESIGNS))
@settings(deadline=None, max_examples=1200)
def test_many_random_programs_are_bit_exact_and_their_counters_add_up(task: Task) -> None:
    check(task)


def check_skipping(task: Task) -> None:
    """Assert that skipping idle cycles changes nothing in either build."""
    # Memories that stall at random have no idle cycles.
    memory = replace(task.memory, stall_permille=0)
    for datapath in DATAPATHS:
        plain, quick = (
            simulated(replace(task, datapath=datapath, memory=replace(memory, skip_idle=skip))) for skip in (0, 1)
        )
        assert replace(quick, seconds=0.0) == replace(plain, seconds=0.0)


@given(tasks(DESIGNS[:3]))
@settings(deadline=None, max_examples=20, derandomize=True)
def test_skipping_idle_cycles_changes_no_cycle_and_no_counter(task: Task) -> None:
    check_skipping(task)


@pytest.mark.long
@given(tasks(DESIGNS))
@settings(deadline=None, max_examples=320)
def test_skipping_idle_cycles_of_many_programs_changes_no_cycle_and_no_counter(task: Task) -> None:
    check_skipping(task)


def layer_cases() -> Iterator[Layer]:
    """Corner sizes around DIM 4, strides to 4, even filters."""
    for size in (1, 3, 4, 5):
        yield Layer(R=1, S=1, P=size, Q=1, C=size, K=size)
        yield Layer(R=3, S=3, P=size, Q=size, C=size, K=size)
    for stride in (1, 2, 3, 4):
        yield Layer(R=3, S=2, P=5, Q=4, C=5, K=6, stride_w=stride, stride_h=stride)
        yield Layer(R=1, S=1, P=4, Q=3, C=5, K=6, N=2, stride_w=stride, stride_h=2)
    for taps in (2, 4, 6):
        yield Layer(R=taps, S=taps, P=3, Q=3, C=2, K=3)
    yield Layer(R=3, S=3, P=4, Q=4, C=2, K=3, dilation_w=2, dilation_h=3)


@pytest.mark.parametrize("layer", list(layer_cases()), ids=str)
def test_a_corner_size_is_bit_exact_with_every_loop_in_dram(layer: Layer) -> None:
    # Reductions outermost: partial sums of every output leave the accumulator and come back.
    sizes = dict(zip("RSPQCKN", layer.sizes, strict=True))
    outer = tuple((name, sizes[name]) for name in "CRSNQPK" if sizes[name] > 1)
    check(Task(Mapping(layer, ((), (), (), outer)), DESIGNS[1], "full", MemorySettings.of("simple")))


@pytest.mark.parametrize("order", ["CKP", "KCP", "PKC", "KPC"])
def test_any_order_of_dram_loops_gives_the_same_result(order: str) -> None:
    layer = Layer(R=1, S=1, P=24, Q=1, C=20, K=12)
    factors = {"C": 5, "K": 3, "P": 3}
    outer = tuple((name, factors[name]) for name in order)
    mapping = Mapping(layer, ((("P", 8),), (), (), outer), spatial=(4, 4))
    check(Task(mapping, DESIGNS[1], "full", MemorySettings.of("soc")))


@pytest.mark.parametrize("kind", MEMORIES)
def test_partial_sums_come_back_right_from_a_memory_that_is_slow_to_take_them(kind: Memory) -> None:
    layer = Layer(R=1, S=1, P=8, Q=1, C=16, K=4)
    mapping = Mapping(layer, ((("P", 4),), (), (), (("C", 4), ("P", 2))), spatial=(4, 4))
    memory = replace(MemorySettings.of(kind), latency_cycles=400)
    check(Task(mapping, DESIGNS[1], "full", memory))


@pytest.mark.parametrize(
    "hardware",
    [GEMMINI.template.hardware(32, 64, 32), GEMMINI.template.hardware(64, 256, 128)],
    ids=["dim 32", "dim 64"],
)
def test_a_large_array_is_bit_exact_with_rows_of_partial_sums_that_come_back(hardware: Hardware) -> None:
    dim = hardware.dim
    layer = Layer(R=1, S=1, P=dim + 6, Q=1, C=2 * dim + 5, K=dim + 2)
    mapping = Mapping(layer, ((("P", dim + 6),), (), (), (("C", 3), ("K", 2))), spatial=(dim, dim))
    check(Task(mapping, hardware, "full", MemorySettings.of("simple")))


def test_dropping_partial_sums_needs_the_timing_build() -> None:
    layer = Layer(R=1, S=1, P=4, Q=1, C=4, K=4)
    mapping = Mapping(layer, ((("P", 4),), (), (), ()), spatial=(4, 4))
    task = Task(mapping, DESIGNS[1], "full", MemorySettings.of("simple"), partial_sums="drop")
    with pytest.raises(ProgramError, match="timing build only"):
        prepare(task)
