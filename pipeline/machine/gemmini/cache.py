"""Misses of the caches below the accelerator, from the order of the DRAM loops.

Going outwards through the DRAM loops, each either finds what its previous turn left in the cache or not; the chance
depends on what one turn touches. Tiles narrower than a row of the tensor touch lines at a fixed distance; where that
is a multiple of a power of two they share few sets, and only these sets' part of the cache is theirs.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.constants import Value
from pipeline.machine.gemmini.bursts import LINE_BYTES, alignment
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks, happens
from pipeline.machine.system import Cache
from pipeline.workload import C, K, N, P, Q, R, S

STEPS = 16
"""Steps of the miss table for each multiple of the cache."""

SUM_BYTES = 4
LEAST_BYTES = 1e-9


@dataclass(frozen=True, slots=True)
class Reuse:
    """What the DRAM loops touch, from one tile (step 0) outwards to the whole layer (the last step).

    ``tensors`` are inputs, weights, results and partial sums.
    """

    touched: Float[Tensor, "steps tensors ..."]
    """Bytes of whole lines."""
    crowded: Float[Tensor, "steps tensors ..."]
    """Bytes of cache that as many lines spread over all sets would take: those of all tensors, the tensor's own
    counted by the share of the sets that its rows can occupy."""
    turns: Float[Tensor, "turns ..."]
    """Turns of the loop from one step to the next."""
    ways: int


@dataclass(frozen=True, slots=True)
class Misses:
    """Lines that a whole layer brings into a cache."""

    input_lines: Float[Tensor, "*b"]
    weight_lines: Float[Tensor, "*b"]
    output_lines: Float[Tensor, "*b"]
    """Final results."""
    sum_lines: Float[Tensor, "*b"]
    """Partial sums, over all that is written and comes back."""


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


def misses(reuse: Reuse, kib: Value) -> Misses:
    """Missed lines of a set-associative cache with random replacement.

    The cache is warm: what fits has been left there by whoever wrote it.
    """
    return _missed(reuse, miss_rate(reuse.crowded / (kib * 1024), reuse.ways))


def last_level_misses(reuse: Reuse, kib: Value) -> Misses:
    """Missed lines of a direct-mapped cache in which neighbouring lines never compete.

    Of n cache sizes of lines passed in a loop, 2 (n - 1) share a place with another one, and miss.
    """
    load = reuse.touched.sum(1, keepdim=True) / (kib * 1024)
    return _missed(reuse, (2 - 2 / load.clamp(min=0.5)).clamp(0.0, 1.0).expand_as(reuse.touched))


def _missed(reuse: Reuse, chance: Float[Tensor, "steps tensors ..."]) -> Misses:
    """Lines that miss, by the chance at each step that a line is gone before the loop's next turn."""
    missed = reuse.touched[0]
    for step in range(len(reuse.turns)):
        again = reuse.touched[step + 1] / reuse.touched[step].clamp(min=LEAST_BYTES)
        missed = missed * (chance[step] * reuse.turns[step] + (1 - chance[step]) * again)
    return Misses(*(missed * chance[-1] / LINE_BYTES))


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
