"""Logarithms of ratios to a limit whose values and gradients stay finite, one a direction.

``relu(log(x))`` is right in value, but its gradient at 0 is 0 times infinity. Here the argument is cut first, so
what lies on the allowed side has the gradient 0, wherever it is.
"""

from jaxtyping import Float
from torch import Tensor

LEAST = 1e-300
"""Ratios below count as this: the logarithm of a vanishing factor stays a number."""


def log_excess(ratio: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """How far ``ratio`` is above 1: its logarithm there, else 0."""
    return ratio.clamp(min=1.0).log()


def log_shortfall(ratio: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """How far ``ratio`` is below 1: the negative of its logarithm there, else 0."""
    return -ratio.clamp(LEAST, 1.0).log()
