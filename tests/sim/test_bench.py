"""The test bench, the memory models and the ctypes driver, on a design that only copies lines."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.choices import MEMORIES, Memory
from pipeline.files import digest_files
from sim.build import BuildError, MissingToolError, build, cache_folder, compiler, elaborate
from sim.design import Design
from sim.inprocess import Simulation
from sim.memory import MemorySettings

SOURCE = Path(__file__).parent / "copy_engine" / "design_top.sv"
LINE = 64


def copy_engine() -> Design:
    return Design("copy", (SOURCE,), digest_files([SOURCE]), ("busy_cycles", "dram_read_bytes"))


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    simulation = Simulation.build(copy_engine(), "full")
    yield simulation
    simulation.close()


def copy_commands(*copies: tuple[int, ...]) -> NDArray[np.uint32]:
    """Commands from (lines, source line, destination line, allowed lines)."""
    commands = np.zeros((len(copies), 16), dtype=np.uint32)
    for command, (lines, source, destination, *allowed) in zip(commands, copies, strict=True):
        command[:3] = lines, source * LINE, destination * LINE
        command[3] = allowed[0] if allowed else 0
    return commands


def contents(lines: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, lines * LINE, dtype=np.uint8)


def run(simulation: Simulation, commands: NDArray[np.uint32], lines: int, settings: MemorySettings) -> int:
    """Cycles of a run on random contents."""
    memory = contents(lines)
    simulation.load(commands, memory, memory.nbytes, settings)
    assert simulation.run_until_done()
    assert simulation.error == ""
    return simulation.io.cycles_o


@pytest.mark.parametrize("kind", MEMORIES)
@pytest.mark.parametrize("stall_permille", [0, 300])
def test_bytes_arrive_whatever_the_memory_does(simulation: Simulation, kind: Memory, stall_permille: int) -> None:
    before = contents(400)
    memory = before.copy()
    settings = replace(MemorySettings.of(kind), stall_permille=stall_permille, seed=5)
    simulation.load(copy_commands((100, 0, 200), (50, 200, 350)), memory, memory.nbytes, settings)
    assert simulation.run_until_done()
    expected = before.copy()
    expected[200 * LINE : 300 * LINE] = before[: 100 * LINE]
    expected[350 * LINE :] = before[: 50 * LINE]
    np.testing.assert_array_equal(memory, expected)
    assert simulation.io.counters_o >> 64 == 150 * LINE


@pytest.mark.parametrize("kind", MEMORIES)
def test_skipping_idle_cycles_changes_no_count(simulation: Simulation, kind: Memory) -> None:
    settings = MemorySettings.of(kind)
    counts = []
    for skip_idle in (0, 1):
        run(simulation, copy_commands((100, 0, 200), (100, 50, 100)), 300, replace(settings, skip_idle=skip_idle))
        counts.append((simulation.io.cycles_o, simulation.io.host_cycles_o, simulation.io.counters_o))
    assert counts[0] == counts[1]


def test_every_cycle_is_a_busy_or_a_host_cycle(simulation: Simulation) -> None:
    cycles = run(simulation, copy_commands((10, 0, 10)), 20, MemorySettings.of("simple"))
    busy = simulation.io.counters_o & (2**64 - 1)
    assert cycles == busy + simulation.io.host_cycles_o


def test_a_cycle_of_latency_costs_a_cycle_a_line_each_way(simulation: Simulation) -> None:
    settings = MemorySettings.of("simple")
    cycles = [
        run(simulation, copy_commands((100, 0, 100)), 200, replace(settings, latency_cycles=latency))
        for latency in (40, 41)
    ]
    assert cycles[1] - cycles[0] == 2 * 100


def test_a_line_that_was_read_before_is_faster_to_read_on_soc(simulation: Simulation) -> None:
    settings = replace(MemorySettings.of("soc"), warm=0)
    once = run(simulation, copy_commands((64, 0, 256), (64, 64, 256)), 400, settings)
    twice = run(simulation, copy_commands((64, 0, 256), (64, 0, 256)), 400, settings)
    assert twice < once - 64 * settings.port_cycles


def test_a_warm_soc_holds_the_memory_that_was_written_last(simulation: Simulation) -> None:
    warm = MemorySettings.of("soc")
    lines = 2 * warm.cache_kib * 1024 // 64
    first, last = (run(simulation, copy_commands((64, start, start)), lines, warm) for start in (0, lines - 64))
    cold = run(simulation, copy_commands((64, 0, 0)), lines, replace(warm, warm=0))
    assert last < first - 64 * warm.port_cycles // 2
    assert first < cold - 64 * warm.port_cycles // 2


def test_a_failed_assertion_ends_the_run_with_its_place_and_the_next_run_is_unharmed(simulation: Simulation) -> None:
    memory = contents(20)
    simulation.load(copy_commands((10, 0, 10, 5)), memory, memory.nbytes, MemorySettings.of("simple"))
    assert simulation.run_until_done()
    assert simulation.io.error_o == 1
    assert simulation.error.startswith("assertion failed in design_top.sv:")
    run(simulation, copy_commands((10, 0, 10)), 20, MemorySettings.of("simple"))


def test_an_access_outside_the_programs_memory_is_an_error(simulation: Simulation) -> None:
    memory = contents(20)
    simulation.load(copy_commands((10, 15, 0)), memory, memory.nbytes, MemorySettings.of("simple"))
    assert simulation.run_until_done()
    assert "address is outside the program's memory" in simulation.error


def test_a_run_over_its_cycle_budget_is_an_error(simulation: Simulation) -> None:
    memory = contents(2000)
    settings = replace(MemorySettings.of("simple"), budget_kilocycles=3)
    simulation.load(copy_commands((1000, 0, 1000)), memory, memory.nbytes, settings)
    assert simulation.run_until_done()
    assert simulation.error == "cycle budget of 3,000 exceeded"


def test_the_clock_can_be_ticked_by_hand_with_the_same_count(simulation: Simulation) -> None:
    commands, memory = copy_commands((3, 0, 5)), contents(10)
    settings = replace(MemorySettings.of("simple"), skip_idle=0)
    cycles = run(simulation, commands, 10, settings)
    simulation.load(commands, memory, memory.nbytes, settings)
    simulation.io.go_i = 1
    ticks = 0
    while not simulation.io.done_o:
        simulation.clock.tick()
        ticks += 1
    assert simulation.io.cycles_o == cycles == ticks - 1


def test_two_simulations_of_one_design_run_and_close_apart(simulation: Simulation) -> None:
    alone = run(simulation, copy_commands((10, 0, 10)), 20, MemorySettings.of("simple"))
    memory = contents(400)
    simulation.load(copy_commands((100, 0, 200)), memory, memory.nbytes, MemorySettings.of("simple"))
    assert not simulation.run_until_done(50)
    others = [Simulation.build(copy_engine(), "full") for _ in range(2)]
    for other in others:
        assert run(other, copy_commands((10, 0, 10)), 20, MemorySettings.of("simple")) == alone
        other.close()
        other.close()
    assert simulation.run_until_done()
    np.testing.assert_array_equal(memory[200 * LINE : 300 * LINE], contents(400)[: 100 * LINE])


def test_a_process_that_leaves_simulations_of_one_design_open_ends_well() -> None:
    library = build(copy_engine(), "full").library
    code = (
        f"from pathlib import Path; from sim.inprocess import Simulation; "
        f"held = [Simulation(Path({str(library)!r})) for _ in range(3)]; held[1].close()"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_port_is_named(simulation: Simulation) -> None:
    with pytest.raises(AttributeError, match="no port 'nonsense'"):
        _ = simulation.io.nonsense
    with pytest.raises(AttributeError, match="no one-bit input 'cycles_o'"):
        simulation.io.cycles_o = 1


def test_a_missing_compiler_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler.cache_clear()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(MissingToolError, match=r"g\+\+ not found; install the package 'g\+\+'"):
        compiler()


def test_a_design_that_does_not_build_says_where(tmp_path: Path) -> None:
    broken = tmp_path / "design_top.sv"
    broken.write_text("module design_top;\n  nonsense\nendmodule\n", encoding="utf-8")
    design = Design("broken", (broken,), digest_files([broken]), ("a",))
    with pytest.raises(BuildError, match=r"verilator_bin failed: %Error: .*design_top\.sv:3"):
        build(design, "timing")


def test_a_design_that_does_not_elaborate_says_where_without_a_build(tmp_path: Path) -> None:
    broken = tmp_path / "design_top.sv"
    broken.write_text("module design_top;\n  nonsense\nendmodule\n", encoding="utf-8")
    design = Design("broken", (broken,), digest_files([broken]), ("a",))
    with pytest.raises(ValueError, match=r"design broken: verilator_bin failed: .*design_top\.sv:3"):
        elaborate(design)
    assert not list(cache_folder().glob("elaborated-broken*"))


def test_the_design_that_tests_run_elaborates() -> None:
    elaborate(copy_engine())


@pytest.mark.long
def test_the_first_program_of_a_process_is_reset_under_cocotb_too(tmp_path: Path) -> None:
    rows = (
        "mapping.mapping,prob.R,prob.S,prob.P,prob.Q,prob.C,prob.K,arch.meshX,arch.mem1_depth,arch.mem2_depth\n"
        "L2[WIO] N1 - L1[WI] Q2 K2 C8 P2 K4X - L0[O] P4X,1,1,8,2,8,8,4,128,1024\n"
    )
    (tmp_path / "in.csv").write_text(rows, encoding="utf-8")
    files = str(tmp_path / "in.csv"), str(tmp_path / "out.csv")
    command = [sys.executable, "-m", "pipeline.cli", "simulate", *files, "--design", "output_stationary"]
    done = subprocess.run(command, timeout=600, check=False)  # a timing build, where every register begins at 0
    assert done.returncode == 0
