"""Cycle counts worked out by hand, and the class that each cycle is counted in.

Every cycle of a program passes a register of the design: an operation is issued from the reservation station, leaves
its controller's queue, is at work, and completes. Host cycles besides: the test bench starts, offers the configuration
and offers the first operation.
"""

from dataclasses import replace

import pytest

from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim.memory import MemorySettings
from sim.task import Task
from tests.machines import GEMMINI
from tests.rtl.operations import Operation, load, multiply, run, store
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_programs import simulated, simulation_of

SMALL, DEFAULT = DESIGNS[1], DESIGNS[3]
LATENCY = 40
SETTINGS = replace(MemorySettings.of("simple"), host_cycles=0, latency_cycles=LATENCY)
HOST = 4
CLASSES = ("compute", "load", "store", "fill_drain")
ROUND_TRIP = LATENCY + 2
"""From a read that takes a place in flight to its last beat, which frees it: request register, latency, arrival."""

pytestmark = pytest.mark.xdist_group("rtl")


def classes(operations: list[Operation], hardware: Hardware, settings: MemorySettings = SETTINGS) -> dict[str, int]:
    """Cycles of a program by class; their sum is all of them but the host's."""
    simulation = simulation_of(hardware, "timing")
    cycles = run(simulation, operations, settings)
    counters = simulation.io.counters_o
    found = {name: counters >> (64 * i) & (2**64 - 1) for i, name in enumerate(CLASSES)}
    assert sum(found.values()) + simulation.io.host_cycles_o == cycles
    assert simulation.io.host_cycles_o == HOST + settings.host_cycles
    return {name: value for name, value in found.items() if value}


BOTH = pytest.mark.parametrize("hardware", [SMALL, DEFAULT], ids=["dim 4", "dim 16"])


@pytest.mark.parametrize("rows", [1, 2, 4])
@BOTH
def test_a_zero_load_takes_a_cycle_a_row(hardware: Hardware, rows: int) -> None:
    issued, leaves, completes = 1, 1, 1
    operations = [load(0, 0, rows, hardware.dim, zeros=True)]
    assert classes(operations, hardware) == {"load": issued + leaves + rows + completes}


@pytest.mark.parametrize("latency", [1, 40, 100])
@pytest.mark.parametrize("rows", [1, 2, 4])
@BOTH
def test_a_load_of_rows_of_one_beat_takes_the_latency_and_a_cycle_a_row(
    hardware: Hardware, rows: int, latency: int
) -> None:
    # On the way out: the row leaves its controller, is split, is requested. On the way back: the beat arrives, queues,
    # is written.
    issued, way_out, way_back, completes = 1, 3, 3, 1
    operations = [load(0, 0, rows, hardware.dim)]
    expected = issued + way_out + latency + way_back + completes + rows - 1
    assert classes(operations, hardware, replace(SETTINGS, latency_cycles=latency)) == {"load": expected}


