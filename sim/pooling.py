"""Max pooling through the accumulator, as single operations.

A tile is a rectangle of outputs with up to 64 channels. The lines of input that its windows cover are loaded into one
half of the accumulator, the least int8 value where they lie outside the image; its stores take the maximum of each
window. Tiles alternate between the halves: while the windows of one are read, the next one is loaded.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from pipeline.hardware import Hardware
from sim.commands import CONFIG, CONFIG_FIELDS, LOAD, OPERATION_FIELDS, POOL, POOL_FIELDS, STORE, pack
from sim.compiler import ProgramError
from sim.operator_program import OperatorProgram, placed
from sim.program_memory import LINE_BYTES

MAX_SIZE = 255
"""Rows and columns of a window, and columns from one to the next."""
LEAST = -128


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Maxima of windows; sizes are rows, then columns, as are ``pads`` before the image. Results are clipped."""

    kind: ClassVar[str] = "max_pool"
    batch: int
    image: tuple[int, int]
    channels: int
    window: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int]
    outputs: tuple[int, int]
    low: int = -128
    high: int = 127

    def __post_init__(self) -> None:
        if max(*self.window, self.stride[1]) > MAX_SIZE:
            raise ValueError(f"windows of {self.window} every {self.stride} are larger than {MAX_SIZE}")

    def __str__(self) -> str:
        sizes = [f"{rows}x{columns}" for rows, columns in (self.window, self.stride, self.image)]
        return f"maximum of {sizes[0]} every {sizes[1]} in {sizes[2]}x{self.channels} N{self.batch}"

    @property
    def results(self) -> int:
        """Elements of the result."""
        return math.prod(self.output_shape)

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """N, H, W, C."""
        return self.batch, *self.image, self.channels

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """N, Q, P, C."""
        return self.batch, *self.outputs, self.channels


@dataclass(frozen=True, slots=True)
class _Tile:
    """Largest size of a tile: outputs, channels, and the lines and columns of input that they need."""

    outputs: tuple[int, int]
    channels: int
    lines: int
    columns: int

    @property
    def rows(self) -> int:
        """Accumulator rows of a block of channels."""
        return self.lines * self.columns


def compile_max_pool(
    pool: MaxPool,
    hardware: Hardware,
    *,
    first_byte: int = 0,
    places: Sequence[int | None] = (None,),
    host_cycles: int = 0,
) -> OperatorProgram:
    """The program of ``pool``: its memory begins at ``first_byte``, but for an input that lies in ``places``.

    ``host_cycles`` is what the host needs for a command. Raises ProgramError where no window fits the accumulator.
    """
    (source, target), end = placed([pool.input_shape, pool.output_shape], (*places, None), first_byte)
    tile = _tile(pool, hardware)
    width = tile.outputs[1]
    windows = {
        "opcode": POOL,
        "height": pool.window[0],
        "width": pool.window[1],
        "step": pool.stride[1],
        "line": tile.columns,
        "span": (width - 1) * (pool.stride[1] - 1) + (pool.window[0] - 1) * tile.columns + pool.window[1] - 1,
    }
    config = {"opcode": CONFIG, "padding": LEAST & 255, "low": pool.low & 255, "high": pool.high & 255}
    operations = list(_operations(pool, hardware, tile, source.address, target.address))
    fields = {name: np.array([item.get(name, 0) for item in operations]) for name in (*operations[0], "zeros")}
    fields["op"] = fields["opcode"] - LOAD
    commands = np.concatenate(
        [
            pack(CONFIG_FIELDS, config, 1),
            pack(POOL_FIELDS, windows, 1),
            pack(OPERATION_FIELDS, fields, len(operations), host_cycles),
        ]
    )
    return OperatorProgram(np.ascontiguousarray(commands), (source,), target, end)


