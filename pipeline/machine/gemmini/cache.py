"""Misses of the caches below the accelerator, from the order of the DRAM loops.

The cache replaces at random, so a line survives until its next use with exp(-misses / lines of the cache). Going
outwards through the DRAM loops, each turn finds what its previous turns left: lines that every turn touches compete
with those that only one does, and their miss rate is a fixed point. Tiles narrower than a row of the tensor touch lines
at a fixed distance; where that is a multiple of a power of two they share few sets, and compete with each other more:
filter taps of a layer whose input times output channels are a multiple of a way all fall into the same ones.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pipeline.machine.constants import Value
from pipeline.machine.gemmini.bursts import LINE_BYTES, alignment
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks, happens
from pipeline.machine.system import Cache
from pipeline.workload import C, K, N, P, Q, R, S

NEWTON_STEPS = 8
CONVERGED = 1e-4
"""Change of a chance after which one more step of Newton's is exact enough."""
SUM_BYTES = 4
LEAST_BYTES = 1e-9
LEAST_LINES = 1e-3
ROUNDS = 3
"""Steps from what warming left to what is left when it is first touched."""
LEAST_SLOPE = 1e-4
"""Where a loop fills the cache exactly, Newton's step has no bound."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """What the DRAM loops touch, from one tile (step 0) outwards to the whole layer (the last step).

    ``tensors`` are inputs, weights, results and partial sums.
    """

    touched: Float[Tensor, "steps tensors ..."]
    """Bytes of whole lines."""
    crowd: Float[Tensor, "steps tensors ..."]
    """How much more often lines of a tensor meet its others than if they lay in all sets, less 1."""
    turns: Float[Tensor, "turns ..."]
    """Turns of the loop from one step to the next."""
    size: Float[Tensor, "tensors ..."]
    """Bytes of the whole tensors, one after the other in memory."""


@dataclass(frozen=True, slots=True)
class Misses:
    """Lines that a whole layer brings into a cache, by tensor as in ``Reuse``."""

    lines: Float[Tensor, "tensors ..."]
    """Sums count whenever they are written or come back."""
    written_back: Float[Tensor, "*b"]
    """Lines of results and sums that leave the cache before the layer ends."""


def reuse_of(tiles: Tiles, cache_below: Cache, drop: bool) -> Reuse:
    """What the loops of a layer touch; with ``drop`` without partial sums."""
    extent, visits = tiles.mean, torch.ones_like(tiles.count) if drop else tiles.visits
    touched, crowd, turns = [], [], []
    for turn in range(6, -2, -1):
        touched.append(_footprint(tiles, extent, visits))
        crowd.append(_crowds(tiles, extent, touched[-1], cache_below))
        if turn >= 0:
            loops = torch.where(tiles.rank == turn, tiles.loops, 1.0)
            extent = extent * loops
            turns.append(loops.prod(0))
    n, p, q, c, k = (tiles.size[dim] for dim in (N, P, Q, C, K))
    results = n * p * q * k
    inputs = n * c * p * tiles.stride[0] * q * tiles.stride[1]
    sizes = inputs, tiles.size[[R, S]].prod(0) * c * k, results, SUM_BYTES * results * happens(visits)
    return Reuse(torch.stack(touched), torch.stack(crowd), torch.stack(turns), torch.stack(sizes))


def misses(reuse: Reuse, kib: Value) -> Misses:
    """Missed lines of a set-associative cache with random replacement.

    Before the layer all its memory was touched once, in order of address.
    """
    lines = kib * 1024 / LINE_BYTES
    left = left_by_warming(reuse.size, kib)
    first = reuse.touched[-1] / LINE_BYTES
    # What survives until its first touch depends on the misses, and these on it: first without those that come again.
    kept = _kept(left, first, torch.zeros_like(left), lines)
    repeated = _repeated(reuse, 1 - kept, lines)
    kept = _kept(left, first, repeated, lines)
    missed = repeated + first * (1 - kept)
    return Misses(missed, (repeated + first)[2:].sum(0) * (1 - _mean_survival(missed.sum(0) / lines)))


def _kept(left: Tensor, first: Tensor, repeated: Tensor, lines: Value) -> Float[Tensor, "tensors ..."]:
    """Share of the lines of each tensor that are in the cache when the layer first touches them."""
    kept = left
    for _ in range(ROUNDS):
        kept = left * _mean_survival((repeated + first * (1 - kept)).sum(0) / lines)
    return kept


def _repeated(reuse: Reuse, absent: Float[Tensor, "tensors ..."], lines: Value) -> Float[Tensor, "tensors ..."]:
    """Missed lines that were touched before in the layer, where a share of those touched first is absent."""
    repeated = torch.zeros_like(absent)
    # Lines that come for the first time in the layer, over all turns; what comes again was left by a turn further out.
    coming = absent * reuse.touched[-1] / LINE_BYTES / reuse.turns.prod(0)
    for step, turns in enumerate(reuse.turns):
        inner, outer = (touched / LINE_BYTES for touched in reuse.touched[step : step + 2])
        new = ((outer - inner) / (inner * (turns - 1)).clamp(min=LEAST_LINES)).clamp(0.0, 1.0)
        always = repeated + new * coming
        runs, gone = turns > 1, torch.zeros_like(new)
        parts = always / lines, inner * (1 - new) / lines, reuse.crowd[step]
        gone[:, runs] = gone_rate(*(part.expand_as(gone)[:, runs] for part in parts))
        repeated = turns * repeated + gone * (turns * inner - outer).clamp(min=0.0)
        coming = coming * turns
    return repeated


def gone_rate(
    new: Float[Tensor, "tensors ..."], again: Float[Tensor, "tensors ..."], crowd: Float[Tensor, "tensors ..."]
) -> Float[Tensor, "tensors ..."]:
    """Chance that a line is gone before its loop's next turn touches it.

    A turn misses ``new`` lines whatever others left and ``again`` times this chance, in caches (one cache = 1),
    and lines of one tensor meet its others ``crowd`` times more often than they meet those of other tensors. Solves
    gone = 1 - exp(-misses of a turn) by Newton's method from above, for all tensors together (Sherman and Morrison).
    """
    with torch.no_grad():
        gone = torch.ones_like(new)
        for _ in range(NEWTON_STEPS):
            before, gone = gone, _newton(gone, new, again, crowd)
            if torch.allclose(gone, before, rtol=0.0, atol=CONVERGED):
                break
    return _newton(gone, new, again, crowd)


def _newton(gone: Tensor, new: Tensor, again: Tensor, crowd: Tensor) -> Tensor:
    own = new + again * gone
    stays = torch.exp(-own.sum(0) - own * crowd)
    slope = (1 - stays * crowd * again).clamp(min=LEAST_SLOPE)
    rest, coupling = (gone - 1 + stays) / slope, stays / slope
    coupled = (1 - (again * coupling).sum(0)).clamp(min=LEAST_SLOPE)
    return (gone - rest - coupling * (again * rest).sum(0) / coupled).clamp(0.0, 1.0)


def left_by_warming(size: Float[Tensor, "tensors ..."], kib: Value) -> Float[Tensor, "tensors ..."]:
    """Part of each tensor in the cache after all of memory was touched once in order of address.

    The first lines fill the cache, each later one takes the place of a random other.
    """
    cache, end = kib * 1024, size.flip(0).cumsum(0).flip(0)
    over = (end[0] - cache).clamp(min=0.0)
    late, early = (end - size).minimum(over), end.minimum(over)
    inside = cache * (torch.exp(-late / cache) - torch.exp(-early / cache))
    inside = inside + torch.exp(-over / cache) * (size - (early - late))
    return inside / size.clamp(min=1.0)


def _mean_survival(misses_of_all: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Mean over a layer of the chance to survive so far, which falls to exp(-misses); misses in caches."""
    total = misses_of_all.clamp(min=1e-6)
    return -torch.expm1(-total) / total


