"""Quantised tensors as the accelerator holds them: uint8 ones, and their zero points, are shifted by 128 to int8."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from pipeline.onnx.quantised import Operand
from pipeline.stages.inference.integers import Integers, requantised
from sim.scaling import Scaling

Array = NDArray[Any]
Int8 = NDArray[np.int8]
Values = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantised tensor as int8, its scales (one, or one a channel) and its zero point."""

    data: Int8
    scale: NDArray[np.float32]
    zero: int

    @property
    def centred(self) -> Integers:
        """The values less the zero point."""
        return self.data.astype(np.int64) - self.zero


@dataclass(frozen=True, slots=True)
class Target:
    """What a quantised result is: scale, zero point and bounds, those of a Relu or Clip included, of type ``kind``."""

    scale: np.float32
    zero: int
    low: int
    high: int
    kind: np.dtype[Any]

    @property
    def shift(self) -> int:
        """What the type's values exceed int8 by."""
        return 128 if self.kind == np.uint8 else 0

    def of_sums(self, sums: Integers, factors: NDArray[np.float32]) -> Array:
        """The definition: scaled by ``factors``, rounded half to even, zero point added, clipped."""
        result: Array = np.clip(requantised(sums, factors) + self.zero, self.low, self.high).astype(self.kind)
        return result

    def of_int8(self, values: Int8) -> Array:
        """What the accelerator stored, in the tensor's own type."""
        result: Array = (values.astype(np.int16) + self.shift).astype(self.kind)
        return result

    def scaling(self, factors: NDArray[np.float32]) -> Scaling:
        """For the accelerator: all bounds as int8. Raises ValueError when a factor is out of range."""
        return Scaling.of(factors, self.zero - self.shift, self.low - self.shift, self.high - self.shift)


def quantity(operand: Operand, values: Values) -> Quantity:
    """The tensor ``operand``. Raises ValueError where it is not one that the accelerator takes."""
    data, scale = values[operand.name], values[operand.scale].reshape(-1).astype(np.float32)
    zeros = values[operand.zero].reshape(-1) if operand.zero else np.zeros(1, np.int8)
    if not (zeros == zeros[0]).all():
        raise ValueError("it has a zero point for each channel")
    zero, scale = int(zeros[0]), scale[:1] if (scale == scale[0]).all() else scale
    if data.dtype == np.uint8:
        return Quantity((data.astype(np.int16) - 128).astype(np.int8), scale, zero - 128)
    if data.dtype != np.int8:
        raise ValueError(f"its operand {operand.name!r} is {data.dtype}")
    return Quantity(data, scale, zero)


def target(operand: Operand, clip: onnx.NodeProto | None, values: Values) -> Target:
    """What the result ``operand`` is, after ``clip``. Raises ValueError where it is not int8 or uint8 with a scale."""
    scale = values[operand.scale].reshape(-1).astype(np.float32)
    zero = values[operand.zero].reshape(-1) if operand.zero else np.zeros(1, np.uint8)
    if scale.size != 1 or zero.dtype not in (np.uint8, np.int8):
        raise ValueError(f"its result is {zero.dtype} with {scale.size} scales")
    low, high = np.iinfo(zero.dtype).min, np.iinfo(zero.dtype).max
    if clip is not None:
        bounds = [values[name] if name else None for name in clip.input[1:]]
        least = np.float32(0) if clip.op_type == "Relu" else (bounds[0] if bounds else None)
        most = bounds[1] if len(bounds) > 1 else None
        low, high = (
            default if bound is None else int(np.clip(np.rint(np.float32(bound) / scale[0]) + int(zero[0]), low, high))
            for bound, default in ((least, low), (most, high))
        )
    return Target(scale[0], int(zero[0]), low, high, zero.dtype)
