"""Misses of the cache below the accelerator, from the order of the DRAM loops.

Going outwards through the DRAM loops, each either finds what its previous turn left in the cache or not. The chance
depends on what one turn touches: with random replacement a line survives the misses that follow it with
exp(-missed bytes / cache bytes).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.model.rtl_load import LINE_BYTES
from pipeline.model.rtl_relax import blocks
from pipeline.model.rtl_tile import C, K, N, P, Q, R, S, Tiles


@dataclass(frozen=True, slots=True)
class Misses:
    """Lines that a whole layer brings into the cache."""

    input_lines: Float[Tensor, "*b"]
    weight_lines: Float[Tensor, "*b"]
    output_lines: Float[Tensor, "*b"]


def misses(tiles: Tiles, cache_kib: float) -> Misses:
    """Missed lines of inputs, weights and outputs over all tiles."""
    extent = tiles.mean
    touched = _footprint(tiles, extent)
    missed = touched
    for turn in range(6, -1, -1):
        here = (tiles.rank == turn).to(extent.dtype)
        loops = 1 + ((tiles.loops - 1) * here).sum(0)
        chance = miss_chance(touched.sum(0) / (cache_kib * 1024))
        extent = extent * (1 + (tiles.loops - 1) * here)
        grown = _footprint(tiles, extent)
        missed = missed * (chance * loops + (1 - chance) * grown / touched)
        touched = grown
    input_lines, weight_lines, output_lines = missed / LINE_BYTES
    return Misses(input_lines, weight_lines, output_lines)


def miss_chance(load: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Steady-state miss rate m of a loop over ``load`` cache sizes: m = 1 - exp(-m * load), 0 for loads up to 1."""
    excess = (load - 1).clamp(min=0.0)
    rate = 1 - torch.exp(-2 * excess)
    for _ in range(3):
        survive = torch.exp(-rate * load)
        slope = 1 - load * survive
        rate = torch.where(excess > 1e-3, rate - (rate - 1 + survive) / slope.clamp(min=1e-3), 2 * excess)
    return rate


def _footprint(tiles: Tiles, extent: Float[Tensor, "7 *b"]) -> Float[Tensor, "3 *b"]:
    """Bytes of whole lines that inputs, weights and outputs of ``extent`` touch."""
    width = (extent[P] * tiles.stride[0] + (extent[R] - 1) * tiles.dilation[0]).minimum(tiles.size[P] * tiles.stride[0])
    height = (extent[Q] * tiles.stride[1] + (extent[S] - 1) * tiles.dilation[1]).minimum(tiles.size[Q] * tiles.stride[1])
    channels, columns = _line_bytes(tiles, extent, C), _line_bytes(tiles, extent, K)
    inputs = extent[N] * width * height * channels
    weights = extent[R] * extent[S] * extent[C] * columns
    outputs = extent[N] * extent[P] * extent[Q] * columns
    return torch.stack((inputs, weights, outputs))


def _line_bytes(tiles: Tiles, extent: Float[Tensor, "7 *b"], dim: int) -> Float[Tensor, "*b"]:
    """Bytes of lines for one row of ``dim``; rows shorter than a line share lines with their neighbours."""
    line = torch.full_like(tiles.size[dim], LINE_BYTES)
    return torch.minimum(blocks(extent[dim], line) * LINE_BYTES, tiles.size[dim])
