"""Programs of operators beside layers: their commands, and where their tensors lie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.program_memory import LINE_BYTES, Tensor


@dataclass(frozen=True)
class OperatorProgram:
    """Commands of one operator, and where its tensors lie."""

    commands: NDArray[np.uint32]
    operands: tuple[Tensor, ...]
    output: Tensor
    memory_bytes: int

    @property
    def output_address(self) -> int:
        """First byte of the output."""
        return self.output.address

    def memory_image(self, operands: Sequence[NDArray[np.int8]]) -> NDArray[np.uint8]:
        """Memory contents [memory_bytes] before the run."""
        image = np.zeros(self.memory_bytes, np.uint8)
        for tensor, values in zip(self.operands, operands, strict=True):
            image[tensor.address : tensor.address + tensor.bytes] = np.ravel(values).view(np.uint8)
        return image

    def read_output(self, memory: NDArray[np.uint8]) -> NDArray[np.int8]:
        """The output from the memory contents after the run."""
        tensor = self.output
        return memory[tensor.address : tensor.address + tensor.bytes].view(np.int8).reshape(tensor.shape)


def placed(
    shapes: Sequence[tuple[int, ...]], places: Sequence[int | None], first_byte: int
) -> tuple[list[Tensor], int]:
    """Tensors of int8 with ``shapes``, those without a place in lines from ``first_byte`` on; the byte after these."""
    tensors: list[Tensor] = []
    for shape, place in zip(shapes, places, strict=True):
        tensors.append(Tensor(first_byte if place is None else place, shape, 1))
        first_byte += -(-tensors[-1].bytes // LINE_BYTES) * LINE_BYTES if place is None else 0
    return tensors, first_byte
