"""Single commands from software: what they move, their order, and what a design without loop unrollers does."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.mapping import Mapping
from pipeline.measurement import COUNTERS, CYCLE_COUNTERS
from pipeline.workload import Layer
from rtl.design import RTL
from rtl.generate import generate
from sim import unroll
from sim.build import DATAPATHS, Datapath
from sim.commands import (
    COMPUTE,
    CONFIG,
    LOAD,
    LOOP_FIELDS,
    OPERATION_FIELDS,
    PRELOAD,
    STORE,
    pack,
    unpack,
)
from sim.compiler import ProgramError
from sim.design import Design
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.program import Program, compile_program
from sim.program_tiles import Indices
from sim.task import Record, Task, conclude, prepare
from sim.worker import run
from tests.machines import GEMMINI
from tests.sim.random_tasks import tasks

pytestmark = pytest.mark.xdist_group("gemmini_commands")

COMMANDS = str(RTL / "gemmini_commands" / "compiler.py")
HARDWARE = GEMMINI.template.hardware(4, 4, 4)
MEMORY = MemorySettings.of("simple")
Simulations = dict[tuple[str, Datapath], tuple[Design, Simulation]]


@pytest.fixture(scope="module")
def simulations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulations]:
    folder = tmp_path_factory.mktemp("rtl")
    found: Simulations = {}
    for name, datapath in [("gemmini_commands", "full"), ("gemmini_commands", "timing"), ("gemmini", "timing")]:
        assert datapath in DATAPATHS
        design = Design.load(generate(HARDWARE, folder, design=name))
        found[name, datapath] = (design, Simulation.build(design, datapath))
    yield found
    for _, simulation in found.values():
        simulation.close()


def simulate(simulations: Simulations, task: Task, design: str = "gemmini_commands") -> tuple[Record, Program]:
    found, simulation = simulations[design, task.datapath]
    prepared = prepare(replace(task, compiler=found.compiler))
    record = conclude("", prepared, found.counters, run(simulation, prepared))
    assert record.error == ""
    return record, prepared.program


def unrolled(task: Task) -> tuple[Program, dict[str, Indices]]:
    program = prepare(replace(task, compiler=COMMANDS, datapath="timing")).program
    return program, unpack(OPERATION_FIELDS, program.commands[1:])


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_unpacking_gives_what_was_packed(data: st.DataObject) -> None:
    values = {
        name: np.array(data.draw(st.lists(st.integers(0, 2**width - 1), min_size=3, max_size=3)))
        for name, width in LOOP_FIELDS.items()
    }
    found = unpack(LOOP_FIELDS, pack(LOOP_FIELDS, values, 3))
    assert {name: value.tolist() for name, value in found.items()} == {k: v.tolist() for k, v in values.items()}


@given(tasks())
@settings(deadline=None, max_examples=60)
def test_the_commands_move_exactly_what_the_tiles_say(task: Task) -> None:
    program, single = unrolled(task)
    op, words = single["opcode"], single["rows"] * single["cols"]
    load, preload, compute, store = (op == code for code in (LOAD, PRELOAD, COMPUTE, STORE))
    assert (load | preload | compute | store).all()
    # A compute follows its preload among the executes, and uses the weights that were named last.
    assert (op[preload | compute] == np.tile([PRELOAD, COMPUTE], compute.sum())).all()
    columns = single["cols"][preload]
    results = single["rows"][compute] * columns
    fresh = preload & (single["operand_garbage"] == 0)
    local = load & (single["operand_acc"] == 0)
    element_bytes = 1 + 3 * single["wide"]
    accumulated = results[single["result_accumulate"][preload] == 1]
    assert program.expected_traffic() == {
        "dram_read_bytes": (words * element_bytes)[load & (single["zeros"] == 0)].sum(),
        "dram_write_bytes": (words * element_bytes)[store].sum(),
        "scratchpad_read_words": words[compute].sum() + words[fresh].sum(),
        "scratchpad_write_words": words[local].sum(),
        "accumulator_read_words": accumulated.sum() + words[store].sum(),
        "accumulator_write_words": results.sum() + words[load & ~local].sum(),
        "weight_write_words": words[fresh].sum(),
        "macs": (words[compute] * columns).sum(),
    }


CONVOLUTION = Layer(3, 3, 8, 8, 8, 8, 1)
BY_ROWS = Mapping.parse("L3[WIO] Q8 - L2[WI] K4X - L1[O] C2 S3 R3 K2 C4X - L0[W] P8", CONVOLUTION)


def test_the_loads_of_the_next_tile_lie_between_the_computes_of_the_present_one() -> None:
    program, single = unrolled(Task(BY_ROWS, HARDWARE, "timing", MEMORY))
    assert program.tiles == 8
    halves = single["operand_row"] >= HARDWARE.scratchpad_rows // 2
    computes = np.flatnonzero((single["opcode"] == COMPUTE) & ~halves)
    loads = np.flatnonzero((single["opcode"] == LOAD) & (single["operand_acc"] == 0) & halves)
    # Computes of tiles 0, 2, ... use the first half; loads of tiles 1, 3, ... fill the second one.
    first = computes[: len(computes) // 4]
    between = ((loads > first[0]) & (loads < first[-1])).sum()
    assert between == pytest.approx(len(loads) / 4, abs=2)


def test_the_first_command_stays_the_configuration() -> None:
    program, _ = unrolled(Task(BY_ROWS, HARDWARE, "timing", MEMORY))
    tiles = compile_program(CONVOLUTION, BY_ROWS, HARDWARE)
    assert program.commands[0, 0] & 15 == CONFIG
    np.testing.assert_array_equal(program.commands[0], tiles.commands[0])


def test_too_many_commands_are_an_error_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unroll, "MAX_COMMANDS", 100)
    with pytest.raises(ProgramError, match="single commands"):
        unrolled(Task(BY_ROWS, HARDWARE, "timing", MEMORY))


@given(tasks(designs=(HARDWARE,)))
@settings(deadline=None, max_examples=20)
def test_results_are_exact_counters_the_programs_and_cycles_those_of_the_timing_build(
    simulations: Simulations, task: Task
) -> None:
    record, program = simulate(simulations, task)
    for skip_idle in (0, 1):
        memory = replace(task.memory, skip_idle=skip_idle)
        timing, _ = simulate(simulations, replace(task, datapath="timing", memory=memory))
        assert (record.cycles, record.counters) == (timing.cycles, timing.counters)
    assert set(record.counters) == set(COUNTERS)
    assert sum(record.counters[name] for name in CYCLE_COUNTERS) == record.cycles
    assert {name: record.counters[name] for name in program.expected_traffic()} == program.expected_traffic()


def test_commands_are_issued_at_the_pace_of_the_host(simulations: Simulations) -> None:
    task = Task(BY_ROWS, HARDWARE, "timing", MEMORY)
    record, program = simulate(simulations, task)
    assert record.cycles >= 8 * (len(program.commands) - 1)
    # The array does most of its work while the host makes commands: little is added to that.
    assert record.cycles < 8 * len(program.commands) + MEMORY.host_cycles + 300


def test_the_two_designs_rank_mappings_of_a_layer_differently(simulations: Simulations) -> None:
    # Many small tiles keep the host of the tiles busy; one element a row makes many single commands.
    small_tiles = "L3[WIO] C2 R3 S2 Q3 K3 P2 - L2[WI] N1 - L1[O] K3 P2 S2 C4X - L0[W] P2 Q3"
    small_blocks = "L3[WIO] K8 C3 P2 S3 - L2[WI] N1 - L1[O] R3 P5 C3 - L0[W] Q8"
    faster = {}
    for design in ("gemmini", "gemmini_commands"):
        cycles = {}
        for text in (small_tiles, small_blocks):
            task = Task(Mapping.parse(text, CONVOLUTION), HARDWARE, "timing", MEMORY)
            cycles[text] = simulate(simulations, task, design)[0].cycles
        faster[design] = min(cycles, key=lambda text: cycles[text])
    assert faster == {"gemmini": small_blocks, "gemmini_commands": small_tiles}