def last_level_misses(reuse: Reuse, kib: Value) -> Float[Tensor, "tensors ..."]:
    """Missed lines of a direct-mapped cache in which neighbouring lines never compete.

    Of n cache sizes of lines passed in a loop, 2 (n - 1) share a place with another one, and miss.
    """
    load = reuse.touched.sum(1, keepdim=True) / (kib * 1024)
    chance = (2 - 2 / load.clamp(min=0.5)).clamp(0.0, 1.0)
    missed = reuse.touched[0]
    for step, turns in enumerate(reuse.turns):
        again = reuse.touched[step + 1] / reuse.touched[step].clamp(min=LEAST_BYTES)
        missed = missed * (chance[step] * turns + (1 - chance[step]) * again)
    return missed * chance[-1] / LINE_BYTES


def _crowds(
    tiles: Tiles,
    extent: Float[Tensor, "dims ..."],
    touched: Float[Tensor, "tensors ..."],
    cache_below: Cache,
) -> Float[Tensor, "tensors ..."]:
    """How much more often lines of each tensor meet others of it than if they lay in all sets, less 1.

    A set that holds n of them has n - 1 for each one to meet.
    """
    sets = int(cache_below.kib * 1024 / LINE_BYTES / cache_below.ways)
    occupied = torch.stack([occupied_sets(row, loops, sets) for row, loops in _rows(tiles, extent)])
    others = (1 - occupied * LINE_BYTES / touched.clamp(min=LEAST_BYTES)).clamp(min=0.0)
    return (others * sets / occupied - 1).clamp(min=0.0)


