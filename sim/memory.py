"""Settings of the memory below the accelerator, and how a program is handed to the C++ side (``sim/native``)."""

import ctypes
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pipeline.choices import Memory
from pipeline.machine.system import BELOW_CACHE, HOST, MEMORY_SYSTEMS, Cache
from pipeline.measurement import CACHE_COUNTERS

_SIMPLE, _CACHE = MEMORY_SYSTEMS["simple"], Cache()


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """Everything about a run besides its program; field for field ``dosa::Settings`` in ``sim/native/timing.h``.

    What the numbers mean and where they come from is said in ``pipeline.machine.system``."""

    soc: int
    host_cycles: int = HOST.layer_cycles
    stall_permille: int = 0
    """Chance per cycle that a ready signal is low, and random extra latency up to 63 cycles (tests)."""
    seed: int = 1
    skip_idle: int = 1
    """Whether cycles in which nothing can change are counted without being evaluated."""
    latency_cycles: int = _SIMPLE.latency_cycles
    bytes_per_cycle: int = _SIMPLE.bytes_per_cycle
    cache_kib: int = _CACHE.kib
    cache_ways: int = _CACHE.ways
    misses: int = BELOW_CACHE.misses
    port_cycles: int = BELOW_CACHE.port_cycles
    miss_latency_cycles: int = BELOW_CACHE.miss_latency_cycles
    same_line_cycles: int = BELOW_CACHE.same_line_cycles
    partial_write_cycles: int = BELOW_CACHE.partial_write_cycles
    last_level_kib: int = BELOW_CACHE.last_level_kib
    dram_read_cycles: int = BELOW_CACHE.dram_read_cycles
    dram_write_cycles: int = BELOW_CACHE.dram_write_cycles
    warm: int = 1
    """Whether the caches of `soc` start as writing the program's memory once, in order of address, leaves them."""
    budget_kilocycles: int = 1_000_000
    """A run that takes longer ends with an error."""
    free_host: int = 0
    """Whether the host takes no time at all, neither before the first command nor between two."""

    @classmethod
    def of(cls, kind: Memory) -> "MemorySettings":
        """The settings of a kind of memory."""
        system = MEMORY_SYSTEMS[kind]
        soc = int(system.cache is not None)
        return cls(soc, latency_cycles=system.latency_cycles, bytes_per_cycle=system.bytes_per_cycle)


class _Settings(ctypes.Structure):
    _fields_ = [(field.name, ctypes.c_uint32) for field in fields(MemorySettings)]


class _CacheCounts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in CACHE_COUNTERS]


def bind(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declare the functions that both drivers call."""
    pointer, size = ctypes.c_void_p, ctypes.c_uint64
    library.dosa_load.argtypes = [pointer, size, pointer, size, ctypes.POINTER(_Settings)]
    library.dosa_load.restype = None
    library.dosa_error.argtypes = []
    library.dosa_error.restype = ctypes.c_char_p
    library.dosa_caches.argtypes = [ctypes.POINTER(_CacheCounts)]
    library.dosa_caches.restype = None
    return library


def load(
    library: ctypes.CDLL,
    commands: NDArray[np.uint32],
    contents: NDArray[np.uint8] | None,
    memory_bytes: int,
    settings: MemorySettings,
) -> None:
    """Make a program current; the arrays must stay alive and unmoved until it has run.

    ``commands`` [n, 16]; ``contents`` [memory_bytes] is changed in place, None in a timing build.
    """
    if not commands.flags.c_contiguous or commands.ndim != 2 or commands.shape[1] != 16 or commands.dtype != np.uint32:
        raise ValueError(f"commands are {commands.dtype} {commands.shape}, not contiguous uint32 [n, 16]")
    if contents is not None and (contents.nbytes != memory_bytes or not contents.flags.c_contiguous):
        raise ValueError(f"memory contents are {contents.nbytes} bytes, not contiguous {memory_bytes}")
    native = _Settings(*(getattr(settings, field.name) for field in fields(MemorySettings)))
    pointer = None if contents is None else contents.ctypes.data
    library.dosa_load(commands.ctypes.data, len(commands), pointer, memory_bytes, ctypes.byref(native))


def cache_counts(library: ctypes.CDLL) -> dict[str, int]:
    """What the caches did in the current run, by ``CACHE_COUNTERS``; zeros on a memory without caches."""
    counts = _CacheCounts()
    library.dosa_caches(ctypes.byref(counts))
    return {name: getattr(counts, name) for name in CACHE_COUNTERS}


def error(library: ctypes.CDLL) -> str:
    """What went wrong in the current run, or an empty string."""
    return str(library.dosa_error().decode())
