"""The closed choices: what each may be, defined once for the command line, the study and the rules."""

from typing import Literal, get_args

Memory = Literal["simple", "soc"]
"""The memory below the accelerator's bus: fixed latency and limited bandwidth; or a cache, a last-level cache, DRAM."""
MEMORIES: tuple[Memory, ...] = get_args(Memory)

PartialSums = Literal["spill", "drop"]
"""Partial sums of interrupted reductions go to memory and come back; or are left out (timing only)."""
PARTIAL_SUMS: tuple[PartialSums, ...] = get_args(PartialSums)
