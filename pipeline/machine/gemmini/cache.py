"""What the DRAM loops of a mapping touch in the caches below Gemmini.

Tiles narrower than a row of the tensor touch lines at a fixed distance; where that is a multiple of a power of two they
share few sets, and only these sets' part of the cache is theirs.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.caches import Reuse
from pipeline.machine.gemmini.bursts import LINE_BYTES, alignment
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks, happens
from pipeline.machine.system import Cache
from pipeline.workload import C, K, N, P, Q, R, S

SUM_BYTES = 4


def reuse_of(tiles: Tiles, cache_below: Cache, drop: bool) -> Reuse:
    """What the loops of a layer touch; with ``drop`` without partial sums."""
    extent, visits = tiles.mean, torch.ones_like(tiles.count) if drop else tiles.visits
    touched, crowded, turns = [], [], []
    for turn in range(6, -2, -1):
        footprint = _footprint(tiles, extent, visits)
        channels, columns = (_share(tiles, extent, dim, cache_below) for dim in (C, K))
        own = footprint / torch.stack((channels, columns, columns, columns))
        touched.append(footprint)
        crowded.append(footprint.sum(0) - footprint + own)
        if turn >= 0:
            loops = torch.where(tiles.rank == turn, tiles.loops, 1.0)
            extent = extent * loops
            turns.append(loops.prod(0))
    return Reuse(torch.stack(touched), torch.stack(crowded), torch.stack(turns), cache_below.ways)


def _share(tiles: Tiles, extent: Float[Tensor, "dims ..."], dim: int, cache_below: Cache) -> Float[Tensor, "*b"]:
    """Part of the cache's sets that rows of ``dim`` can occupy."""
    sets = int(cache_below.kib * 1024 / LINE_BYTES / cache_below.ways)
    size = tiles.size[dim].detach().round().long()
    step = ((size & -size) // LINE_BYTES).clamp(min=1, max=sets).to(extent.dtype)
    return (blocks(extent[dim], float(LINE_BYTES)) / step).clamp(max=1.0)


def _footprint(
    tiles: Tiles, extent: Float[Tensor, "dims ..."], visits: Float[Tensor, "*b"]
) -> Float[Tensor, "tensors ..."]:
    """Bytes of whole lines that inputs, weights, results and partial sums of ``extent`` touch.

    Results are written in the last of the visits to their tile only, partial sums where there are several.
    """
    spans = []
    for output, tap, axis in ((P, R, 0), (Q, S, 1)):
        span = extent[output] * tiles.stride[axis] + (extent[tap] - 1) * tiles.dilation[axis]
        spans.append(span.minimum(tiles.size[output] * tiles.stride[axis]))
    columns = _line_bytes(tiles, extent, K)
    pixels = extent[N] * extent[P] * extent[Q]
    inputs = extent[N] * spans[0] * spans[1] * _line_bytes(tiles, extent, C)
    weights = extent[R] * extent[S] * extent[C] * columns
    sums = pixels * _line_bytes(tiles, extent, K, SUM_BYTES) * happens(visits)
    return torch.stack((inputs, weights, pixels * columns / visits, sums))


def _line_bytes(tiles: Tiles, extent: Float[Tensor, "dims ..."], dim: int, width: int = 1) -> Float[Tensor, "*b"]:
    """Mean bytes of lines for one row of ``dim`` over all positions that its alignment allows.

    Whole rows of the tensor follow each other, so they share lines.
    """
    row, size = extent[dim] * width, tiles.size[dim] * width
    beyond = LINE_BYTES - 2.0 ** alignment(tiles, dim, width)
    return torch.minimum(row + beyond, torch.maximum(size, row))
