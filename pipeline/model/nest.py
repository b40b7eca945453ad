"""A batch of mappings as tensors with levels and dimensions first, which is the layout the counts are computed in.

Dimensions are ordered R, S, C, K, P, Q, N here, so that what a tensor is indexed by is one slice.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.mapping import LEVELS, LayerTensors, MappingTensors
from pipeline.workload import DIMS

R, S, C, K, P, Q, N = range(7)
WEIGHTS = slice(R, K + 1)
OUTPUTS = slice(K, N + 1)
NOT_WEIGHTS = slice(P, N + 1)
NOT_OUTPUTS = slice(R, C + 1)
"""Dimensions that weights and outputs have, and those that they do not have."""

EXACT = 1e-9
"""Relative difference below which two products of factors are taken as equal."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Layers with dimensions first, expanded to the batch of their mappings; axes are width and height."""

    size: Float[Tensor, "dims=7 *b"]
    stride: Float[Tensor, "axes=2 *b"]
    dilation: Float[Tensor, "axes=2 *b"]

    @classmethod
    def of(cls, layers: LayerTensors, mappings: MappingTensors) -> "Shape":
        """The shapes of ``layers`` for ``mappings``."""
        batch = torch.broadcast_shapes(layers.size.shape[:-1], mappings.temporal.shape[:-2])  # type: ignore[no-untyped-call]
        size, stride, dilation = (
            field.expand(*batch, field.shape[-1]).movedim(-1, 0)
            for field in (layers.size, layers.stride, layers.dilation)
        )
        return cls(_reorder(size, 0), stride, dilation)

    def windows(self, tile: Float[Tensor, "dims=7 *b"]) -> Float[Tensor, "axes=2 *b"]:
        """Width and height of the input that a tile touches."""
        return (tile[P : Q + 1] - 1) * self.stride + (tile[R : S + 1] - 1) * self.dilation + 1


@dataclass(frozen=True, slots=True)
class Nest:
    """A batch of mappings; of ragged ones the averages over all tiles, so that products of factors are exact sums."""

    shape: "Shape"
    loops: Float[Tensor, "4 7 *b"]
    """Iterations of the temporal loops by level and dimension."""
    stays: Float[Tensor, "4 7 *b"]
    """Share of a tile that is in place after a loop has moved it: 1 for one iteration, 0 from two on."""
    rank: Int[Tensor, "4 7 *b"]
    """Place in the loop order of a level, 0 = outermost."""
    tile: Float[Tensor, "4 7 *b"]
    """Extent of the tile that one pass of a level's loops covers, spatial ones included."""
    columns: Float[Tensor, "*b"]
    """Accumulator banks (array columns) that a tile of outputs is spread over."""
    rows: Float[Tensor, "*b"]
    """Array rows that a tile of weights is spread over."""
    busy_columns: Float[Tensor, "*b"]
    """Columns that compute at the same time."""
    busy_rows: Float[Tensor, "*b"]
    """Rows that compute at the same time."""

    @classmethod
    def of(cls, layers: LayerTensors, mappings: MappingTensors) -> "Nest":
        """Take ``mappings`` of ``layers`` apart; both broadcast over their leading dimensions."""
        shape = Shape.of(layers, mappings)
        batch = shape.size.shape[1:]
        loops = _levels_first(mappings.temporal.expand(*batch, LEVELS, len(DIMS)))
        rank = _levels_first(mappings.rank.expand(*batch, LEVELS, len(DIMS)))
        rows, columns = mappings.spatial.expand(*batch, 2).unbind(-1)
        tile = _tiles(loops, rows, columns)
        if bool(((tile[3] - shape.size).abs() > EXACT * shape.size).any()):
            return _averaged(shape, loops, rank, tile, rows, columns)
        return cls(shape, loops, _stays(loops), rank, tile, columns, rows, columns, rows)


def product(factors: Tensor) -> Tensor:
    """Product over the first dimension (``prod`` has a slow gradient)."""
    result, *others = factors.unbind(0)
    for factor in others:
        result = result * factor
    return result


