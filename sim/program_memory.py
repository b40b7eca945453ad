"""Where a layer's tensors lie in memory.

Input N, H, W, C; weights S, R, C, K; output N, Q, P, K, all int8 with natural strides; partial sums like the output,
bias K, scales in rows of DIM, all int32. Every tensor starts at a multiple of 64 bytes, in public
convolution runs 8 bytes further.
"""

import math
from dataclasses import dataclass

from pipeline.workload import Layer

LINE_BYTES = 64
PUBLIC_OFFSET_BYTES = 8
"""Where the tensors of the public convolution runs start within a line.

Gemmini's convolution tests (gemmini-rocc-tests, bareMetalC/conv.c) hold them in plain C arrays, which the compiler
aligns to 8 bytes; its matrix tests align theirs. Rows of 16 bytes or more then take two or more beats, or two requests.
"""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor in memory."""

    address: int
    shape: tuple[int, ...]
    itemsize: int

    @property
    def bytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * self.itemsize


@dataclass(frozen=True, slots=True)
class Room:
    """Where the memory of one program of several lies: its first byte, and the input where another left it."""

    first_byte: int
    inputs: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the tensors of a layer lie in memory."""

    inputs: Tensor
    weights: Tensor
    outputs: Tensor
    sums: Tensor
    """int32 partial sums, of size 0 where none are spilled."""
    bias: Tensor
    scales: Tensor

    @property
    def memory_bytes(self) -> int:
        """Size of the memory, whole lines."""
        return _align(self.scales.address + self.scales.bytes)


def place(
    layer: Layer, offset: int, room: Room, *, needs_sums: bool, needs_bias: bool, scales: tuple[int, int]
) -> Placement:
    """The tensors of ``layer`` in ``room``, ``offset`` bytes into a line; ``scales`` are rows and DIM of its table."""
    height, width = layer.Q * layer.stride_h, layer.P * layer.stride_w
    outputs = (layer.N, layer.Q, layer.P, layer.K)
    tensors: list[Tensor] = []
    address = offset + room.first_byte
    for shape, itemsize in (
        ((layer.N, height, width, layer.C), 1),
        ((layer.S, layer.R, layer.C, layer.K), 1),
        (outputs, 1),
        (outputs if needs_sums else (0,), 4),
        ((layer.K if needs_bias else 0,), 4),
        (scales, 4),
    ):
        elsewhere = room.inputs if not tensors else None
        tensor = Tensor(address if elsewhere is None else elsewhere, shape, itemsize)
        tensors.append(tensor)
        if elsewhere is not None:
            continue
        address = offset + _align(address - offset + tensor.bytes)
    return Placement(*tensors)


def _align(address: int) -> int:
    return -(-address // LINE_BYTES) * LINE_BYTES
