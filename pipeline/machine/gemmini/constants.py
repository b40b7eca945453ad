"""The constants of Gemmini's timing: every one that it has, and where its starting value comes from.

[S] the public Gemmini, [F] fitted to public FireSim measurements of it, [O] our own design and its memory models,
[M] fitted to 203 simulated mappings of our design on ``simple`` (DIM 4 to 32, default tiler, random, efficient ones),
[C] calibrated to 900 on ``soc`` (``learned.calibration``), how misses overlap and come late to 1,500 others of a study.
"""

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from pipeline.choices import Memory
from pipeline.machine.constants import Constant, Value, Values, check_values
from pipeline.machine.gemmini.template import ACCUMULATOR_BANKS, EXECUTE_ENTRIES, LOAD_ENTRIES, STORE_ENTRIES
from pipeline.machine.system import BELOW_CACHE, HOST, MEMORY_SYSTEMS, Cache

_SIMPLE = MEMORY_SYSTEMS["simple"]
_CACHE = MEMORY_SYSTEMS["soc"].cache or Cache()

Start = tuple[float | int, str] | None
"""Starting value and its source; None where the memory has no such thing."""


def _constant(unit: str, low: float | int, high: float | int, meaning: str, *, simple: Start, soc: Start) -> Any:
    about = {"unit": unit, "low": low, "high": high, "meaning": meaning, "simple": simple, "soc": soc}
    return field(metadata=about)


