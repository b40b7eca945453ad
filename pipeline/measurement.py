"""What one simulation gives: cycles, where they went, and what was moved."""

from collections.abc import Iterable
from dataclasses import dataclass

COUNTERS = (
    "compute_cycles",
    "load_cycles",
    "store_cycles",
    "fill_drain_cycles",
    "host_cycles",
    "dram_read_bytes",
    "dram_write_bytes",
    "scratchpad_read_words",
    "scratchpad_write_words",
    "accumulator_read_words",
    "accumulator_write_words",
    "weight_write_words",
    "macs",
)
"""Counters of the accelerator in the order of its counter port.

Every cycle of a run belongs to exactly one of the ``*_cycles``: the array computes, waits for loads, waits for stores,
fills or drains, or waits for the host (``host_cycles`` is counted by the test bench). Words are elements that carry
data (padding lanes of a row excluded): 8 bits in the scratchpad, 32 bits in the accumulator. ``weight_write_words``
are weights loaded into array registers, ``macs`` multiply-accumulates on real operands (zero padding excluded).
"""

CYCLE_COUNTERS = tuple(name for name in COUNTERS if name.endswith("_cycles"))
WORD_COUNTERS = tuple(name for name in COUNTERS if name not in CYCLE_COUNTERS)
"""What counted energy is made of."""

CACHE_COUNTERS = ("cache_hits", "cache_misses", "cache_fills", "cache_write_backs", "dram_lines")
"""What the caches of the memory ``soc`` did, field for field ``dosa::CacheCounts`` in ``sim/native/timing.h``.

Accesses of at most a line of 64 bytes that found it in the cache and that did not; lines fetched for a miss (a write of
a whole line needs none); changed lines that left the cache; of both the lines that the last-level cache did not hold.
"""


def known_classes(columns: Iterable[str]) -> list[str]:
    """The cycle classes that a table with these columns of simulations has; some designs count none."""
    found = set(columns)
    return [name for name in CYCLE_COUNTERS if f"sim.{name}" in found]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One simulated mapping.

    ``key`` names everything that determines the result; ``rtl_digest`` names sources and parameters of the design.
    ``counters`` are those of ``COUNTERS`` that the design has. Raises ValueError when one is unknown, or when all
    cycle classes are there and do not add up to ``cycles``.
    """

    key: str
    rtl_digest: str
    cycles: int
    counters: dict[str, int]

    def __post_init__(self) -> None:
        for name in self.counters:
            if name not in COUNTERS:
                raise ValueError(f"measurement {self.key}: counter {name} is none of {', '.join(COUNTERS)}")
        total = sum(self.counters.get(name, 0) for name in CYCLE_COUNTERS)
        if total != self.cycles and all(name in self.counters for name in CYCLE_COUNTERS):
            raise ValueError(f"measurement {self.key}: cycle classes add up to {total}, not {self.cycles}")
