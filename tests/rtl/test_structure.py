"""Illegal structures are refused, and what a run says that hangs or gets an unknown command."""

from dataclasses import replace

import numpy as np
import pytest

from sim.build import DATAPATHS, BuildError, Datapath, build
from sim.commands import CONFIG, CONFIG_FIELDS, pack
from sim.memory import MemorySettings
from tests.rtl.operations import commands, multiply
from tests.rtl.variants import variant
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_programs import simulation_of

HARDWARE = DESIGNS[1]
DIM = HARDWARE.dim

pytestmark = pytest.mark.xdist_group("rtl")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ScratchpadBanks": 3}, "ScratchpadRows = 1024 is not a multiple of ScratchpadBanks = 3"),
        ({"AccumulatorBanks": 3}, "AccumulatorRows = 256 is not a multiple of AccumulatorBanks = 3"),
        ({"BusBytes": 8}, "BusBytes = 8 is not 16, 32 or 64"),
        ({"ReadsInFlight": 43}, "ReadsInFlight = 43 is not from 1 to 42"),
        ({"WritesInFlight": 65}, "WritesInFlight = 65 is not from 1 to 64"),
        ({"ExecuteEntries": 1}, "or ExecuteEntries = 1 at least 2"),
        ({"ExecuteEntries": 120}, "132 entries of the reservation station are more than 128"),
        ({"ExecuteQueue": 1}, "or ExecuteQueue = 1 at least 2"),
        ({"ArraySlots": 1}, "ArraySlots = 1 is not at least 2"),
        ({"TilesInFlight": 3}, "TilesInFlight = 3 is not 1 or 2"),
    ],
)
def test_an_illegal_structure_does_not_elaborate_and_says_why(parameters: dict[str, int], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        build(variant(HARDWARE, **parameters), "timing")


@pytest.mark.parametrize("datapath", DATAPATHS)
def test_an_unknown_opcode_ends_the_run(datapath: Datapath) -> None:
    words = np.concatenate([pack(CONFIG_FIELDS, {"opcode": CONFIG}, 1), pack(CONFIG_FIELDS, {"opcode": 9}, 1)])
    simulation = simulation_of(HARDWARE, datapath)
    memory = np.zeros(4096, dtype=np.uint8) if datapath == "full" else None
    simulation.load(words, memory, 4096, MemorySettings.of("simple"))
    assert simulation.run_until_done()
    assert simulation.error.endswith(": unknown opcode 9")


@pytest.mark.parametrize("skip_idle", [0, 1])
@pytest.mark.parametrize("datapath", DATAPATHS)
def test_a_run_that_hangs_says_what_waits_for_what(datapath: Datapath, skip_idle: int) -> None:
    # A preload without its compute never starts.
    operations = [multiply(0, 512, 0, DIM, DIM, accumulate=False)[0]]
    simulation = simulation_of(HARDWARE, datapath)
    memory = np.zeros(4096, dtype=np.uint8) if datapath == "full" else None
    settings = replace(MemorySettings.of("simple"), skip_idle=skip_idle)
    simulation.load(commands(operations), memory, 4096, settings)
    assert simulation.run_until_done()
    assert simulation.error.endswith(": nothing has retired for 100,000 cycles: execute 0 is issued")