@BOTH
def test_a_preload_and_its_compute_take_two_slots_and_the_way_through_the_array(hardware: Hardware) -> None:
    dim = hardware.dim
    # Nothing is fed while both are issued and the slot begins, nor from the last row fed to its result: the read pipe,
    # the array, the preload's completion (noted, taken).
    before, pipe, array, completes = 3, 5, 2 * dim + 2, 1
    operations = multiply(0, hardware.scratchpad_rows // 2, 0, dim, dim, accumulate=False)
    expected = {"compute": 2 * dim, "fill_drain": before + pipe + array + completes}
    assert classes(operations, hardware) == expected


@pytest.mark.parametrize("rows", [1, 2, 16])
def test_a_load_of_rows_of_four_beats_takes_the_latency_and_four_cycles_a_row(rows: int) -> None:
    # A read a row; memory sends a beat a cycle, and a beat is one block of the row.
    issued, way_out, way_back, completes, beats = 1, 3, 3, 1, 4
    wide = load(0, 0, rows, DEFAULT.dim) | {"cols": 4 * DEFAULT.dim, "stride": 64}
    expected = issued + way_out + LATENCY + way_back + completes + beats * rows - 1
    assert classes([wide], DEFAULT) == {"load": expected}


@pytest.mark.parametrize("count", [2, 3, 4])
def test_loads_of_sixteen_reads_take_a_round_trip_each_when_sixteen_may_be_in_flight(count: int) -> None:
    # The first read of a load takes the place of the first one of the load before it.
    issued, way_out, way_back, completes, rows = 1, 3, 3, 1, 16
    loads = [load(rows * i, 256 * i, rows, DEFAULT.dim) for i in range(count)]
    expected = issued + way_out + LATENCY + way_back + completes + rows - 1 + (count - 1) * ROUND_TRIP
    assert classes(loads, DEFAULT) == {"load": expected}


@pytest.mark.parametrize("count", [2, 3, 5])
@BOTH
def test_pairs_with_new_weights_take_a_slot_each_and_one_for_the_first_weights(hardware: Hardware, count: int) -> None:
    # Weights and inputs in different banks: nothing waits for a bank.
    dim, half = hardware.dim, hardware.scratchpad_rows // 2
    before, pipe, array, completes = 3, 5, 2 * dim + 2, 1
    pairs = [multiply(dim * i, half + dim * i, dim * i, dim, dim, accumulate=False) for i in range(count)]
    operations = [operation for pair in pairs for operation in pair]
    expected = {"compute": (count + 1) * dim, "fill_drain": before + pipe + array + completes}
    assert classes(operations, hardware) == expected


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_a_store_of_rows_of_one_beat_takes_the_latency_and_a_cycle_a_row(rows: int) -> None:
    # A row is read, passes three stages, is sent; memory acknowledges it.
    issued, read, stages, sent, acknowledged = 1, 1, 3, 1, 1
    expected = issued + read + stages + sent + LATENCY + acknowledged + rows - 1
    assert classes([store(0, 0, rows, SMALL.dim)], SMALL) == {"store": expected}


@pytest.mark.parametrize("rows", [1, 2, 16])
def test_a_store_of_rows_of_four_beats_takes_four_cycles_a_row_and_its_time_on_the_bus(rows: int) -> None:
    issued, read, stages, sent, acknowledged = 1, 1, 3, 1, 1
    beats, bus = 4, 4
    expected = issued + read + stages + sent + LATENCY + acknowledged + (beats * rows - 1) + (bus - 1)
    assert classes([store(0, 0, rows, DEFAULT.dim)], DEFAULT) == {"store": expected}


def test_a_cycle_is_compute_before_load_before_store_before_fill_and_drain() -> None:
    # A load that lasts throughout hides the store behind it, and leaves the rows fed to compute.
    dim = SMALL.dim
    pair = multiply(0, SMALL.scratchpad_rows // 2, 0, dim, dim, accumulate=False)
    slow = replace(SETTINGS, latency_cycles=200)
    beside = classes([load(256, 0, dim, dim), *pair, store(64, 64, 1, dim)], SMALL, slow)
    loading = classes([load(256, 0, dim, dim)], SMALL, slow)["load"]
    assert beside["compute"] == 2 * dim
    assert beside["load"] == loading - 2 * dim
    # Little or nothing is left of the store when the load is complete.
    assert beside.get("store", 0) < 20
    assert "fill_drain" not in beside


def test_the_hosts_cycles_are_its_own() -> None:
    assert classes([store(0, 0, 1, SMALL.dim)], SMALL, replace(SETTINGS, host_cycles=600)) == {"store": LATENCY + 7}


PRODUCT = "L3[WIO] {outer} - L2[WI] N1 K16X - L1[O] {inner} C16X - L0[W] N1"


def product(p: int, c: int, k: int, outer: str, inner: str) -> int:
    """Cycles of a matrix product in blocks of 16."""
    mapping = Mapping.parse(PRODUCT.format(outer=outer, inner=inner), Layer(R=1, S=1, P=p, Q=1, C=c, K=k))
    return simulated(Task(mapping, GEMMINI.template.hardware(16, 256, 64), "timing", SETTINGS)).cycles


def test_a_tile_of_one_block_takes_its_loads_its_slots_and_its_stores() -> None:
    # The tile is taken and its units start; 16 rows of weights and 16 of input are 32 reads, 16 of them in flight; both
    # operations are issued and the first slot begins; two slots; from the last row fed to the preload's completion;
    # the stores of 16 rows of one beat.
    starts, loads, begins, slots = 2, 8 + LATENCY + 15 + ROUND_TRIP, 2, 2 * 16
    results, stores = 5 + 2 * 16 + 2 + 1, 7 + LATENCY + 15
    assert product(16, 16, 16, "N1", "P16") == HOST + starts + loads + begins + slots + results + stores


def test_a_second_block_of_rows_takes_another_round_of_reads_and_another_slot() -> None:
    assert product(32, 16, 16, "N1", "P32") - product(16, 16, 16, "N1", "P16") == ROUND_TRIP + 16


@pytest.mark.parametrize(
    ("sizes", "outer", "inner", "cycles"),
    [
        # A row more is a load, a slot of four rows and a store of its own.
        ((17, 16, 16), "N1", "P17", 275),
        # Tiles with results of their own: from the third on the host waits for room.
        ((16, 16, 32), "K2", "P16", 378),
        ((16, 16, 48), "K3", "P16", 501),
        ((16, 16, 64), "K4", "P16", 632),
        # A reduction over tiles stores once.
        ((16, 32, 16), "C2", "P16", 374),
        ((16, 48, 16), "C3", "P16", 501),
        # A reduction inside a tile: a block executes as soon as its own operands are there.
        ((16, 32, 16), "N1", "C2 P16", 321),
        ((16, 48, 16), "N1", "C3 P16", 411),
        # Partial sums leave and come back: the refill waits for the acknowledgement of the last store.
        ((32, 32, 16), "C2 P2", "P16", 1089),
    ],
)
def test_a_matrix_product_takes_the_cycles_it_took(
    sizes: tuple[int, int, int], outer: str, inner: str, cycles: int
) -> None:
    # Frozen as measured, not derived: a change of the design that moves one of them must say why.
    assert product(*sizes, outer, inner) == cycles


@pytest.mark.parametrize(
    ("layer", "inner", "cycles"),
    [
        # Zeros for 2 x 16 sums, 16 rows of weights, 2 x 16 of input; execution starts when all are issued.
        (Layer(R=1, S=1, P=16, Q=2, C=16, K=16), "Q2 P16", 351),
        # Nine blocks of weights with four rows of four pixels each: 36 computes of four rows, nine weight loads.
        (Layer(R=3, S=3, P=4, Q=4, C=16, K=16), "R3 S3 Q4 P4", 885),
    ],
)
def test_a_convolution_takes_the_cycles_it_took(layer: Layer, inner: str, cycles: int) -> None:
    mapping = Mapping.parse(PRODUCT.format(outer="N1", inner=inner), layer)
    assert simulated(Task(mapping, GEMMINI.template.hardware(16, 256, 64), "timing", SETTINGS)).cycles == cycles


def test_stores_of_a_tile_go_before_the_computes_of_the_next() -> None:
    # Frozen as measured. With computes first, stores of small tiles end later, so does the tile that waits for room: 6
    # cycles more.
    layer = Layer(R=5, S=3, P=17, Q=9, C=1, K=16, dilation_w=2, dilation_h=3)
    mapping = Mapping.parse("L3[WIO] Q2 R3 P2 - L2[WI] N1 K16X - L1[O] R2 S3 - L0[W] Q6 P12", layer)
    assert simulated(Task(mapping, GEMMINI.template.hardware(16, 256, 64), "timing", SETTINGS)).cycles == 7138


def test_the_tile_for_which_there_was_no_room_waits_for_its_commands() -> None:
    # Frozen as measured: 6202 where the host has the next tile a cycle earlier.
    layer = Layer(R=3, S=1, P=3, Q=3, C=1, K=3, N=3, stride_w=1, stride_h=3)
    mapping = Mapping.parse("L3[WIO] Q2 N2 R2 P3 - L2[WI] N1 - L1[O] Q2 R2 K3 - L0[W] N2", layer)
    assert simulated(Task(mapping, GEMMINI.template.hardware(16, 256, 64), "timing", SETTINGS)).cycles == 6203