@dataclass(frozen=True, slots=True)
class Timing:
    """A value for every constant; 0 for those that the memory does not have."""

    min_slot_cycles: Value = _constant(
        "cycles", 1, 64, "shortest slot of a compute that keeps its weights", simple=(4, "[O]"), soc=(4, "[S]")
    )
    slot_extra_cycles: Value = _constant(
        "cycles", 0, 32, "what every slot of the array takes beyond its rows", simple=(0, "[O]"), soc=(0, "[O]")
    )
    late_preloads: Value = _constant(
        "share",
        0,
        1,
        "preloads that come too late to share the slot of the compute before",
        simple=(0, "[O]"),
        soc=(0, "[O]"),
    )
    in_flight_slots: Value = _constant(
        "slots",
        1,
        32,
        "a slot waits until as many before it have begun, and the first of these has been fed and has passed the array",
        simple=(5, "[O] six tags, one of them for the slot that enters"),
        soc=(5, "[O]"),
    )
    in_flight_extra_cycles: Value = _constant(
        "cycles",
        0,
        200,
        "from a row to its result, beyond 2 x DIM",
        simple=(2, "[O]"),
        soc=(2, "[O]"),
    )
    read_latency_cycles: Value = _constant(
        "cycles",
        1,
        1000,
        "from a read to its data in the local memory, beyond those of its beats, when nothing else is in the way",
        simple=(_SIMPLE.latency_cycles + 4, "[O] the memory's, the request register, the queue, the merge, the write"),
        soc=(18, "[O] the same"),
    )
    merge_cycles: Value = _constant(
        "cycles",
        0,
        100,
        "of read_latency_cycles: after the last beat has arrived, when the read is no longer under way",
        simple=(3, "[O] the queue, the merge, the write"),
        soc=(3, "[O] the same"),
    )
    command_cycles: Value = _constant(
        "cycles",
        0,
        100,
        "from the end of a load command until the next one may start in its place",
        simple=(2, "[O]"),
        soc=(2, "[O]"),
    )
    write_latency_cycles: Value = _constant(
        "cycles",
        1,
        1000,
        "from a write to its acknowledgement",
        simple=(_SIMPLE.latency_cycles + 2, "[O] the memory's and the write register"),
        soc=(16, "[O] the same"),
    )
    in_flight: Value = _constant("requests", 1, 256, "reads that may be under way", simple=(16, "[O]"), soc=(16, "[S]"))
    writes_in_flight: Value = _constant(
        "requests", 1, 256, "writes that may be under way", simple=(16, "[O]"), soc=(16, "[S]")
    )
    bytes_per_cycle: Value = _constant(
        "bytes/cycle",
        1,
        256,
        "bandwidth of the bus",
        simple=(_SIMPLE.bytes_per_cycle, "[O] the bus"),
        soc=(MEMORY_SYSTEMS["soc"].bytes_per_cycle, "[S] the bus"),
    )
    cache_kib: Value = _constant("KiB", 32, 8192, "size of the cache", simple=None, soc=(_CACHE.kib, "[S]"))
    miss_overlap: Value = _constant(
        "share",
        0,
        1,
        "how far hits and misses of a stream of loads overlap",
        simple=None,
        soc=(0.95, "[C]"),
    )
    last_level_kib: Value = _constant(
        "KiB", 512, 65_536, "size of the last-level cache", simple=None, soc=(BELOW_CACHE.last_level_kib, "[S]")
    )
    last_level_miss_cycles: Value = _constant(
        "cycles",
        0,
        200,
        "extra time of a line that is not in the last-level cache either",
        simple=None,
        soc=(BELOW_CACHE.dram_read_cycles / 2, "[F] half of what 128 bytes take"),
    )
    miss_cycles: Value = _constant(
        "cycles",
        0,
        500,
        "time of the port below the cache for a line that is not in it",
        simple=None,
        soc=(BELOW_CACHE.port_cycles, "[S]"),
    )
    miss_latency_cycles: Value = _constant(
        "cycles",
        0,
        500,
        "how much later a line comes that is not in the cache, when nothing else is in the way",
        simple=None,
        soc=(BELOW_CACHE.port_cycles + BELOW_CACHE.miss_latency_cycles, "[F] its time at the port, and beyond"),
    )
    write_back_cycles: Value = _constant(
        "cycles",
        0,
        500,
        "time of the port below the cache for a changed line that leaves it",
        simple=None,
        soc=(BELOW_CACHE.port_cycles, "[S]"),
    )
    same_line_cycles: Value = _constant(
        "cycles",
        0,
        100,
        "extra time of a write to the line that was written just before",
        simple=None,
        soc=(BELOW_CACHE.same_line_cycles, "[F]"),
    )
    tiles_in_flight: Value = _constant(
        "tiles",
        1,
        2,
        "tiles that share the memories; with one, loads wait for stores",
        simple=(2, "[S]"),
        soc=(2, "[S]"),
    )
    load_entries: Value = _constant(
        "commands",
        1,
        64,
        "loads that the reservation station holds, from when they enter until they are written",
        simple=(LOAD_ENTRIES.default, "[S]"),
        soc=(LOAD_ENTRIES.default, "[S]"),
    )
    execute_entries: Value = _constant(
        "commands",
        2,
        64,
        "preloads and computes that it holds: a preload until its results are there, a compute until it is fed",
        simple=(EXECUTE_ENTRIES.default, "[S]"),
        soc=(EXECUTE_ENTRIES.default, "[S]"),
    )
    store_entries: Value = _constant(
        "commands",
        1,
        64,
        "stores that it holds, until they are read",
        simple=(STORE_ENTRIES.default, "[S]"),
        soc=(STORE_ENTRIES.default, "[S]"),
    )
    accumulator_banks: Value = _constant(
        "banks",
        1,
        64,
        "banks of the accumulator; with one, stores and zeros wait for results of the other tile",
        simple=(ACCUMULATOR_BANKS.default, "[S]"),
        soc=(ACCUMULATOR_BANKS.default, "[S]"),
    )
    bank_conflicts: Value = _constant(
        "share",
        0,
        1,
        "weights that wait for an input row though they lie in another part of the scratchpad",
        simple=(0, "[O]"),
        soc=(0, "[O]"),
    )
    host_command_cycles: Value = _constant(
        "cycles",
        0,
        100,
        "time of the host for each load, preload, compute and store, where it sends them one by one",
        simple=(0, "[O]"),
        soc=(0, "[O]"),
    )
    load_to_compute_cycles: Value = _constant(
        "cycles",
        0,
        1000,
        "from a tile's last load request to its first row in the array",
        simple=(30, "[M]"),
        soc=(80, "[C]"),
    )
    compute_to_store_cycles: Value = _constant(
        "cycles",
        0,
        1000,
        "from a tile's last row in the array to its first row in memory, and the end of the layer after the last",
        simple=(40, "[M]"),
        soc=(100, "[C]"),
    )
    store_to_load_cycles: Value = _constant(
        "cycles",
        0,
        1000,
        "what a tile's way through load, compute and store takes beyond these",
        simple=(30, "[M]"),
        soc=(60, "[C]"),
    )
    refill_cycles: Value = _constant(
        "cycles",
        0,
        2000,
        "from the last store's end to the first partial sum that comes back, and on to the array",
        simple=(240, "[M]"),
        soc=(75, "[C]"),
    )
    host_cycles: Value = _constant(
        "cycles",
        0,
        20_000,
        "time of the host before the first command of a layer",
        simple=(HOST.layer_cycles, "[O] the host"),
        soc=(HOST.layer_cycles, "[O] the host"),
    )
    host_convolution_tile_cycles: Value = _constant(
        "cycles",
        0,
        20_000,
        "time in which the host issues the commands of a convolution's tile",
        simple=(HOST.convolution_tile_cycles, "[O] the host"),
        soc=(HOST.convolution_tile_cycles, "[O] the host"),
    )
    host_matmul_tile_cycles: Value = _constant(
        "cycles",
        0,
        20_000,
        "time in which the host issues the commands of a matrix product's tile",
        simple=(HOST.matmul_tile_cycles, "[O] the host"),
        soc=(HOST.matmul_tile_cycles, "[O] the host"),
    )

    @classmethod
    def of(cls, values: Values, memory: Memory) -> "Timing":
        """The timing with ``values``. Raises ValueError that names a constant without a value, or an unknown one."""
        check_values(values, constants_of(memory))
        return cls(*(values.get(item.name, 0.0) for item in fields(cls)))


@cache
def constants_of(memory: Memory) -> tuple[Constant, ...]:
    """The constants of Gemmini on ``memory``, in the order of ``Timing``."""
    result = []
    for item in fields(Timing):
        about = item.metadata
        if about[memory] is not None:
            start, source = about[memory]
            bounds = float(about["low"]), float(about["high"])
            result.append(Constant(item.name, about["unit"], *bounds, float(start), about["meaning"], source))
    return tuple(result)


@cache
def start_timing(memory: Memory) -> Timing:
    """The timing with all starting values."""
    return Timing.of({constant.name: constant.start for constant in constants_of(memory)}, memory)
