"""Operators on whole tensors through the accumulator, as single operations: residual additions.

A tensor is a run of bytes here, whatever its axes: lines of 64 bytes, of which a load or store moves up to DIM. Tiles
alternate between the halves of the accumulator; a tile's operands are loaded while the results of the one before are
stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.hardware import Hardware
from sim.commands import CONFIG, CONFIG_FIELDS, LOAD, OPERATION_FIELDS, STORE, pack
from sim.compiler import ProgramError
from sim.operator_program import OperatorProgram, placed
from sim.program_memory import LINE_BYTES
from sim.program_tiles import Indices
from sim.scaling import Scaling

MULTIPLIER_BITS = 22
"""Of an int8 element on its way into the accumulator: a term is less than 2**30, and a sum of two fits int32."""
MAX_SHIFT = 31


@dataclass(frozen=True, slots=True)
class Term:
    """An operand of an addition: (x - zero) x multiplier."""

    multiplier: int
    zero: int

    def __post_init__(self) -> None:
        if not 0 <= self.multiplier < 2**MULTIPLIER_BITS:
            raise ValueError(f"multiplier {self.multiplier} has more than {MULTIPLIER_BITS} bits")
        if not -128 <= self.zero <= 127:
            raise ValueError(f"zero = {self.zero} is not int8")


@dataclass(frozen=True, slots=True)
class Addition:
    """The sum of two int8 tensors of ``elements``: clip(round((left + right) / 2**shift) + zero, low, high)."""

    kind: ClassVar[str] = "addition"
    elements: int
    left: Term
    right: Term
    shift: int
    zero: int = 0
    low: int = -128
    high: int = 127

    def __str__(self) -> str:
        return f"sum of {self.elements}"

    @property
    def results(self) -> int:
        """Elements of the result."""
        return self.elements

    @property
    def scaling(self) -> Scaling:
        """From sum to result."""
        return Scaling(np.array([1]), np.array([self.shift]), self.zero, self.low, self.high)


def terms_of(factors: Sequence[float]) -> tuple[list[int], int]:
    """Multipliers and shift for operands that are scaled by ``factors``: the largest one has all its bits.

    Raises ValueError when they are out of range.
    """
    most = max(factors)
    if not 2.0**-20 < most < 2.0 ** (MULTIPLIER_BITS - 1):
        raise ValueError(f"scales {factors} are out of range")
    for shift in range(MAX_SHIFT, -1, -1):
        multipliers = [round(factor * 2**shift) for factor in factors]
        if max(multipliers) < 2**MULTIPLIER_BITS:
            return multipliers, shift
    raise ValueError(f"scales {factors} are out of range")


def compile_addition(
    addition: Addition,
    hardware: Hardware,
    *,
    first_byte: int = 0,
    places: Sequence[int | None] = (None, None),
    host_cycles: int = 0,
) -> OperatorProgram:
    """The program of ``addition``: its memory begins at ``first_byte``, but for operands that lie in ``places``.

    ``host_cycles`` is what the host needs for a command. Raises ProgramError where the accumulator is too small.
    """
    tensors, end = placed([(addition.elements,)] * 3, (*places, None), first_byte)
    lines = -(-addition.elements // LINE_BYTES)
    config = {
        "opcode": CONFIG,
        "shift": addition.shift,
        "zero": addition.zero & 255,
        "low": addition.low & 255,
        "high": addition.high & 255,
    }
    operations = _addition(addition, hardware, lines, [tensor.address for tensor in tensors])
    commands = np.concatenate(
        [pack(CONFIG_FIELDS, config, 1), pack(OPERATION_FIELDS, operations, len(operations["op"]), host_cycles)]
    )
    return OperatorProgram(np.ascontiguousarray(commands), tuple(tensors[:-1]), tensors[-1], end)


def _addition(addition: Addition, hardware: Hardware, lines: int, addresses: Sequence[int]) -> dict[str, Indices]:
    """Fields of the loads and stores of ``lines``, in the order in which the host sends them."""
    dim, half = hardware.dim, hardware.accumulator_rows // 2
    blocks = max(1, LINE_BYTES // dim)
    rows = min(dim, half // blocks)
    if rows == 0:
        raise ProgramError(f"half of an accumulator of {2 * half} rows does not hold a line of {LINE_BYTES} bytes")
    start = np.arange(0, lines, rows)
    each = half // (rows * blocks)  # groups of lines in a tile
    tile, group = np.divmod(np.arange(len(start)), each)
    common = {
        "operand_acc": np.ones_like(start),
        "operand_row": tile % 2 * half + group * rows * blocks,
        "rows": np.minimum(rows, lines - start),
        "cols": np.full_like(start, LINE_BYTES),
        "block_stride": np.full_like(start, rows),
        "stride": np.full_like(start, LINE_BYTES),
    }
    parts = []
    for index, term in enumerate((addition.left, addition.right)):
        scale = {"result_row": term.multiplier, "result_rows": term.zero & 127, "flip": term.zero >> 7 & 1}
        place = 2 * tile * each + index * each + group
        parts.append(
            common
            | {name: np.full_like(start, value) for name, value in scale.items()}
            | {"opcode": np.full_like(start, LOAD), "operand_accumulate": np.full_like(start, index)}
            | {"dram": addresses[index] + LINE_BYTES * start, "place": 2 * place}
        )
    # The stores of a tile go between the loads of the next one, one after every other load.
    after = 2 * (tile + 1) * each + 2 * group
    parts.append(
        common
        | {name: np.zeros_like(start) for name in ("result_row", "result_rows", "flip", "operand_accumulate")}
        | {"opcode": np.full_like(start, STORE), "dram": addresses[2] + LINE_BYTES * start, "place": 2 * after + 1}
    )
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(joined.pop("place"), kind="stable")
    fields = {name: values[order] for name, values in joined.items()}
    return fields | {"op": fields["opcode"] - LOAD}
