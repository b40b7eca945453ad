"""A thin ctypes driver with PyVerilator's shape, for notebooks and quick tests.

    simulation = Simulation.build(design, "full")
    simulation.load(commands, contents, memory_bytes, MemorySettings.of("simple"))
    simulation.io.go_i = 1
    simulation.clock.tick(100)
    simulation.run_until_done()

Each simulation loads a copy of its library, so several of one design can be alive in a process.
"""

import _ctypes
import ctypes
import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.build import Datapath, build
from sim.design import Design
from sim.memory import MemorySettings, bind, cache_counts, error, load

MAX_CYCLES = 1 << 40


class Io:
    """The test bench's ports as attributes: read any, set the one-bit inputs."""

    _library: ctypes.CDLL

    def __init__(self, library: ctypes.CDLL) -> None:
        object.__setattr__(self, "_library", library)

    def __getattr__(self, name: str) -> int:
        words = self._library.dosa_port_words(name.encode())
        if words == 0:
            raise AttributeError(f"the test bench has no port {name!r}")
        buffer = (ctypes.c_uint32 * words)()
        self._library.dosa_get(name.encode(), buffer)
        return int.from_bytes(bytes(buffer), "little")

    def __setattr__(self, name: str, value: int) -> None:
        if value not in (0, 1) or not self._library.dosa_set(name.encode(), value):
            raise AttributeError(f"the test bench has no one-bit input {name!r} that can be {value!r}")


class Clock:
    """The clock of the test bench."""

    def __init__(self, io: Io) -> None:
        self._io = io

    def tick(self, cycles: int = 1) -> None:
        """Toggle the clock for ``cycles`` periods, whatever the design does."""
        for _ in range(cycles):
            self._io.clk_i = 1
            self._io.clk_i = 0


class Simulation:
    """One design in this process."""

    def __init__(self, library: Path) -> None:
        self._library = bind(_load_copy(library))
        self._library.dosa_port_words.restype = ctypes.c_uint32
        self._library.dosa_get.restype = ctypes.c_bool
        self._library.dosa_set.restype = ctypes.c_bool
        self._library.dosa_run.argtypes = [ctypes.c_uint64]
        self._library.dosa_run.restype = ctypes.c_bool
        self._library.dosa_create()
        self._program: tuple[object, ...] = ()
        self.io = Io(self._library)
        self.clock = Clock(self.io)
        self._finalizer = weakref.finalize(self, _close, self._library)

    @classmethod
    def build(cls, design: Design, datapath: Datapath = "full") -> "Simulation":
        """Build ``design`` unless it already is, and load it."""
        return cls(build(design, datapath).library)

    def load(
        self,
        commands: NDArray[np.uint32],
        contents: NDArray[np.uint8] | None,
        memory_bytes: int,
        settings: MemorySettings,
    ) -> None:
        """Make a program current and reset the design; ``io.go_i = 1`` starts it."""
        self.io.go_i = 0
        self.io.rst_ni = 1
        self.io.rst_ni = 0
        self._program = (commands, contents)
        load(self._library, commands, contents, memory_bytes, settings)
        self.io.rst_ni = 1

    def run_until_done(self, cycles: int = MAX_CYCLES) -> bool:
        """Run the current program for at most ``cycles`` evaluated clock periods; returns whether it is done."""
        self.io.go_i = 1
        return bool(self._library.dosa_run(cycles))

    @property
    def error(self) -> str:
        """What went wrong in the current run, or an empty string."""
        return error(self._library)

    @property
    def caches(self) -> dict[str, int]:
        """What the caches did in the current run; zeros on a memory without caches."""
        return cache_counts(self._library)

    def close(self) -> None:
        """Unload the design."""
        self._finalizer()


def _load_copy(library: Path) -> ctypes.CDLL:
    """The state of a simulation is that of its library, and a library is loaded once per file."""
    with tempfile.NamedTemporaryFile(suffix=library.suffix) as copy:
        shutil.copyfile(library, copy.name)
        return ctypes.CDLL(copy.name)


def _close(library: ctypes.CDLL) -> None:
    library.dosa_destroy()
    _ctypes.dlclose(library._handle)
