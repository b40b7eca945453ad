"""A batch of mappings as tensors with levels and dimensions first, which is the layout the counts are computed in."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.mapping import FOUR_LEVELS
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, C, K, N, P, Q, R, S

WEIGHTS, NOT_WEIGHTS = (R, S, C, K), (P, Q, N)
OUTPUTS, NOT_OUTPUTS = (K, P, Q, N), (R, S, C)
"""Dimensions that weights and outputs have, and those that they do not have."""

LEVELS = FOUR_LEVELS.levels

EXACT = 1e-9
"""Relative difference below which two products of factors are taken as equal."""


Dims = tuple[Tensor, ...]
"""One tensor [*b] per dimension."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Layers with dimensions first, expanded to the batch of their mappings; axes are width and height."""

    size: Float[Tensor, "dims=7 *b"]
    stride: Float[Tensor, "axes=2 *b"]
    dilation: Float[Tensor, "axes=2 *b"]

    @classmethod
    def of(cls, layers: LayerTensors, mappings: MappingTensors) -> "Shape":
        """The shapes of ``layers`` for ``mappings``."""
        batch = (layers.size[..., 0] * mappings.temporal[..., 0, 0]).shape
        size, stride, dilation = (
            field.expand(*batch, field.shape[-1]).movedim(-1, 0)
            for field in (layers.size, layers.stride, layers.dilation)
        )
        return cls(size, stride, dilation)

    def windows(self, tile: Dims) -> Float[Tensor, "axes=2 *b"]:
        """Width and height of the input that a tile touches."""
        outputs, taps = torch.stack((tile[P], tile[Q])), torch.stack((tile[R], tile[S]))
        return (outputs - 1) * self.stride + (taps - 1) * self.dilation + 1


@dataclass(frozen=True, slots=True)
class Nest:
    """A batch of mappings; of ragged ones the averages over all tiles, so that products of factors are exact sums.

    Single dimensions are kept as tensors of their own, because the gradient of indexing fills whole tensors.
    """

    shape: Shape
    loops: tuple[Dims, ...]
    """Iterations of the temporal loops by level and dimension."""
    stays: tuple[Dims, ...]
    """Share of a tile that is in place after a loop has moved it: 1 for one iteration, 0 from two on."""
    rank: Int[Tensor, "4 7 *b"]
    """Place in the loop order of a level, 0 = outermost."""
    tile: tuple[Dims, ...]
    """Extents of the tiles of levels 0 to 2, which one pass of the level's loops covers, spatial ones included."""
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
        temporal = mappings.temporal.expand(*batch, LEVELS, len(DIMS))
        rank = mappings.rank.expand(*batch, LEVELS, len(DIMS)).movedim((-2, -1), (0, 1)).contiguous()
        spatial = mappings.spatial.expand(*batch, 2)
        rows, columns = spatial.unbind(-1)
        loops = by_level(temporal)
        stays = tuple(tuple((2 - own).clamp(0, 1) for own in level) for level in loops)
        tile = tile_extents(loops, rows, columns)
        with torch.no_grad():
            whole = torch.stack([inner * outer for inner, outer in zip(tile[2], loops[3], strict=True)])
            tolerance = max(EXACT, 64 * torch.finfo(whole.dtype).eps)
            ragged = bool(((whole - shape.size).abs() > tolerance * shape.size).any())
        if ragged:
            return _averaged(shape, loops, stays, rank, tile, rows, columns)
        return cls(shape, loops, stays, rank, tile, columns, rows, columns, rows)


def product(factors: Iterable[Tensor]) -> Tensor:
    """Product of tensors (``prod`` over a dimension has a slow gradient)."""
    return reduce(operator.mul, factors)


def round_up(exact: Tensor, block: Tensor | float = 1.0) -> Tensor:
    """``exact`` rounded up to whole blocks; the gradient is that of ``exact``."""
    with torch.no_grad():
        missing = _missing(exact, block)
    return exact + missing


def sum_of_rounded_up(parts: tuple[Tensor, ...], block: Tensor | float) -> Tensor:
    """The sum of ``parts``, each rounded up to whole blocks; the gradient is that of the plain sum."""
    with torch.no_grad():
        more_dims = max(0, block.dim() - parts[0].dim()) if isinstance(block, Tensor) else 0
        stacked = torch.stack(parts)
        missing = _missing(stacked.reshape(len(parts), *[1] * more_dims, *stacked.shape[1:]), block).sum(0)
    return reduce(operator.add, parts) + missing


