"""Programs of Gemmini behind AXI4-Lite: each command is sixteen register writes, the last of which sends it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.program import compile_program as native_program

WORDS = 16
WRITE_CYCLES = 3
"""From one register write to the next, as the test bench's host makes them: offered, answered, the next one made."""


@dataclass(frozen=True)
class Program:
    """The native program with other commands."""

    native: Any
    commands: np.ndarray

    def __getattr__(self, name: str) -> Any:
        return getattr(self.native, name)


def compile_program(layer: Any, mapping: Any, hardware: Any, *, partial_sums: str = "spill") -> Program:
    """The native program's commands as register writes.

    The host writes the registers of a command in the time in which it would make the native one, as far as that goes.
    """
    native = native_program(layer, mapping, hardware, partial_sums=partial_sums)
    count = len(native.commands)
    writes = np.zeros((count, WORDS, WORDS), dtype=np.uint32)
    writes[:, :, 0] = 4 * np.arange(WORDS)
    writes[:, :, 1] = native.commands
    gap = native.commands[:, -1] >> 16
    writes[:, -1, -1] = np.maximum(gap.astype(np.int64) - WRITE_CYCLES * (WORDS - 1), 0).astype(np.uint32) << 16
    return Program(native, np.ascontiguousarray(writes.reshape(-1, WORDS)))
