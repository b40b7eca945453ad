"""Misses of the cache below the accelerator, from the order of the DRAM loops.

Going outwards through the DRAM loops, each either finds what its previous turn left in the cache or not; the chance
depends on what one turn touches. Tiles narrower than a row of the tensor touch lines at a fixed distance; where that
is a multiple of a power of two they share few sets, and only these sets' part of the cache is theirs.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini.bursts import LINE_BYTES
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks
from pipeline.machine.system import Cache
from pipeline.workload import C, K, N, P, Q, R, S

STEPS = 16
"""Steps of the miss table for each multiple of the cache."""


@dataclass(frozen=True, slots=True)
class Misses:
    """Lines that a whole layer brings into the cache."""

    input_lines: Float[Tensor, "*b"]
    weight_lines: Float[Tensor, "*b"]
    output_lines: Float[Tensor, "*b"]
    """For one pass over the outputs a reduction turn."""


def misses(tiles: Tiles, cache_below: Cache) -> Misses:
    """Missed lines of inputs, weights and outputs over all tiles.

    The cache is warm: what fits has been left there by whoever wrote it.
    """
    extent = tiles.mean
    touched = _footprint(tiles, extent)
    missed = touched
    for turn in range(6, -1, -1):
        loops = torch.where(tiles.rank == turn, tiles.loops, 1.0)
        chance = _miss_chance(tiles, extent, touched, cache_below)
        extent = extent * loops
        grown = _footprint(tiles, extent)
        missed = missed * (chance * loops.prod(0) + (1 - chance) * grown / touched)
        touched = grown
    missed = missed * _miss_chance(tiles, extent, touched, cache_below)
    input_lines, weight_lines, output_lines = missed / LINE_BYTES
    return Misses(input_lines, weight_lines, output_lines)


def miss_rate(load: Float[Tensor, "*b"], ways: int) -> Float[Tensor, "*b"]:
    """Miss rate of a loop over lines that would fill ``load`` caches, interpolated in a table."""
    table = _miss_table(ways)
    position = (load * STEPS).clamp(max=len(table) - 1.001)
    low = position.detach().floor().long()
    return table[low] + (table[low + 1] - table[low]) * (position - low)


@cache
def _miss_table(ways: int) -> Float[Tensor, " steps"]:
    """Miss rate by load in steps of 1 / STEPS.

    Pages spread over the sets at random, so the lines that compete for the ways of a set are Poisson distributed. In a
    set that n lines compete for, a line survives the m * n misses of a turn with exp(-m * n / ways) (random
    replacement), so m = 1 - exp(-m * n / ways).
    """
    lines = torch.arange(1, 400, dtype=torch.float64)
    rate = (lines > ways).to(torch.float64)
    for _ in range(200):
        rate = torch.where(lines > ways, 1 - torch.exp(-rate * lines / ways), 0.0)
    mean = torch.arange(1, 24 * STEPS, dtype=torch.float64).unsqueeze(1) * ways / STEPS
    chance = torch.exp(lines * mean.log() - mean - torch.lgamma(lines + 1))
    smooth = (chance * lines * rate).sum(1) / mean.squeeze(1)
    return torch.cat((torch.zeros(1, dtype=torch.float64), smooth))


def _miss_chance(
    tiles: Tiles, extent: Float[Tensor, "dims ..."], touched: Float[Tensor, "tensors ..."], cache_below: Cache
) -> Float[Tensor, "tensors ..."]:
    """Chance that each tensor's lines have left the cache before the next turn."""
    channels, columns = _share(tiles, extent, C, cache_below), _share(tiles, extent, K, cache_below)
    load = touched.sum(0) - touched + touched / torch.stack((channels, columns, columns))
    return miss_rate(load / (cache_below.kib * 1024), cache_below.ways)


def _share(tiles: Tiles, extent: Float[Tensor, "dims ..."], dim: int, cache_below: Cache) -> Float[Tensor, "*b"]:
    """Part of the cache's sets that rows of ``dim`` can occupy."""
    sets = int(cache_below.kib * 1024 / LINE_BYTES / cache_below.ways)
    size = tiles.size[dim].detach().round().long()
    step = ((size & -size) // LINE_BYTES).clamp(min=1, max=sets).to(extent.dtype)
    return (blocks(extent[dim], torch.full_like(step, LINE_BYTES)) / step).clamp(max=1.0)


def _footprint(tiles: Tiles, extent: Float[Tensor, "dims ..."]) -> Float[Tensor, "tensors ..."]:
    """Bytes of whole lines that inputs, weights and outputs of ``extent`` touch."""
    spans = []
    for output, tap, axis in ((P, R, 0), (Q, S, 1)):
        span = extent[output] * tiles.stride[axis] + (extent[tap] - 1) * tiles.dilation[axis]
        spans.append(span.minimum(tiles.size[output] * tiles.stride[axis]))
    columns = _line_bytes(tiles, extent, K)
    inputs = extent[N] * spans[0] * spans[1] * _line_bytes(tiles, extent, C)
    weights = extent[R] * extent[S] * extent[C] * columns
    outputs = extent[N] * extent[P] * extent[Q] * columns
    return torch.stack((inputs, weights, outputs))


def _line_bytes(tiles: Tiles, extent: Float[Tensor, "dims ..."], dim: int) -> Float[Tensor, "*b"]:
    """Bytes of lines for one row of ``dim``; rows shorter than a line share lines with their neighbours."""
    line = torch.full_like(tiles.size[dim], LINE_BYTES)
    return torch.minimum(blocks(extent[dim], line) * LINE_BYTES, tiles.size[dim])
