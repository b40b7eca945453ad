"""Rounding of the accelerator view that stays continuous between integers and exact on them.

Hardware pads to whole blocks, so its costs are step functions. Here each step of ``ceil`` becomes a ramp over the one
unit after a multiple of the block: equal to the step function for integers, continuous for real numbers, with kinks
only where the ramp begins and ends.
"""

from jaxtyping import Float
from torch import Tensor


def blocks(extent: Float[Tensor, "*b"], block: Float[Tensor, "*#b"] | float) -> Float[Tensor, "*b"]:
    """ceil(extent / block), continuous in both; ``extent`` and ``block`` in the same unit."""
    whole = (extent / block).detach().floor()
    return whole + (extent - whole * block).clamp(0.0, 1.0)


def last_block(extent: Float[Tensor, "*b"], block: Float[Tensor, "*#b"] | float) -> Float[Tensor, "*b"]:
    """What the last of ``blocks(extent, block)`` holds, 1 to ``block``; continuous."""
    return extent - (blocks(extent, block) - 1) * block


def happens(count: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """1 where a loop of ``count`` runs more than once, 0 where it runs once; a ramp from 1 to 2."""
    return (count - 1).clamp(0.0, 1.0)