Loops = tuple[tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]], ...]
"""Turns and pitch in bytes of the loops over rows, from the inside out."""


def occupied_sets(row: Float[Tensor, "*b"], loops: Loops, sets: int) -> Float[Tensor, "*b"]:
    """Sets of the cache in which rows of ``row`` bytes lie.

    Addresses that are a multiple of a way apart fall into the same set: of the turns of a loop only as many lie apart
    as the power of two in its pitch goes into a way.
    """
    way = float(sets * LINE_BYTES)
    found, span = blocks(row, float(LINE_BYTES)), row
    for turns, pitch in loops:
        whole = pitch.detach().round().long().clamp(min=1)
        apart = (way / (whole & -whole).to(row.dtype)).clamp(min=1.0)
        span = span + (turns - 1) * pitch
        # Rows that follow each other closely share lines.
        found = torch.minimum(found * torch.minimum(turns, apart), blocks(span, float(LINE_BYTES)))
    return found.clamp(min=1.0, max=float(sets))


def _rows(tiles: Tiles, extent: Float[Tensor, "dims ..."]) -> tuple[tuple[Float[Tensor, "*b"], Loops], ...]:
    """Bytes of a row of inputs, weights, results and sums of ``extent``, and the loops over their rows."""
    skips, size = _skips(tiles), tiles.size
    width, height = size[P] * tiles.stride[0], size[Q] * tiles.stride[1]
    pixel = size[C] * torch.where(skips, tiles.stride[0], 1.0)
    line = width * size[C]
    inputs = (
        (_span(tiles, extent, 0), pixel),
        (_span(tiles, extent, 1), line * torch.where(skips, tiles.stride[1], 1.0)),
        (extent[N], height * line),
    )
    weights = (extent[C], size[K]), (extent[R], size[C] * size[K]), (extent[S], size[R] * size[C] * size[K])
    outputs = (extent[P], size[K]), (extent[Q], size[P] * size[K]), (extent[N], size[Q] * size[P] * size[K])
    sums = tuple((turns, SUM_BYTES * pitch) for turns, pitch in outputs)
    return (extent[C], inputs), (extent[K], weights), (extent[K], outputs), (SUM_BYTES * extent[K], sums)


def _skips(tiles: Tiles) -> Bool[Tensor, "*b"]:
    """Whether a stride skips pixels: a filter of a single tap reads only those that it uses, but in public runs."""
    return (tiles.size[R] == 1) & (tiles.size[S] == 1) & (not tiles.public)


def _span(tiles: Tiles, extent: Float[Tensor, "dims ..."], axis: int) -> Float[Tensor, "*b"]:
    """Pixels of the input along an axis that ``extent`` reads."""
    output, tap = (P, R) if axis == 0 else (Q, S)
    stride = torch.where(_skips(tiles), 1.0, tiles.stride[axis])
    span = extent[output] * stride + (extent[tap] - 1) * tiles.dilation[axis]
    return span.minimum(tiles.size[output] * stride)


def _footprint(
    tiles: Tiles, extent: Float[Tensor, "dims ..."], visits: Float[Tensor, "*b"]
) -> Float[Tensor, "tensors ..."]:
    """Bytes of whole lines that inputs, weights, results and partial sums of ``extent`` touch.

    Results are written in the last of the visits to their tile only, partial sums where there are several.
    """
    columns = _line_bytes(tiles, extent, K)
    pixels = extent[N] * extent[P] * extent[Q]
    inputs = extent[N] * _span(tiles, extent, 0) * _span(tiles, extent, 1) * _line_bytes(tiles, extent, C)
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
