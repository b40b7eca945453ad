"""How long the array takes, against the slot rules worked out by hand."""

from pathlib import Path

import pytest

from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from rtl.generate import generate
from sim.build import build
from sim.design import Design
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.task import Task, conclude, prepare
from sim.worker import run

DIM = 8
HARDWARE = Hardware(DIM, 64, 64)

pytestmark = pytest.mark.xdist_group("slots")


@pytest.mark.parametrize(
    ("layer", "text", "rows"),
    [
        # One weight block: its preload, then computes of 8, 8 and 1 rows. The second pair is issued too late to share
        # the first compute's slot, so its preload takes the four rows of a slot of its own; so does the last compute.
        (
            Layer(R=1, S=1, P=17, Q=1, C=8, K=8),
            "L3[WIO] N1 - L2[WI] N1 K8X - L1[O] P17 C8X - L0[W] N1",
            DIM + 8 + 4 + 8 + 4,
        ),
        # Three weight blocks of one short compute: each but the last compute takes DIM for the weights after it.
        (
            Layer(R=1, S=1, P=2, Q=1, C=24, K=8),
            "L3[WIO] N1 - L2[WI] N1 K8X - L1[O] P2 C3 C8X - L0[W] N1",
            DIM + DIM + DIM + 4,
        ),
    ],
)
def test_a_slot_takes_dim_rows_with_new_weights_and_at_least_four_without(
    layer: Layer, text: str, rows: int, tmp_path: Path
) -> None:
    design = Design.load(generate(HARDWARE, folder=tmp_path))
    simulation = Simulation(build(design, "timing").library)
    try:
        task = Task(Mapping.parse(text, layer), HARDWARE, "timing", MemorySettings.of("simple"))
        prepared = prepare(task)
        record = conclude("key", prepared, design.counters, run(simulation, prepared))
    finally:
        simulation.close()
    assert record.error == ""
    assert record.counters["compute_cycles"] == rows