def _tile(pool: MaxPool, hardware: Hardware) -> _Tile:
    """The tile with the fewest loads: as many channels as a load takes, else a block; a store takes a row of it."""
    half = hardware.accumulator_rows // 2
    candidates = []
    for most in dict.fromkeys((max(LINE_BYTES, hardware.dim), hardware.dim)):
        channels = min(most, pool.channels)
        rows = half // -(-channels // hardware.dim)
        for width in range(1, min(hardware.dim, pool.outputs[1]) + 1):
            columns = (width - 1) * pool.stride[1] + pool.window[1]
            height = min(pool.outputs[0], (rows // columns - pool.window[0]) // pool.stride[0] + 1)
            if height > 0:
                lines = (height - 1) * pool.stride[0] + pool.window[0]
                tiles = -(-pool.outputs[0] // height) * -(-pool.outputs[1] // width)
                loads = -(-columns // hardware.dim)
                candidates.append((tiles * lines * loads, _Tile((height, width), channels, lines, columns)))
        if candidates:
            return min(candidates, key=lambda item: item[0])[1]
    size = f"{pool.window[0]} x {pool.window[1]}"
    raise ProgramError(f"half of an accumulator of {2 * half} rows does not hold a window of {size}")


def _operations(pool: MaxPool, hardware: Hardware, tile: _Tile, source: int, target: int) -> Iterator[dict[str, int]]:
    """Loads and stores in the order in which the host sends them: a tile's loads with the stores of the one before."""
    half = hardware.accumulator_rows // 2
    waiting: list[dict[str, int]] = []
    number = 0
    for b in range(pool.batch):
        for channel in range(0, pool.channels, tile.channels):
            for q in range(0, pool.outputs[0], tile.outputs[0]):
                for p in range(0, pool.outputs[1], tile.outputs[1]):
                    corner = _Corner(pool, tile, hardware.dim, b, channel, q, p, number % 2 * half)
                    loads, stores = list(corner.loads(source)), list(corner.stores(target))
                    yield from _spread(loads, waiting)
                    waiting, number = stores, number + 1
    yield from waiting


def _spread(loads: list[dict[str, int]], stores: list[dict[str, int]]) -> Iterator[dict[str, int]]:
    """All loads, and the stores spread evenly among them."""
    sent = 0
    for index, load in enumerate(loads, 1):
        yield load
        due = len(stores) * index // len(loads)
        yield from stores[sent:due]
        sent = due


@dataclass(frozen=True, slots=True)
class _Corner:
    """One tile: its first batch, channel, output row and column, and its first accumulator row."""

    pool: MaxPool
    tile: _Tile
    dim: int
    b: int
    channel: int
    q: int
    p: int
    base: int

    @property
    def _shared(self) -> dict[str, int]:
        """Fields of all its operations."""
        channels = min(self.tile.channels, self.pool.channels - self.channel)
        return {"operand_acc": 1, "cols": channels, "block_stride": self.tile.rows, "stride": self.pool.channels}

    @property
    def _outputs(self) -> tuple[int, int]:
        height, width = self.tile.outputs
        return min(height, self.pool.outputs[0] - self.q), min(width, self.pool.outputs[1] - self.p)

    def loads(self, source: int) -> Iterator[dict[str, int]]:
        """Loads of the lines that its windows cover, each in parts before, in and after the image."""
        pool, (height, width) = self.pool, self._outputs
        top = self.q * pool.stride[0] - pool.pads[0]
        left = self.p * pool.stride[1] - pool.pads[1]
        columns = (width - 1) * pool.stride[1] + pool.window[1]
        for line in range((height - 1) * pool.stride[0] + pool.window[0]):
            y = top + line
            inside = 0 <= y < pool.image[0]
            end = left + columns
            first = min(max(left, 0), end)
            parts = pairwise((left, first, max(first, min(pool.image[1], end)), end)) if inside else [(left, end)]
            for low, high in parts:
                for x in range(low, high, self.dim):
                    zeros = not inside or not 0 <= x < pool.image[1]
                    pixel = ((self.b * pool.image[0] + y) * pool.image[1] + x) * pool.channels + self.channel
                    yield self._shared | {
                        "opcode": LOAD,
                        "operand_row": self.base + line * self.tile.columns + x - left,
                        "result_row": 1,
                        "rows": min(self.dim, high - x),
                        "dram": 0 if zeros else source + pixel,
                        "zeros": int(zeros),
                    }

    def stores(self, target: int) -> Iterator[dict[str, int]]:
        """A store for each row of outputs."""
        pool, (height, width) = self.pool, self._outputs
        for row in range(height):
            pixel = (self.b * pool.outputs[0] + self.q + row) * pool.outputs[1] + self.p
            yield self._shared | {
                "opcode": STORE,
                "operand_row": self.base + row * pool.stride[0] * self.tile.columns,
                "result_row": 0,
                "rows": width,
                "dram": target + pixel * pool.channels + self.channel,
            }
