"""Settings of the memory below the accelerator, and how a program is handed to the C++ side (``sim/native``)."""

import ctypes
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MemoryKind = Literal["simple", "soc"]
MEMORY_KINDS: tuple[MemoryKind, ...] = ("simple", "soc")

SOC_HIT_CYCLES = 14
"""From an accepted read to its first beat when the L2 has the line; calibrated on public FPGA runs."""

HOST_CYCLES = 600
"""Cycles before the first command: what configuring a layer costs the host."""


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """Everything about a run besides its program; field for field ``dosa::Settings`` in ``sim/native/timing.h``."""

    soc: int
    host_cycles: int = HOST_CYCLES
    stall_permille: int = 0
    """Chance per cycle that a ready signal is low, and random extra latency up to 63 cycles (tests)."""
    seed: int = 1
    skip_idle: int = 1
    """Whether cycles in which nothing can change are counted without being evaluated."""
    latency_cycles: int = 40
    bytes_per_cycle: int = 16
    cache_kib: int = 512
    cache_ways: int = 8
    misses: int = 10
    port_cycles: int = 9
    miss_latency_cycles: int = 20
    """Extra latency of a line that comes from below the L2; calibrated on public FPGA runs."""
    same_line_cycles: int = 11
    partial_write_cycles: int = 16
    """L2 bank time of each beat of a write that does not cover its line, in 1/16 cycle."""
    last_level_kib: int = 4096
    dram_read_cycles: int = 20
    """Port time of a read that misses the last-level cache, per 128 bytes."""
    dram_write_cycles: int = 40
    """Port time of a dirty line that leaves for DRAM."""
    warm: int = 1
    """Whether the caches of `soc` start as writing the program's memory once, in order of address, leaves them."""
    budget_kilocycles: int = 1_000_000
    """A run that takes longer ends with an error."""

    @classmethod
    def of(cls, kind: MemoryKind) -> "MemorySettings":
        """The settings of a kind of memory."""
        return cls(soc=1, latency_cycles=SOC_HIT_CYCLES) if kind == "soc" else cls(soc=0)


class _Settings(ctypes.Structure):
    _fields_ = [(field.name, ctypes.c_uint32) for field in fields(MemorySettings)]


def bind(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declare the functions that both drivers call."""
    pointer, size = ctypes.c_void_p, ctypes.c_uint64
    library.dosa_load.argtypes = [pointer, size, pointer, size, ctypes.POINTER(_Settings)]
    library.dosa_load.restype = None
    library.dosa_error.argtypes = []
    library.dosa_error.restype = ctypes.c_char_p
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


def error(library: ctypes.CDLL) -> str:
    """What went wrong in the current run, or an empty string."""
    return str(library.dosa_error().decode())
