"""Compilers: what turns a layer and its mapping into a program for one design.

A design's folder holds ``compiler.py`` with one function::

    def compile_program(layer, mapping, hardware, *, partial_sums="spill") -> Program

It returns an object with the attributes of ``Program`` below, and raises ValueError that names what is not possible.
One that has parameters ``quantised`` (``sim.scaling.Quantised`` or None) and ``room`` (``sim.program_memory.Room`` or
None) besides can run quantised networks. A file may also have functions for operators beside layers, by ``OPERATORS``::

    def compile_addition(addition, hardware, *, first_byte=0, places=(None, None)) -> OperatorProgram
    def compile_max_pool(pool, hardware, *, first_byte=0, places=(None,)) -> OperatorProgram

(``sim.elementwise.Addition``, ``sim.pooling.MaxPool``); operands are read where they are in ``places``.
It may import this project. It runs in the simulator's processes, only for the design that the user named.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline import foreign
from pipeline.choices import PartialSums
from pipeline.files import ROOT
from pipeline.foreign import ForeignError, function_of, named
from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim.program_memory import Room
from sim.scaling import Quantised

FILE = "compiler.py"
GEMMINI = str(ROOT / "rtl" / "gemmini" / FILE)
FUNCTION = "compile_program"
OPERATORS = {"addition": "compile_addition", "max_pool": "compile_max_pool"}
"""Functions for operators beside layers."""
WORDS = 16


class ProgramError(ValueError):
    """A mapping cannot become a program; the message names the offender."""


class CompilerError(ProgramError):
    """A compiler is wrong, whatever the mapping: it raises, does not end, or gives what is no program."""


class Program(Protocol):
    """Commands of one layer and the layout of its memory."""

    @property
    def commands(self) -> NDArray[np.uint32]:
        """Commands [n, 16]. Native ports: sixteen words each. AXI4-Lite: word 0 is the address of a register, word 1
        its value. The top 16 bits of the last word are the cycles that the host needs before the next command."""
        ...

    @property
    def shift(self) -> int:
        """Right shift from int32 sums to int8 outputs, 0 to 31."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Size of the memory that the program needs."""
        ...

    def memory_image(
        self, inputs: NDArray[np.int8], weights: NDArray[np.int8], bias: NDArray[np.int32] | None
    ) -> NDArray[np.uint8]:
        """Memory contents [memory_bytes] before the run: inputs [N, H, W, C], weights [S, R, C, K].

        ``bias`` [K] or [N, Q, P, K] is what the sums of a quantised layer start from.
        """
        ...

    def read_output(self, memory: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Output [N, Q, P, K] from the memory contents after the run."""
        ...


class Operator(Protocol):
    """An operator beside layers; its kind is one of ``OPERATORS``."""

    @property
    def kind(self) -> str:
        """The key of its compiler."""
        ...


class OperatorProgram(Protocol):
    """Commands of an operator beside layers, and the layout of its memory."""

    @property
    def commands(self) -> NDArray[np.uint32]:
        """As of a Program."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Size of the memory that the program needs."""
        ...

    @property
    def output_address(self) -> int:
        """First byte of the result."""
        ...

    def memory_image(self, operands: Sequence[NDArray[np.int8]]) -> NDArray[np.uint8]:
        """Memory contents [memory_bytes] before the run."""
        ...

    def read_output(self, memory: NDArray[np.uint8]) -> NDArray[np.int8]:
        """The result from the memory contents after the run."""
        ...


@runtime_checkable
class PlacedProgram(Protocol):
    """A program that says where its result lies: optional, for a next one that reads it there."""

    @property
    def output_address(self) -> int:
        """First byte of the output, rows of K elements one after another."""
        ...


@runtime_checkable
class TracedProgram(Protocol):
    """A program that says what its tiles move: optional, for pictures of tiles over time."""

    def tile_traffic(self) -> dict[str, NDArray[np.int64]]:
        """What each tile adds to the counters of bytes, words and operations, one element a tile."""
        ...


def compile_with(
    path: str,
    layer: Layer,
    mapping: Mapping,
    hardware: Hardware,
    *,
    partial_sums: PartialSums = "spill",
    quantised: Quantised | None = None,
    room: Room | None = None,
) -> Program:
    """The program that the compiler at ``path`` makes. Raises ProgramError that names what is not possible.

    Only compilers that take quantised layers are given ``quantised`` and ``room``.
    """
    function = load(path)
    extra = {} if quantised is None else {"quantised": quantised, "room": room}
    if quantised is not None and not takes_quantised(path):
        raise ProgramError(f"{named(Path(path))}: takes no quantised layers")
    with guarded(path):
        program: Program = function(layer, mapping, hardware, partial_sums=partial_sums, **extra)
        commands, size, shift = program.commands, program.memory_bytes, program.shift
    kind, shape = _array(commands)
    if kind != np.uint32 or shape[1:] != (WORDS,) or shape == (0, WORDS):
        raise CompilerError(f"{named(Path(path))}: commands are {kind} {shape}, not uint32 [n, {WORDS}]")
    if not isinstance(size, int) or size < 0:
        raise CompilerError(f"{named(Path(path))}: memory_bytes = {size!r} is not a size")
    if not isinstance(shift, int) or not 0 <= shift < 32:
        raise CompilerError(f"{named(Path(path))}: shift = {shift!r} is not a number from 0 to 31")
    return program


def compile_operator(
    path: str, operator: Operator, hardware: Hardware, *, first_byte: int, places: Sequence[int | None]
) -> OperatorProgram:
    """The program of ``operator`` that the compiler at ``path`` makes. Raises ProgramError."""
    function = load(path, OPERATORS[operator.kind])
    with guarded(path):
        program: OperatorProgram = function(operator, hardware, first_byte=first_byte, places=places)
    return program


def operators(path: str) -> frozenset[str]:
    """The operators beside layers that the compiler at ``path`` takes."""
    load(path)
    return frozenset(kind for kind, function in OPERATORS.items() if foreign.has_function(Path(path), function))


def memory_image(path: str, program: Program, inputs: NDArray[np.int8], weights: NDArray[np.int8]) -> NDArray[np.uint8]:
    """The memory before a run of ``program``, which the compiler at ``path`` made. Raises ProgramError."""
    with guarded(path):
        contents = program.memory_image(inputs, weights, None)
    kind, shape = _array(contents)
    if kind != np.uint8 or shape != (program.memory_bytes,):
        raise CompilerError(f"{named(Path(path))}: memory_image is {kind} {shape}, not uint8 [{program.memory_bytes}]")
    return np.require(contents, requirements=("C", "W"))


def read_output(path: str, program: Program, memory: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.int8]:
    """The output of ``shape`` in the memory after a run. Raises ProgramError."""
    with guarded(path):
        output = program.read_output(memory)
    found = _array(output)
    if found != (np.int8, shape):
        raise CompilerError(f"{named(Path(path))}: the output is {found[0]} {found[1]}, not int8 {shape}")
    return output


def takes_quantised(path: str) -> bool:
    """Whether the compiler at ``path`` has the parameters ``quantised`` and ``room``."""
    return {"quantised", "room"} <= set(inspect.signature(load(path)).parameters)


@contextmanager
def guarded(path: str) -> Iterator[None]:
    """Turn whatever the Python of a design's folder raises into a ProgramError.

    A ValueError says what is not possible; anything else, and taking too long, is a CompilerError.
    """
    try:
        with foreign.guarded(Path(path)):
            yield
    except ForeignError as error:
        raise CompilerError(str(error)) from error
    except ProgramError:
        raise
    except ValueError as error:
        raise ProgramError(foreign.one_line(error)) from error


def load(path: str, function: str = FUNCTION) -> Callable[..., Any]:
    """A function of the file ``path``, which is executed. Raises CompilerError when there is none."""
    try:
        return function_of(Path(path), function)
    except ForeignError as error:
        raise CompilerError(str(error)) from error


def _array(value: object) -> tuple[object, tuple[int, ...]]:
    """Kind of the elements and shape; of what is no array its type, and no shape."""
    return (value.dtype, value.shape) if isinstance(value, np.ndarray) else (type(value).__name__, ())
