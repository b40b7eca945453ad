"""What the caches of ``soc`` are counted to have done, and what that costs."""

from dataclasses import replace
from functools import cache

import pytest

from pipeline.machine.energy import below_bus_uj
from pipeline.mapping import Mapping
from pipeline.measurement import CACHE_COUNTERS
from pipeline.workload import Layer
from sim.design import Design
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.task import Record, Task, conclude, prepare
from sim.worker import run
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_programs import design_of

pytestmark = pytest.mark.xdist_group("rtl")

# Inputs, weights and results are 64 lines each. With C outermost sums leave and come back: 256 lines of int32.
LAYER = Layer(R=1, S=1, P=64, Q=1, C=64, K=64)
MAPPING = Mapping(LAYER, ((("P", 64),), (), (), (("C", 16), ("K", 16))), spatial=(4, 4))
ONE_PASS = Mapping(LAYER, ((("P", 16),), (("C", 16),), (), (("P", 4), ("K", 16))), spatial=(4, 4))
COLD = replace(MemorySettings.of("soc"), warm=0)


@cache
def simulation() -> tuple[Design, Simulation]:
    design = design_of(DESIGNS[1])
    return design, Simulation.build(design, "timing")


def caches_of(mapping: Mapping, memory: MemorySettings) -> Record:
    design, found = simulation()
    prepared = prepare(Task(mapping, DESIGNS[1], "timing", memory))
    record = conclude("", prepared, design.counters, run(found, prepared))
    assert record.error == ""
    return record


def test_every_line_misses_once_where_all_fits_and_none_when_it_was_there() -> None:
    cold, warm = (caches_of(ONE_PASS, replace(COLD, warm=warm)).caches for warm in (0, 1))
    # Results are written four bytes at a time: their lines are fetched too.
    lines = 3 * 64
    assert (cold["cache_misses"], cold["cache_fills"], cold["dram_lines"]) == (lines, lines, lines)
    assert (warm["cache_misses"], warm["cache_fills"], warm["dram_lines"]) == (0, 0, 0)
    assert cold["cache_hits"] + lines == warm["cache_hits"]
    assert cold["cache_write_backs"] == warm["cache_write_backs"] == 0


def test_a_small_cache_writes_back_and_leaves_the_accesses_as_they_were() -> None:
    large, small = (caches_of(MAPPING, replace(COLD, cache_kib=kib)).caches for kib in (512, 4))
    assert sum(small[name] for name in ("cache_hits", "cache_misses")) == sum(
        large[name] for name in ("cache_hits", "cache_misses")
    )
    assert small["cache_misses"] > large["cache_misses"]
    assert small["cache_write_backs"] > large["cache_write_backs"] == 0
    # The last-level cache holds all of it: what the small cache gives away is still there.
    assert small["dram_lines"] == large["dram_lines"] == large["cache_fills"]


def test_a_memory_without_caches_counts_nothing() -> None:
    assert caches_of(MAPPING, MemorySettings.of("simple")).caches == {}


def test_each_memory_below_the_bus_has_its_price() -> None:
    counts = dict.fromkeys(CACHE_COUNTERS, 0)
    assert below_bus_uj(1000, counts) == pytest.approx(1000 * (97 + 5 * 512) / 199 * 1e-6, rel=1e-6)
    counts |= {"cache_fills": 3, "cache_write_backs": 2, "dram_lines": 4}
    assert below_bus_uj(0, counts) == pytest.approx(64 * (5 * (97 + 5 * 512) / 199 + 4 * 100.0) * 1e-6, rel=1e-6)
