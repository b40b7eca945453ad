"""Tiles over time: what the spans say adds up with the counters of the whole run."""

from dataclasses import replace
from itertools import pairwise

import pytest

from pipeline.mapping import Mapping
from pipeline.workload import Layer
from rtl.generate import generate
from sim.design import Design
from sim.memory import MemorySettings
from sim.runner import Request, simulate
from sim.task import Task
from sim.timeline import record
from tests.machines import GEMMINI

LAYER = Layer(R=1, S=1, P=32, Q=1, C=32, K=32, N=1)
TILED = Mapping.parse("L3[WIO] K2 C2 - L2[WI] N1 K8X - L1[O] P32 C2 K2 C8X - L0[W] N1", LAYER)


@pytest.fixture(scope="module")
def spans_and_cycles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("timeline")
    hardware = GEMMINI.template.hardware(8, 64, 32)
    design = Design.load(generate(hardware, folder, design="gemmini"))
    task = Task(TILED, hardware, "timing", MemorySettings.of("simple"))
    [measured] = simulate([Request(design, task)], "inprocess", folder / "journal", 1)
    return record(design, task, tiles=4, cycles=measured.cycles), measured


def test_every_tile_loads_computes_and_its_outputs_are_stored(spans_and_cycles):
    spans, _ = spans_and_cycles
    stages = {(span.tile, span.stage) for span in spans}
    assert stages >= {(tile, stage) for tile in range(4) for stage in ("load", "compute")}
    assert {tile for tile, stage in stages if stage == "store"} == {1, 3}  # the last tiles of two reductions


def test_stages_of_a_tile_follow_each_other_and_end_within_the_run(spans_and_cycles):
    spans, measured = spans_and_cycles
    at = {(span.tile, span.stage): span for span in spans}
    for tile in range(4):
        load, compute = at[tile, "load"], at[tile, "compute"]
        assert 0 <= load.start < load.end <= measured.cycles
        assert load.start <= compute.start < compute.end <= measured.cycles
        assert compute.end >= load.end
    for tile in (1, 3):
        assert at[tile, "compute"].start < at[tile, "store"].start < at[tile, "store"].end <= measured.cycles


def test_tiles_take_turns_at_each_stage(spans_and_cycles):
    spans, _ = spans_and_cycles
    for stage in ("load", "compute"):
        mine = sorted((span for span in spans if span.stage == stage), key=lambda span: span.tile)
        assert all(before.end <= after.end and before.start <= after.start for before, after in pairwise(mine))


def test_tiles_of_a_design_without_the_counters_cannot_be_told_apart(tmp_path):
    hardware = GEMMINI.template.hardware(8, 64, 32)
    design = Design.load(generate(hardware, tmp_path, design="gemmini"))
    task = Task(TILED, hardware, "timing", MemorySettings.of("simple"))
    assert record(replace(design, counters=("compute_cycles",)), task, tiles=1, cycles=100) == []
