"""The constants of a timing as places between their bounds, which is what a fit moves."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from pipeline.machine.constants import Constant, Values

EDGE = 0.01
"""Least distance of a start from the bounds."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Box:
    """The constants as places between their bounds, 0 to 1, evenly spaced in ratio."""

    constants: tuple[Constant, ...]

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [constant.name for constant in self.constants]

    def start(self) -> Array:
        """The starting values."""
        return self.places(np.array([constant.start for constant in self.constants]))

    def places(self, values: Array) -> Array:
        """Where ``values`` lie."""
        low, span, shift = self._scale()
        return np.asarray((np.log(values + shift) - low) / span)

    def values(self, places: Float[Tensor, "k ..."]) -> Float[Tensor, "k ..."]:
        """The values at ``places``."""
        low, span, shift = (torch.from_numpy(part).reshape(-1, *[1] * (places.dim() - 1)) for part in self._scale())
        return (low + span * places).exp() - shift

    def by_name(self, values: Float[Tensor, " k"]) -> Values:
        """``values`` as a machine takes them."""
        return dict(zip(self.names, values.tolist(), strict=True))

    def _scale(self) -> tuple[Array, Array, Array]:
        """Logarithms count from 1 where the lower bound is 0."""
        shift = np.array([float(constant.low == 0) for constant in self.constants])
        low = np.log(np.array([constant.low for constant in self.constants]) + shift)
        high = np.log(np.array([constant.high for constant in self.constants]) + shift)
        return low, high - low, shift