def _missing(exact: Tensor, block: Tensor | float) -> Tensor:
    """What ``exact`` lacks to whole blocks; an excess within rounding errors does not start another block."""
    return (exact * ((1 - 64 * torch.finfo(exact.dtype).eps) / block)).ceil() * block - exact


def by_level(factors: Float[Tensor, "*b 4 7"]) -> tuple[Dims, ...]:
    """Factors by level and dimension."""
    contiguous = factors.movedim((-2, -1), (0, 1)).contiguous()
    return tuple(level.unbind(0) for level in contiguous.unbind(0))


def of(dims: Dims | Tensor, wanted: Iterable[int]) -> Dims:
    """What belongs to some of the dimensions."""
    return tuple(dims[dim] for dim in wanted)


def tile_extents(loops: tuple[Dims, ...], rows: Tensor, columns: Tensor) -> tuple[Dims, ...]:
    """Extents of whole tiles of levels 0 to 2: the products of all loops inside, C spread over rows at L1 and K over
    columns at L2."""
    tiles = [loops[0]]
    for level, dim, lanes in ((1, C, rows), (2, K, columns)):
        extents = [inner * own for inner, own in zip(tiles[-1], loops[level], strict=True)]
        extents[dim] = extents[dim] * lanes
        tiles.append(tuple(extents))
    return tuple(tiles)


def cut(tile: Dims, shape: Shape) -> Dims:
    """Extents of the largest tile: no more than the layer has."""
    return tuple(size.where(extent > size * (1 + EXACT), extent) for size, extent in zip(shape.size, tile, strict=True))


def _averaged(
    shape: Shape,
    loops: tuple[Dims, ...],
    stays: tuple[Dims, ...],
    rank: Tensor,
    tile: tuple[Dims, ...],
    rows: Tensor,
    columns: Tensor,
) -> Nest:
    """A nest whose last tiles are cut at the layer's size.

    All tiles of a level start at multiples of its extent, so there are ceil(size / extent) of them. Iterations become
    ratios of such counts, and extents become size / count. A loop is taken to move its tile in every pass, though it
    has a single iteration where a tile is cut to one: the counts are upper bounds.
    """
    size = shape.size.unbind(0)
    outer = _outer_loops(loops, rows, columns)
    count = [[_count(*dim) for dim in zip(size, tile[level], outer[level], strict=True)] for level in range(LEVELS - 1)]
    row_groups = _count(size[C], tile[0][C] * rows, outer[0][C] / rows)
    column_groups = _count(size[K], tile[1][K] * columns, outer[1][K] / columns)
    even_rows, even_columns = count[0][C] / row_groups, count[1][K] / column_groups
    middle = [[fine / coarse for fine, coarse in zip(*count[at : at + 2], strict=True)] for at in range(2)]
    middle[0][C], middle[1][K] = middle[0][C] / even_rows, middle[1][K] / even_columns
    return Nest(
        shape=shape,
        loops=(loops[0], tuple(middle[0]), tuple(middle[1]), tuple(count[2])),
        stays=stays,
        rank=rank,
        tile=tuple(tuple(whole / tiles for whole, tiles in zip(size, level, strict=True)) for level in count),
        columns=even_columns,
        rows=even_rows,
        busy_columns=size[K] / _steps(size[K], column_groups, tile[1][K], columns),
        busy_rows=size[C] / _steps(size[C], row_groups, tile[0][C], rows),
    )


def _outer_loops(loops: tuple[Dims, ...], rows: Tensor, columns: Tensor) -> list[list[Tensor]]:
    """Tiles of levels 0 to 2 that the loops outside run through, spatial ones included."""
    outer = [list(loops[3])]
    for level, dim, lanes in ((2, K, columns), (1, C, rows)):
        tiles = [own * outside for own, outside in zip(loops[level], outer[0], strict=True)]
        tiles[dim] = tiles[dim] * lanes
        outer.insert(0, tiles)
    return outer


def _count(size: Tensor, extent: Tensor, outer: Tensor) -> Tensor:
    """Tiles of ``extent`` that cover ``size``: no more than the loops outside run through."""
    return round_up(size / extent).minimum(outer)


def _steps(size: Tensor, groups: Tensor, extent: Tensor, lanes: Tensor) -> Tensor:
    """Steps of the first lane, which has the most work: ``extent`` in each group, what is left in the last one."""
    before = (groups - 1) * extent
    return before + extent.minimum(size - before * lanes)
