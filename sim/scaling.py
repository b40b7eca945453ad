"""How int32 sums become int8 results, and what a layer between quantised tensors needs besides its products."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MULTIPLIER_BITS = 24
MAX_SHIFT = 63

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scaling:
    """result = clip(round(sum x multiplier / 2**shift) + zero, low, high), rounded half to even.

    ``multiplier`` and ``shift`` have one value, or one for each output channel [K].
    """

    multiplier: Integers
    shift: Integers
    zero: int = 0
    low: int = -128
    high: int = 127

    def __post_init__(self) -> None:
        if self.multiplier.ndim != 1 or self.multiplier.shape != self.shift.shape:
            raise ValueError(f"multipliers {self.multiplier.shape} and shifts {self.shift.shape} do not match")
        for name, values, high in (
            ("multiplier", self.multiplier, 2**MULTIPLIER_BITS - 1),
            ("shift", self.shift, MAX_SHIFT),
        ):
            if values.min() < 0 or values.max() > high:
                raise ValueError(f"{name} {values.min()} to {values.max()} is not within 0 to {high}")
        for name, value in (("zero", self.zero), ("low", self.low), ("high", self.high)):
            if not -128 <= value <= 127:
                raise ValueError(f"{name} = {value} is not int8")

    @classmethod
    def shifted(cls, shift: int) -> "Scaling":
        """A shift alone."""
        return cls(np.array([1]), np.array([shift]))

    @classmethod
    def of(cls, factors: NDArray[np.float32], zero: int, low: int, high: int) -> "Scaling":
        """Scaling by positive float32 ``factors`` [1] or [K], exactly. Raises ValueError when they are out of range."""
        mantissa, exponent = np.frexp(factors)
        multiplier = np.ldexp(mantissa.astype(np.float64), MULTIPLIER_BITS).astype(np.int64)
        shift = MULTIPLIER_BITS - exponent.astype(np.int64)
        if not (np.isfinite(factors) & (factors > 0) & (shift >= 0) & (shift <= MAX_SHIFT)).all():
            raise ValueError(f"scales from {factors.min()} to {factors.max()} are out of range")
        return cls(multiplier, shift, zero, low, high)

    @property
    def per_channel(self) -> bool:
        """Whether output channels have a scale each."""
        return len(self.multiplier) > 1

    def table(self, tile_channels: int, dim: int) -> NDArray[np.uint32]:
        """Rows [n, DIM] as the accelerator holds them: 24 bits of multiplier and 6 of shift a channel.

        One row serves all channels, or every tile of ``tile_channels`` starts a row of its own.
        """
        words = (self.multiplier | self.shift << MULTIPLIER_BITS).astype(np.uint32)
        if not self.per_channel:
            return np.full((1, dim), words[0])
        tiles = np.pad(words, (0, -len(words) % tile_channels)).reshape(-1, tile_channels)
        return np.pad(tiles, ((0, 0), (0, -tile_channels % dim))).reshape(-1, dim)


@dataclass(frozen=True, slots=True)
class Quantised:
    """A layer between quantised tensors: its scaling, and the input outside the image.

    Its sums start from int32 values in memory: a bias [K], or one for each output [N, Q, P, K] (``each_output``).
    """

    scaling: Scaling
    padding: int = 0
    each_output: bool = False
