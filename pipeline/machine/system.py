"""The system around an accelerator: the memory below its bus, and the host. One home for simulator and views.

The simulator runs on these numbers (``sim.memory``, ``sim.program``); the views take theirs as starting values of the
constants that depend on them. [S] read in the public Gemmini's sources, [F] fitted to public FireSim measurements of
it, [O] our own choice.
"""

from dataclasses import dataclass

from pipeline.choices import Memory


@dataclass(frozen=True, slots=True)
class Host:
    """What a small scalar core spends on sending commands, in cycles."""

    layer_cycles: int = 600
    """[F] Before the first command of a layer: its configuration."""
    convolution_tile_cycles: int = 250
    """[F] On one tile of a convolution: loops, addresses and six or seven commands. Public FPGA runs of tiny tiles
    never take less than this and the next a tile, at any array size."""
    matmul_tile_cycles: int = 126
    """[F] On one tile of a matrix product."""
    command_cycles: int = 8
    """[O] On a single operation: an address and two registers, as ``HostCyclesPerCommand`` of gemmini_commands."""
    element_cycles: int = 8
    """[O] On an element that an operator reads which the accelerator does not have: load, compute, loop, and a share of
    the store."""


LINE_BYTES = 64
"""[S] A line of every cache."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache: random replacement, lines of ``LINE_BYTES``."""

    kib: int = 512
    """[S]"""
    ways: int = 8
    """[S]"""


@dataclass(frozen=True, slots=True)
class MemorySystem:
    """The memory below the accelerator's bus."""

    latency_cycles: int
    """From an accepted read to its first beat, and from a write to its acknowledgement; with a cache, of a hit."""
    bytes_per_cycle: int = 16
    """[S] Width of the bus."""
    cache: Cache | None = None


@dataclass(frozen=True, slots=True)
class BelowCache:
    """What lies below the cache of ``soc``."""

    misses: int = 10
    """[S] In flight."""
    port_cycles: int = 9
    """[S] Serial port below the cache, per line of 64 bytes."""
    miss_latency_cycles: int = 20
    """[F] Extra latency of a line that comes from below the cache."""
    same_line_cycles: int = 11
    """[F] Extra cycles of a write to the line that was written just before."""
    partial_write_cycles: int = 16
    """[F] Bank time of each beat of a write that does not cover its line, in 1/16 cycle."""
    last_level_kib: int = 4096
    """[S]"""
    dram_read_cycles: int = 20
    """[F] Port time of a read that misses the last-level cache, per 128 bytes."""
    dram_write_cycles: int = 40
    """[F] Port time of a dirty line that leaves for DRAM."""


HOST = Host()
BELOW_CACHE = BelowCache()
MEMORY_SYSTEMS: dict[Memory, MemorySystem] = {
    "simple": MemorySystem(latency_cycles=40),  # [O]
    "soc": MemorySystem(latency_cycles=14, cache=Cache()),  # [F]
}
