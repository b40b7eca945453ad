"""Named constants of a machine's timing: what may be fitted to measured cycles, with units, bounds and sources.

A machine evaluates its latency with any ``Values``: plain numbers (the fastest), or tensors through which gradients
flow. Tensors broadcast with the batch, so each row may have values of its own.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

Value = float | int | Tensor
"""A number, or a tensor that broadcasts with the batch ``*b``."""

Values = Mapping[str, Value]
"""A value for each constant of a machine, by name."""


@dataclass(frozen=True, slots=True)
class Constant:
    """One constant of a machine's timing. Raises ValueError when its starting value is not within its bounds."""

    name: str
    unit: str
    """``cycles``, ``slots``, ``bytes/cycle`` ..."""
    low: float
    high: float
    """Bounds, both included, within which hardware of the machine's family may lie."""
    start: float
    """Value before anything was measured."""
    meaning: str
    source: str
    """Where ``start`` comes from."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and 0 <= self.low < self.high):
            raise ValueError(f"constant {self.name}: bounds {self.low:g} to {self.high:g} are not a range from 0")
        if not self.low <= self.start <= self.high:
            raise ValueError(f"constant {self.name}: start {self.start:g} is not in {self.low:g} to {self.high:g}")


def start_values(constants: Iterable[Constant]) -> dict[str, float]:
    """The starting value of each constant."""
    return {constant.name: constant.start for constant in constants}


def check_values(values: Values, constants: Iterable[Constant]) -> None:
    """Raise ValueError that names a constant which ``values`` lacks or a name that is none."""
    names = {constant.name for constant in constants}
    for name in sorted(names ^ set(values)):
        raise ValueError(f"constant {name}: {'has no value' if name in names else 'is unknown'}")
