"""What the DRAM loops of a mapping touch in the caches below Gemmini.

Tiles narrower than a row of the tensor touch lines at a fixed distance; where that is a multiple of a power of two they
share few sets, and compete with each other more: filter taps of a layer whose input times output channels are a
multiple of a way all fall into the same ones.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pipeline.machine.caches import LEAST_BYTES, Reuse
from pipeline.machine.gemmini.bursts import alignment
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks, happens
from pipeline.machine.system import LINE_BYTES, Cache
from pipeline.workload import C, K, N, P, Q, R, S

SUM_BYTES = 4


def reuse_of(tiles: Tiles, cache_below: Cache, drop: bool) -> Reuse:
    """What the loops of a layer touch; with ``drop`` without partial sums."""
    visits = torch.ones_like(tiles.count) if drop else tiles.visits
    extents, turns = [tiles.mean], []
    for turn in range(6, -1, -1):
        loops = torch.where(tiles.rank == turn, tiles.loops, 1.0)
        extents.append(extents[-1] * loops)
        turns.append(loops.prod(0))
    steps = torch.stack(extents, 1)
    touched = _footprint(tiles, steps, visits)
    crowd = _crowds(tiles, steps, touched, cache_below)
    n, p, q, c, k = (tiles.size[dim] for dim in (N, P, Q, C, K))
    results = n * p * q * k
    inputs = n * c * p * tiles.stride[0] * q * tiles.stride[1]
    sizes = inputs, tiles.size[[R, S]].prod(0) * c * k, results, SUM_BYTES * results * happens(visits)
    return Reuse(touched.transpose(0, 1), crowd.transpose(0, 1), torch.stack(turns), torch.stack(sizes))


def _crowds(
    tiles: Tiles,
    extent: Float[Tensor, "dims steps *b"],
    touched: Float[Tensor, "tensors steps *b"],
    cache_below: Cache,
) -> Float[Tensor, "tensors steps *b"]:
    """How much more often lines of each tensor meet others of it than if they lay in all sets, less 1.

    A set that holds n of them has n - 1 for each one to meet.
    """
    sets = int(cache_below.kib * 1024 / LINE_BYTES / cache_below.ways)
    occupied = occupied_sets(*_rows(tiles, extent), sets)
    others = (1 - occupied * LINE_BYTES / touched.clamp(min=LEAST_BYTES)).clamp(min=0.0)
    return (others * sets / occupied - 1).clamp(min=0.0)


def occupied_sets(
    row: Float[Tensor, "*b"], turns: Float[Tensor, "loops ..."], pitch: Float[Tensor, "loops ..."], sets: int
) -> Float[Tensor, "*b"]:
    """Sets of the cache in which rows of ``row`` bytes lie; ``pitch`` is that of the loops over them, in bytes, from
    the inside out.

    Addresses that are a multiple of a way apart fall into the same set: of the turns of a loop only as many lie apart
    as the power of two in its pitch goes into a way.
    """
    way = float(sets * LINE_BYTES)
    whole = pitch.detach().round().long().clamp(min=1)
    apart = torch.minimum(turns, (way / (whole & -whole).to(row.dtype)).clamp(min=1.0))
    beyond = (turns - 1) * pitch
    found, span = blocks(row, float(LINE_BYTES)), row
    for loop in range(len(turns)):
        span = span + beyond[loop]
        # Rows that follow each other closely share lines.
        found = torch.minimum(found * apart[loop], blocks(span, float(LINE_BYTES)))
    return found.clamp(min=1.0, max=float(sets))


def _rows(
    tiles: Tiles, extent: Float[Tensor, "dims steps *b"]
) -> tuple[Float[Tensor, "tensors steps *b"], Float[Tensor, "3 tensors steps *b"], Float[Tensor, "3 tensors 1 *b"]]:
    """Bytes of a row of inputs, weights, results and sums of ``extent``, turns and pitch of the loops over rows."""
    skips, size = _skips(tiles), tiles.size
    width, height = size[P] * tiles.stride[0], size[Q] * tiles.stride[1]
    line = width * size[C]
    outputs = size[K], size[P] * size[K], size[Q] * size[P] * size[K]
    pitch = (
        (
            size[C] * torch.where(skips, tiles.stride[0], 1.0),
            line * torch.where(skips, tiles.stride[1], 1.0),
            height * line,
        ),
        (size[K], size[C] * size[K], size[R] * size[C] * size[K]),
        outputs,
        tuple(SUM_BYTES * each for each in outputs),
    )
    turns = (
        (_span(tiles, extent, 0), _span(tiles, extent, 1), extent[N]),
        (extent[C], extent[R], extent[S]),
        (extent[P], extent[Q], extent[N]),
        (extent[P], extent[Q], extent[N]),
    )
    row = torch.stack((extent[C], extent[K], extent[K], SUM_BYTES * extent[K]))
    return row, _by_loop(turns), _by_loop(pitch).unsqueeze(2)


def _by_loop(of: Sequence[Sequence[Tensor]]) -> Float[Tensor, "loops tensors ..."]:
    """What is given for each tensor and its loops as one tensor."""
    return torch.stack([torch.stack(parts, 0) for parts in zip(*of, strict=True)])


def _skips(tiles: Tiles) -> Bool[Tensor, "*b"]:
    """Whether a stride skips pixels: a filter of a single tap reads only those that it uses, but in public runs."""
    return (tiles.size[R] == 1) & (tiles.size[S] == 1) & (not tiles.public)


def _span(tiles: Tiles, extent: Float[Tensor, "dims steps *b"], axis: int) -> Float[Tensor, "steps ..."]:
    """Pixels of the input along an axis that ``extent`` reads."""
    output, tap = (P, R) if axis == 0 else (Q, S)
    stride = torch.where(_skips(tiles), 1.0, tiles.stride[axis])
    span = extent[output] * stride + (extent[tap] - 1) * tiles.dilation[axis]
    return span.minimum(tiles.size[output] * stride)


def _footprint(
    tiles: Tiles, extent: Float[Tensor, "dims steps *b"], visits: Float[Tensor, "*b"]
) -> Float[Tensor, "tensors steps *b"]:
    """Bytes of whole lines that inputs, weights, results and partial sums of ``extent`` touch.

    Results are written in the last of the visits to their tile only, partial sums where there are several.
    """
    columns = _line_bytes(tiles, extent, K)
    pixels = extent[N] * extent[P] * extent[Q]
    inputs = extent[N] * _span(tiles, extent, 0) * _span(tiles, extent, 1) * _line_bytes(tiles, extent, C)
    weights = extent[R] * extent[S] * extent[C] * columns
    sums = pixels * _line_bytes(tiles, extent, K, SUM_BYTES) * happens(visits)
    return torch.stack((inputs, weights, pixels * columns / visits, sums))


def _line_bytes(
    tiles: Tiles, extent: Float[Tensor, "dims steps *b"], dim: int, width: int = 1
) -> Float[Tensor, "steps ..."]:
    """Mean bytes of lines for one row of ``dim`` over all positions that its alignment allows.

    Whole rows of the tensor follow each other, so they share lines.
    """
    row, size = extent[dim] * width, tiles.size[dim] * width
    beyond = LINE_BYTES - 2.0 ** alignment(tiles, dim, width)
    return torch.minimum(row + beyond, torch.maximum(size, row))
