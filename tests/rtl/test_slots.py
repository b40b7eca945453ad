"""How long the array takes, against the slot rules worked out by hand."""

from dataclasses import replace

import pytest

from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim.memory import MemorySettings
from sim.task import Record, Task
from tests.machines import GEMMINI
from tests.rtl.operations import multiply, run
from tests.sim.test_programs import simulated, simulation_of

SMALL = GEMMINI.template.hardware(8, 64, 64)
DEFAULT = GEMMINI.template.hardware(16, 256, 64)
MEMORY = MemorySettings.of("simple")

pytestmark = pytest.mark.xdist_group("slots")


def measured(layer: Layer, text: str, hardware: Hardware) -> Record:
    record = simulated(Task(Mapping.parse(text, layer), hardware, "timing", MEMORY))
    assert record.error == ""
    return record


@pytest.mark.parametrize(
    ("layer", "text", "rows"),
    [
        # One weight block: its preload, then computes of 8, 8 and 1 rows. The second pair is issued too late to share
        # the first compute's slot, so its preload takes the four rows of a slot of its own; so does the last compute.
        (
            Layer(R=1, S=1, P=17, Q=1, C=8, K=8),
            "L3[WIO] N1 - L2[WI] N1 K8X - L1[O] P17 C8X - L0[W] N1",
            8 + 8 + 4 + 8 + 4,
        ),
        # Three weight blocks of one short compute: each but the last compute takes DIM for the weights after it.
        (
            Layer(R=1, S=1, P=2, Q=1, C=24, K=8),
            "L3[WIO] N1 - L2[WI] N1 K8X - L1[O] P2 C3 C8X - L0[W] N1",
            8 + 8 + 8 + 4,
        ),
    ],
)
def test_a_slot_takes_dim_rows_with_new_weights_and_at_least_four_without(layer: Layer, text: str, rows: int) -> None:
    assert measured(layer, text, SMALL).counters["compute_cycles"] == rows


@pytest.mark.parametrize("hardware", [SMALL, DEFAULT], ids=["dim 8", "dim 16"])
def test_five_short_slots_take_as_long_as_the_last_of_them_needs_to_leave_the_array(hardware: Hardware) -> None:
    # Six tags, one of them the next slot's: a slot enters the cycle after the last of its four rows came out whose
    # slot is five before it. Public runs took about 38.5 cycles for five slots at DIM 16.
    dim = hardware.dim
    rows_after_the_first, way_through, entering = 3, 2 * dim + 2, 1
    cycles = []
    for count in (20, 40):
        pairs = [multiply(0, None if i else dim, 8 * (i % 8), 4, dim, accumulate=False) for i in range(count)]
        operations = [operation for pair in pairs for operation in pair]
        cycles.append(run(simulation_of(hardware, "timing"), operations, replace(MEMORY, host_cycles=0)))
    assert cycles[1] - cycles[0] == 20 / 5 * (rows_after_the_first + way_through + entering)
    assert dim != 16 or (cycles[1] - cycles[0]) / 4 == pytest.approx(38.5, abs=1)


def test_loads_of_the_tile_after_the_next_leave_the_array_its_bank() -> None:
    # 64 weight blocks of two computes of 14 rows: 14 cycles, then DIM with the weights that follow. No tile but the
    # last stores; its loads, 1136 cycles of the memory, fit beside the computes of another tile.
    cycles = []
    for tiles in (4, 9):
        layer = Layer(R=1, S=1, P=14, Q=2, C=64 * tiles, K=256)
        text = f"L3[WIO] C{tiles} - L2[WI] K16 K16X - L1[O] C4 Q2 P14 C16X - L0[W] N1"
        cycles.append(measured(layer, text, DEFAULT).cycles)
    assert cycles[1] - cycles[0] == 5 * 64 * (14 + 16)