def round_up(exact: Tensor, block: Tensor | float = 1.0) -> Tensor:
    """``exact`` rounded up to whole blocks; the gradient is that of ``exact``."""
    with torch.no_grad():
        excess = (exact * ((1 - 1e-12) / block)).ceil() * block - exact
    return exact + excess


def tile_extents(mappings: MappingTensors) -> Float[Tensor, "4 7 *b"]:
    """Extent of a whole tile by level and dimension: the product of all loops inside."""
    return _tiles(_levels_first(mappings.temporal), *mappings.spatial.unbind(-1))


def _levels_first(factors: Tensor) -> Tensor:
    return _reorder(factors.movedim((-2, -1), (0, 1)), 1)


def _reorder(tensor: Tensor, dim: int) -> Tensor:
    """From the order of ``DIMS`` (R, S, P, Q, C, K, N) to R, S, C, K, P, Q, N."""
    taps, outputs, channels, batch = torch.split(tensor, [2, 2, 2, 1], dim)
    return torch.cat((taps, channels, outputs, batch), dim)


def _stays(loops: Tensor) -> Tensor:
    return (2 - loops).clamp(0, 1)


def _tiles(loops: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Extents [4, 7, *b]: the product of all loops inside, C spread over rows at L1 and K over columns at L2."""
    first = loops[0]
    second = first * _scaled(loops[1], C, rows)
    third = second * _scaled(loops[2], K, columns)
    return torch.stack((first, second, third, third * loops[3]))


def _scaled(loops: Tensor, dim: int, factor: Tensor) -> Tensor:
    return torch.cat((loops[:dim], (loops[dim] * factor).unsqueeze(0), loops[dim + 1 :]))


def _averaged(shape: Shape, loops: Tensor, rank: Tensor, tile: Tensor, rows: Tensor, columns: Tensor) -> Nest:
    """A nest whose last tiles are cut at the layer's size.

    All tiles of a level start at multiples of its extent, so there are ceil(size / extent) of them. Iterations become
    ratios of such counts, and extents become size / count. A loop is taken to move its tile in every pass, though it
    has a single iteration where a tile is cut to one: loads of array registers are an upper bound.
    """
    size = shape.size
    outer = [loops[1] * loops[2] * loops[3], loops[2] * loops[3], loops[3]]
    outer[0] = _scaled(_scaled(outer[0], C, rows), K, columns)
    outer[1] = _scaled(outer[1], K, columns)
    count = [_count(size, tile[level], outer[level]) for level in range(3)]
    row_groups = _count(size[C], tile[0, C] * rows, outer[0][C] / rows)
    column_groups = _count(size[K], tile[1, K] * columns, outer[1][K] / columns)
    even_rows, even_columns = count[0][C] / row_groups, count[1][K] / column_groups
    iterations = torch.stack(
        (
            loops[0],
            _scaled(count[0] / count[1], C, 1 / even_rows),
            _scaled(count[1] / count[2], K, 1 / even_columns),
            count[2],
        )
    )
    whole = torch.stack((*(size / tiles for tiles in count), size.expand_as(tile[3])))
    steps_c = _steps(size[C], row_groups, tile[0, C], rows)
    steps_k = _steps(size[K], column_groups, tile[1, K], columns)
    return Nest(
        shape, iterations, _stays(loops), rank, whole, even_columns, even_rows, size[K] / steps_k, size[C] / steps_c
    )


def _count(size: Tensor, extent: Tensor, outer: Tensor) -> Tensor:
    """Tiles of ``extent`` that cover ``size``: no more than the loops outside run through."""
    return round_up(size / extent).minimum(outer)


def _steps(size: Tensor, groups: Tensor, extent: Tensor, lanes: Tensor) -> Tensor:
    """Steps of the first lane, which has the most work: ``extent`` in each group, what is left in the last one."""
    before = (groups - 1) * extent
    return before + extent.minimum(size - before * lanes)
