"""What the DRAM loops of a mapping touch in the caches below a tile pipeline.

Tensors lie in memory in blocks of DIM channels: rows of pixels of DIM bytes, or of DIM output channels for each filter
tap and input channel: rows are long, so they spread over all sets. Results are written once, when their reduction is
complete.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.caches import Reuse
from pipeline.machine.rounding import blocks
from pipeline.machine.system import LINE_BYTES
from pipeline.machine.tile_pipeline.tiles import REDUCTION, Tiles
from pipeline.workload import DIMS, C, K, N, P, Q, R, S


def reuse_of(tiles: Tiles) -> Reuse:
    """What the loops of a layer touch, from one tile outwards; reduction loops run inside all others."""
    order = tiles.order()
    extent, touched, turns = tiles.mean, [], []
    for turn in range(len(DIMS)):
        touched.append(_footprint(tiles, extent))
        mask = torch.nn.functional.one_hot(order[turn], len(DIMS)).movedim(-1, 0).bool()
        loops = torch.where(mask, tiles.loops, 1.0)
        extent = extent * loops
        turns.append(loops.prod(0))
    touched.append(_footprint(tiles, extent))
    steps = torch.stack(touched)
    return Reuse(steps, torch.zeros_like(steps), torch.stack(turns), steps[-1])


def _footprint(tiles: Tiles, extent: Float[Tensor, "dims ..."]) -> Float[Tensor, "tensors ..."]:
    """Bytes of whole lines that inputs, weights and results of ``extent`` touch; there are no partial sums."""
    dim = tiles.dim
    size = [tiles.size[out] * tiles.stride[axis] for out, axis in ((P, 0), (Q, 1))]
    spans = []
    for out, tap, axis, whole in ((P, R, 0, size[0]), (Q, S, 1, size[1])):
        needed = (extent[out] - 1) * tiles.stride[axis] + (extent[tap] - 1) * tiles.dilation[axis] + 1
        spans.append(torch.minimum(needed, whole))
    spans[1] = torch.where(tiles.size[S] == 1, extent[Q], spans[1])  # rows between are not loaded
    k_bytes = blocks(extent[K], dim) * dim
    inputs = extent[N] * blocks(extent[C], dim) * spans[1] * _row_bytes(spans[0] * dim, size[0] * dim, dim)
    weights = extent[R] * extent[S] * extent[C] * k_bytes
    share = (extent[list(REDUCTION)] / tiles.size[list(REDUCTION)]).prod(0)
    pixels = extent[N] * extent[Q] * _row_bytes(extent[P] * dim, tiles.size[P] * dim, dim)
    results = pixels * blocks(extent[K], dim) * share
    return torch.stack((inputs, weights, results, torch.zeros_like(results)))


def _row_bytes(row: Tensor, whole: Tensor, dim: Tensor) -> Tensor:
    """Mean bytes of lines for a part of a row; whole rows follow each other, so they share lines."""
    beyond = (LINE_BYTES - dim).clamp(min=0)
    return torch.minimum(row + beyond, torch.maximum(whole, row))
