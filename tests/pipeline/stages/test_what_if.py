"""What changes save: shares against their definition, and against simulations that are set up by hand."""

import math
import random
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.files import ROOT
from pipeline.machine.gemmini.template import DEFAULT
from pipeline.machine.machine import machine_of
from pipeline.mapping import Mapping
from pipeline.stages.changes import CHANGES, changes_of
from pipeline.stages.shares import shares, subsets
from pipeline.stages.what_if import beside, lines, longest, totals, what_if_table
from pipeline.table import Row, columns_of
from pipeline.workload import Layer
from rtl.generate import generate
from sim.design import Design
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.task import Task, prepare
from tests.machines import GEMMINI

TEMPLATE = GEMMINI.template
HARDWARE = TEMPLATE.hardware(4, 32, 16)
LAYER = Layer(R=1, S=1, P=32, Q=1, C=16, K=16)
MAPPING = Mapping.parse("L3[WIO] P2 - L2[WI] K2 C2 K4X - L1[O] K2 C2 C4X - L0[W] P16", LAYER)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shares_are_means_over_all_orders_and_add_up(count: int) -> None:
    causes = "abcde"[:count]
    generator = random.Random(count)
    saved = {case: generator.randrange(-1000, 100_000) for case in subsets(causes)}
    found = shares(causes, saved)
    for cause in causes:
        steps = []
        for order in permutations(causes):
            before = frozenset(order[: order.index(cause)])
            steps.append(saved[before | {cause}] - saved[before])
        assert found[cause] == pytest.approx(sum(steps) / math.factorial(count))
    assert sum(found.values()) == pytest.approx(saved[frozenset(causes)] - saved[frozenset()])


def test_two_causes_that_help_only_together_share_alike() -> None:
    saved = {frozenset(case): 10 * (len(case) == 2) for case in ("", "a", "b", "ab")}
    assert shares("ab", saved) == {"a": 5, "b": 5}


def test_changes_make_hardware_only_larger_unless_a_number_is_asked_for() -> None:
    _, banks, queues, _, _ = CHANGES
    large = DEFAULT.restructured({"load_entries": 48, "scratchpad_banks": 8})
    assert queues.on(large).changed == queues.on(DEFAULT).changed | {"load_entries": 48, "scratchpad_banks": 8}
    assert (banks.on(large)["scratchpad_banks"], banks.on(large)["accumulator_banks"]) == (16, 4)
    (fewer,) = changes_of(["load_entries=2"], TEMPLATE)
    assert fewer.on(large)["load_entries"] == 2
    assert [change.name for change in changes_of([], TEMPLATE)] == ["bus", "banks", "queues", "host", "memory"]
    assert [change.name for change in changes_of([], machine_of("timeloop").template)] == ["host", "memory"]


def run_by_hand(memory: MemorySettings, *, free: bool) -> int:
    """Cycles of the mapping; with ``free`` the host's cycles are taken out of the commands."""
    design = Design.load(generate(HARDWARE, ROOT / "results" / "rtl"))
    program = prepare(Task(MAPPING, HARDWARE, "timing", memory)).program
    commands = program.commands.copy()
    if free:
        commands[:, -1] &= np.uint32(0xFFFF)
        memory = replace(memory, host_cycles=0)
    simulation = Simulation.build(design, "timing")
    simulation.load(commands, None, program.memory_bytes, memory)
    assert simulation.run_until_done()
    return simulation.io.cycles_o


@pytest.mark.xdist_group("rtl")
def test_what_is_saved_is_what_simulations_set_up_by_hand_say(tmp_path: Path) -> None:
    table = columns_of([Row(MAPPING, HARDWARE)] * 3, ["one", "wrong", "two"], [1, 1, 5])
    table.loc[1, "mapping.mapping"] = "L3[WIO] K2"
    changes = changes_of(["host", "memory"], TEMPLATE)
    result = what_if_table(table, changes, design="gemmini", memory="soc", jobs=1, work_dir=tmp_path)
    soc = MemorySettings.of("soc")
    at_once = replace(MemorySettings.of("simple"), latency_cycles=1, bytes_per_cycle=1 << 12)
    cycles = {(m, free): run_by_hand(m, free=free) for m in (soc, at_once) for free in (False, True)}
    as_it_is, host, memory, both = (
        cycles[soc, False],
        cycles[soc, True],
        cycles[at_once, False],
        cycles[at_once, True],
    )
    assert as_it_is > host > both
    assert as_it_is > memory > both
    row = result.iloc[0]
    assert (row["what_if.cycles"], row["what_if.cycles_all"]) == (as_it_is, both)
    assert (row["what_if.alone.host"], row["what_if.alone.memory"]) == (as_it_is - host, as_it_is - memory)
    assert row["what_if.share.host"] == (as_it_is - host + memory - both) / 2
    assert result["error"].ne("").tolist() == [False, True, False]
    saved = totals(result).set_index("change")
    assert saved["cycles"].unique().tolist() == [6 * as_it_is]
    assert saved["share"]["host"] + saved["share"]["memory"] == pytest.approx(saved["share"]["all"])
    assert saved["alone"]["all"] == pytest.approx(1 - both / as_it_is)
    said = lines(totals(result), changes)
    assert said[1].endswith(f"{100 * saved['alone']['host']:.1f} %  {100 * saved['share']['host']:6.1f} %")
    assert said[-1] == f"of {6 * as_it_is:,} cycles"


@pytest.mark.long
def test_every_change_of_the_structure_alone_is_a_simulation_of_that_hardware(tmp_path: Path) -> None:
    table = columns_of([Row(MAPPING, HARDWARE)])
    changes = changes_of([], TEMPLATE)
    result = what_if_table(table, changes, design="gemmini", memory="soc", jobs=2, work_dir=tmp_path)
    assert result["error"].tolist() == [""]
    for change in changes[:3]:
        hardware = change.on(HARDWARE)
        design = Design.load(generate(hardware, ROOT / "results" / "rtl"))
        simulation = Simulation.build(design, "timing")
        program = prepare(Task(MAPPING, HARDWARE, "timing", MemorySettings.of("soc"))).program
        simulation.load(program.commands, None, program.memory_bytes, MemorySettings.of("soc"))
        assert simulation.run_until_done()
        saved = result["what_if.cycles"][0] - simulation.io.cycles_o
        assert result[f"what_if.alone.{change.name}"][0] == saved
    names = [change.name for change in changes]
    together = result["what_if.cycles"][0] - result["what_if.cycles_all"][0]
    assert sum(result[f"what_if.share.{name}"][0] for name in names) == pytest.approx(together)


def test_the_longest_layers_are_those_that_take_most_of_the_networks_cycles() -> None:
    table = pd.DataFrame({"sim.cycles": [10, 400, 30, 100], "layer.count": [50, 1, 1, 1]})
    assert list(longest(table, 2, 1000).index) == [0, 1]
    assert list(longest(table, 2, 100).index) == [0, 3]
    assert list(longest(table, 2, 5).index) == [0]
    with pytest.raises(ValueError, match=r"--layers needs the column sim.cycles"):
        longest(table[["layer.count"]], 1, 10)


@pytest.mark.parametrize(("name", "other"), [("a.csv", "a-what-if.csv"), ("b.csv.gz", "b-what-if.csv.gz")])
def test_the_table_is_written_beside_the_one_that_was_read(name: str, other: str) -> None:
    assert beside(Path("x") / name) == Path("x") / other
