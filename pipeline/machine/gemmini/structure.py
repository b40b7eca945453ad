"""What the structure of a hardware makes of the constants of the timing.

A constant's value is that of the default structure, whether it is a starting value or was fitted; hardware with another
number has as many times more or less of it. So measurements of several structures fit the same constants.
"""

from dataclasses import replace

from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.template import (
    ACCUMULATOR_BANKS,
    ARRAY_SLOTS,
    BUS_BYTES,
    EXECUTE_ENTRIES,
    LOAD_ENTRIES,
    READS_IN_FLIGHT,
    STORE_ENTRIES,
    TILES_IN_FLIGHT,
    WRITES_IN_FLIGHT,
)

TIES = {
    "bytes_per_cycle": (BUS_BYTES, 0),
    "in_flight": (READS_IN_FLIGHT, 0),
    "writes_in_flight": (WRITES_IN_FLIGHT, 0),
    # One tag is that of the slot that enters.
    "in_flight_slots": (ARRAY_SLOTS, 1),
    "tiles_in_flight": (TILES_IN_FLIGHT, 0),
    "load_entries": (LOAD_ENTRIES, 0),
    "execute_entries": (EXECUTE_ENTRIES, 0),
    "store_entries": (STORE_ENTRIES, 0),
    "accumulator_banks": (ACCUMULATOR_BANKS, 0),
}
"""Constants, the part of the structure that each follows, and how much of that does not count."""


def structured(timing: Timing, hardware: HardwareTensors) -> Timing:
    """``timing`` of the default structure as that of each hardware; the same where none is other than the default."""
    ratios = {name: hardware.over_default(axis, less) for name, (axis, less) in TIES.items()}
    changed = {name: getattr(timing, name) * ratio for name, ratio in ratios.items() if not isinstance(ratio, float)}
    if "tiles_in_flight" in changed:
        changed["tiles_in_flight"] = changed["tiles_in_flight"].clamp(min=1.0)
    return replace(timing, **changed) if changed else timing
