"""A batch of mappings as one tensor per factor, and how often a loop nest changes the tile of a tensor.

All functions are differentiable in the factors. A tile that shifts by part of its extent keeps the rest, so the
counts are continuous where a factor becomes 1; on integer factors they are exact.
"""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from pipeline.mapping import LEVELS, LayerTensors, MappingTensors
from pipeline.workload import DIMS

R, S, P, Q, C, K, N = range(len(DIMS))

WEIGHTS = (R, S, C, K)
INPUTS = (R, S, P, Q, C, N)
OUTPUTS = (P, Q, K, N)
"""Dimensions that each tensor is indexed by."""


@dataclass(frozen=True, slots=True)
class Nest:
    """A batch of mappings taken apart: every entry is a tensor [*b]."""

    factor: tuple[tuple[Tensor, ...], ...]
    """Temporal factors by level and dimension."""
    rank: tuple[tuple[Tensor, ...], ...]
    """Place in the loop order by level and dimension, 0 = outermost."""
    spatial_c: Float[Tensor, "*b"]
    spatial_k: Float[Tensor, "*b"]
    extent: tuple[tuple[Tensor, ...], ...]
    """Extent by level and dimension of the tile that one pass of the level's loops covers."""

    @classmethod
    def of(cls, mappings: MappingTensors) -> "Nest":
        """Take ``mappings`` apart."""
        factor = tuple(mappings.temporal[..., level, :].unbind(-1) for level in range(LEVELS))
        rank = tuple(mappings.rank[..., level, :].unbind(-1) for level in range(LEVELS))
        spatial_c, spatial_k = mappings.spatial.unbind(-1)
        extent = [factor[0]]
        for level in range(1, LEVELS):
            inner, own = extent[-1], factor[level]
            outer = [inner[d] * own[d] for d in range(len(DIMS))]
            if level == 1:
                outer[C] = outer[C] * spatial_c
            if level == 2:
                outer[K] = outer[K] * spatial_k
            extent.append(tuple(outer))
        return cls(factor, rank, spatial_c, spatial_k, tuple(extent))

    def inside(self, level: int, inner: int, outer: int) -> Bool[Tensor, "*b"]:
        """Whether the loop over ``inner`` runs inside the loop over ``outer`` at ``level``."""
        return self.rank[level][inner] > self.rank[level][outer]


def product(factors: list[Tensor]) -> Tensor:
    """The product of tensors that broadcast against each other."""
    result = factors[0]
    for factor in factors[1:]:
        result = result * factor
    return result


def kept_share(factor: Tensor) -> Tensor:
    """Share of a tile that is still there after all iterations of a loop that moves it by one tile: 1 for factor 1,
    0 from factor 2 on."""
    return (2 - factor).clamp(0, 1)


def fetches(nest: Nest, relevant: tuple[int, ...], level: int) -> Float[Tensor, "*b"]:
    """How many whole tiles the loops of the levels from ``level`` up bring in, of a tensor without sliding windows.

    A loop over a dimension that the tensor does not have repeats a fetch only when a loop inside it has moved
    the tile.
    """
    count = None
    stays = None
    for at in range(level, LEVELS):
        for d in range(len(DIMS)):
            own = nest.factor[at][d]
            if d not in relevant:
                own = _repeats(nest, relevant, at, d, stays)
            count = own if count is None else count * own
        moved = product([kept_share(nest.factor[at][d]) for d in relevant])
        stays = moved if stays is None else stays * moved
    assert count is not None
    return count


def _repeats(nest: Nest, relevant: tuple[int, ...], level: int, d: int, stays: Tensor | None) -> Tensor:
    kept = stays
    for r in relevant:
        share = kept_share(nest.factor[level][r]).where(nest.inside(level, r, d), nest.factor[level][r].new_ones(()))
        kept = share if kept is None else kept * share
    assert kept is not None
    return 1 + (nest.factor[level][d] - 1) * (1 - kept)


def window(outputs: Tensor, taps: Tensor, stride: Tensor, dilation: Tensor) -> Tensor:
    """Input extent that ``outputs`` windows of ``taps`` touch."""
    return (outputs - 1) * stride + (taps - 1) * dilation + 1


@dataclass(frozen=True, slots=True)
class InputTile:
    """The part of the input that a tile of a level covers, along its two axes and in all."""

    width: Float[Tensor, "*b"]
    height: Float[Tensor, "*b"]
    words: Float[Tensor, "*b"]

    @classmethod
    def of(cls, nest: Nest, layers: LayerTensors, level: int) -> "InputTile":
        """The input tile of ``level``."""
        extent = nest.extent[level]
        width = window(extent[P], extent[R], layers.stride[..., 0], layers.dilation[..., 0])
        height = window(extent[Q], extent[S], layers.stride[..., 1], layers.dilation[..., 1])
        return cls(width, height, width * height * extent[C] * extent[N])
