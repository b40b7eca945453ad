"""A wider bus: as many bytes more a cycle, and the same results."""

import pytest

from pipeline.hardware import Hardware
from tests.rtl.operations import Operation, load, run, store
from tests.rtl.test_cycles import SETTINGS
from tests.rtl.test_variants import check
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_programs import simulation_of

SMALL, DEFAULT = DESIGNS[1], DESIGNS[3]
LINE = 64
"""Bytes of a row of int32 at DIM 16."""

pytestmark = pytest.mark.xdist_group("rtl")


def wide(hardware: Hardware, bus_bytes: int) -> Hardware:
    return hardware.restructured({"bus_bytes": bus_bytes})


# The memory acknowledges a write when it has moved it, which takes as long again as the last row's beats.
@pytest.mark.parametrize("bus_bytes", [32, 64])
@pytest.mark.parametrize(
    ("operation", "rows"), [(load(0, 0, 16, 16, acc=True), 16), (store(0, 0, 16, 16), 16 + 1)], ids=["load", "store"]
)
def test_a_row_of_64_bytes_takes_as_many_cycles_as_it_has_beats(
    operation: Operation, rows: int, bus_bytes: int
) -> None:
    # The first row begins at the same time, and the rows follow each other without a gap.
    narrow, wider = (
        run(simulation_of(hardware, "timing"), [operation], SETTINGS)
        for hardware in (DEFAULT, wide(DEFAULT, bus_bytes))
    )
    assert narrow - wider == rows * (LINE // 16 - LINE // bus_bytes)


@pytest.mark.parametrize("bus_bytes", [32, 64])
def test_a_row_of_16_bytes_takes_a_cycle_on_every_bus(bus_bytes: int) -> None:
    operations = [load(0, 0, 16, 16), load(16, 512, 16, 16)]
    narrow, wider = (
        run(simulation_of(hardware, "timing"), operations, SETTINGS) for hardware in (DEFAULT, wide(DEFAULT, bus_bytes))
    )
    assert narrow == wider


@pytest.mark.long
@pytest.mark.parametrize("bus_bytes", [32, 64])
@pytest.mark.parametrize("hardware", [SMALL, DEFAULT], ids=["dim 4", "dim 16"])
def test_programs_run_right_on_a_wider_bus(hardware: Hardware, bus_bytes: int) -> None:
    check({}, 40, wide(hardware, bus_bytes))
