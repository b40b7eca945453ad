"""Programs of ``products``: a block of DIM pixels by DIM output channels after another, its operands side by side.

Memory holds for each block of pixels its inputs, a row of 8 bytes for each tap and channel, for each block of output
channels its weights in the same order, and the results of every pair.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim.program import default_shift

ROW_BYTES = 8
BLOCK_BYTES = 128
"""Blocks begin where bursts of 16 rows do not cross 4 KiB."""
HOST_CYCLES = 4
CONTROL, PIXELS, WEIGHTS, RESULTS, ROWS, SHIFT = range(0, 24, 4)
GO, LAST = 1, 2


@dataclass(frozen=True)
class Program:
    """Register writes of one layer and the layout of its memory."""

    layer: Layer
    commands: NDArray[np.uint32]
    pixels: list[tuple[int, int, int, int]]
    """Batch, row, first column and columns of each block."""
    channels: list[tuple[int, int]]
    """First output channel and channels of each block."""

    @property
    def shift(self) -> int:
        return default_shift(self.layer)

    @property
    def rows(self) -> int:
        """Rows of a block's reduction."""
        return self.layer.R * self.layer.S * self.layer.C

    @property
    def starts(self) -> tuple[int, int, int]:
        """Bytes of a block of operands, and where weights and results start."""
        block = -(-self.rows * ROW_BYTES // BLOCK_BYTES) * BLOCK_BYTES
        return block, block * len(self.pixels), block * (len(self.pixels) + len(self.channels))

    @property
    def memory_bytes(self) -> int:
        return self.starts[2] + BLOCK_BYTES * len(self.pixels) * len(self.channels)

    def memory_image(
        self, inputs: NDArray[np.int8], weights: NDArray[np.int8], bias: NDArray[np.int32] | None
    ) -> NDArray[np.uint8]:
        layer, (block, first_weights, _) = self.layer, self.starts
        image = np.zeros(self.memory_bytes, dtype=np.uint8)
        below, right = layer.S * layer.dilation_h, layer.R * layer.dilation_w
        around = ((0, 0), (layer.S // 2, below), (layer.R // 2, right), (0, 0))
        padded = np.pad(inputs, around)
        for index, (n, q, first, count) in enumerate(self.pixels):
            rows = np.zeros((layer.S, layer.R, layer.C, ROW_BYTES), dtype=np.int8)
            for lane in range(count):
                top, left = q * layer.stride_h, (first + lane) * layer.stride_w
                window = padded[n, top : top + below : layer.dilation_h, left : left + right : layer.dilation_w]
                rows[..., lane] = window
            image[index * block :][: rows.size] = rows.reshape(-1).view(np.uint8)
        for index, (first, count) in enumerate(self.channels):
            rows = np.zeros((layer.S, layer.R, layer.C, ROW_BYTES), dtype=np.int8)
            rows[..., :count] = weights[..., first : first + count]
            image[first_weights + index * block :][: rows.size] = rows.reshape(-1).view(np.uint8)
        return image

    def read_output(self, memory: NDArray[np.uint8]) -> NDArray[np.int8]:
        layer = self.layer
        output = np.zeros((layer.N, layer.Q, layer.P, layer.K), dtype=np.int8)
        blocks = memory[self.starts[2] :].view(np.int8).reshape(len(self.pixels), len(self.channels), -1, ROW_BYTES)
        for of_pixels, (n, q, p, count) in zip(blocks, self.pixels, strict=True):
            for block, (k, channels) in zip(of_pixels, self.channels, strict=True):
                output[n, q, p : p + count, k : k + channels] = block[:count, :channels]
        return output


def compile_program(layer: Layer, mapping: Mapping, hardware: Hardware, *, partial_sums: str = "spill") -> Program:
    if any(mapping.tile(name) < getattr(layer, name) for name in "CRS"):
        raise ValueError(f"products cannot split the reduction of {layer}")
    rows, limit = layer.R * layer.S * layer.C, hardware.scratchpad_rows // 2
    if rows > limit:
        raise ValueError(f"the reduction of {layer} has {rows} rows, {hardware.id} keeps {limit}")
    columns = _cuts(layer.P, mapping.tile("P"), hardware.dim)
    pixels = [(n, q, p, count) for n in range(layer.N) for q in range(layer.Q) for p, count in columns]
    channels = _cuts(layer.K, mapping.tile("K"), hardware.dim)
    program = Program(layer, np.zeros((0, 16), dtype=np.uint32), pixels, channels)
    block, weights, results = program.starts
    writes = [(ROWS, rows), (SHIFT, program.shift)]
    for i in range(len(pixels)):
        for j in range(len(channels)):
            result = results + BLOCK_BYTES * (i * len(channels) + j)
            writes += [(PIXELS, i * block), (WEIGHTS, weights + j * block), (RESULTS, result), (CONTROL, GO)]
    writes[-1] = (CONTROL, GO | LAST)
    commands = np.zeros((len(writes), 16), dtype=np.uint32)
    commands[:, :2] = writes
    commands[:, 15] = HOST_CYCLES << 16
    return Program(layer, commands, pixels, channels)


def _cuts(size: int, tile: int, dim: int) -> list[tuple[int, int]]:
    """First and extent of blocks of at most ``dim`` within tiles."""
    found = []
    for start in range(0, size, tile):
        end = min(start + tile, size)
        found += [(first, min(dim, end - first)) for first in range(start, end, dim)]
    return found
