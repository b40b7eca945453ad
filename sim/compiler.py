"""Compilers: what turns a layer and its mapping into a program for one design.

A design's folder holds ``compiler.py`` with one function::

    def compile_program(layer, mapping, hardware, *, partial_sums="spill") -> Program

It returns an object with the attributes of ``Program`` below, and raises ValueError that names what is not possible.
It may import this project. It runs in the simulator's processes, only for the design that the user named.
"""

import importlib.util
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.choices import PartialSums
from pipeline.files import ROOT, digest
from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer

FILE = "compiler.py"
GEMMINI = str(ROOT / "rtl" / "gemmini" / FILE)
FUNCTION = "compile_program"
WORDS = 16
LIMIT_SECONDS = 300.0
"""CPU time that a design's Python may take for one program."""


class ProgramError(ValueError):
    """A mapping cannot become a program; the message names the offender."""


class CompilerError(ProgramError):
    """A compiler is wrong, whatever the mapping: it raises, does not end, or gives what is no program."""


class _TimeUp(BaseException):
    """No ``Exception``, so that a design's Python does not catch it by chance."""


class Program(Protocol):
    """Commands of one layer and the layout of its memory."""

    @property
    def commands(self) -> NDArray[np.uint32]:
        """Commands [n, 16]. Native ports: sixteen words each. AXI4-Lite: word 0 is the address of a register, word 1
        its value. The top 16 bits of the last word are the cycles that the host needs before the next command."""
        ...

    @property
    def shift(self) -> int:
        """Right shift from int32 sums to int8 outputs."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Size of the memory that the program needs."""
        ...

    def memory_image(
        self, inputs: NDArray[np.int8], weights: NDArray[np.int8], bias: NDArray[np.int32] | None
    ) -> NDArray[np.uint8]:
        """Memory contents [memory_bytes] before the run: inputs [N, H, W, C], weights [S, R, C, K]."""
        ...

    def read_output(self, memory: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Output [N, Q, P, K] from the memory contents after the run."""
        ...


@runtime_checkable
class TracedProgram(Protocol):
    """A program that says what its tiles move: optional, for pictures of tiles over time."""

    def tile_traffic(self) -> dict[str, NDArray[np.int64]]:
        """What each tile adds to the counters of bytes, words and operations, one element a tile."""
        ...


def compile_with(
    path: str, layer: Layer, mapping: Mapping, hardware: Hardware, *, partial_sums: PartialSums = "spill"
) -> Program:
    """The program that the compiler at ``path`` makes. Raises ProgramError that names what is not possible."""
    function = load(path)
    with guarded(path):
        program: Program = function(layer, mapping, hardware, partial_sums=partial_sums)
        commands, size = program.commands, program.memory_bytes
    shape, kind = getattr(commands, "shape", None), getattr(commands, "dtype", None)
    if shape is None or shape[1:] != (WORDS,) or kind != np.uint32:
        raise CompilerError(f"{_name(path)}: commands are {kind} {shape}, not uint32 [n, {WORDS}]")
    if not isinstance(size, int) or size < 0:
        raise CompilerError(f"{_name(path)}: memory_bytes = {size!r} is not a size")
    return program


@contextmanager
def guarded(path: str) -> Iterator[None]:
    """Turn whatever the Python of a design's folder raises into a ProgramError.

    A ValueError says what is not possible; anything else, and taking too long, is a CompilerError.
    """
    try:
        with _time_limit():
            yield
    except _TimeUp:
        raise CompilerError(f"{_name(path)}: no result after {LIMIT_SECONDS:g} s of CPU time") from None
    except CompilerError:
        raise
    except ValueError as error:
        raise ProgramError(str(error)) from error
    except (Exception, SystemExit) as error:
        raise CompilerError(f"{_name(path)}: {type(error).__name__}: {str(error)[:300]}") from error


@cache
def load(path: str) -> Any:
    """The function of the file ``path``, which is executed. Raises CompilerError when there is none."""
    name = f"design_compiler_{digest(path)}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise CompilerError(f"{_name(path)}: no such file")
    module = importlib.util.module_from_spec(spec)
    with guarded(path):
        spec.loader.exec_module(module)
    function = getattr(module, FUNCTION, None)
    if not callable(function):
        raise CompilerError(f"{_name(path)}: has no function {FUNCTION}")
    return function


def _name(path: str) -> str:
    return f"{Path(path).parent.name}/{Path(path).name}"


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise _TimeUp after ``LIMIT_SECONDS`` of this process's CPU time; signals reach the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise _TimeUp

    before = signal.signal(signal.SIGVTALRM, expire)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
