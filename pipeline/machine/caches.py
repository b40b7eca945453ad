"""Misses of the caches below an accelerator, from what the DRAM loops of a layer touch and in which order.

The cache replaces at random, so a line survives until its next use with exp(-misses / lines of the cache). Going
outwards through the DRAM loops, each turn finds what its previous turns left: lines that every turn touches compete
with those that only one does, and their miss rate is a fixed point. What a turn touches is the machine's to say, and
how much its lines crowd in few sets.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.constants import Value
from pipeline.machine.system import LINE_BYTES

NEWTON_STEPS = 8
CONVERGED = 1e-4
"""Change of a chance after which one more step of Newton's is exact enough."""
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
    first: Float[Tensor, "tensors ..."]
    """Those of them that the layer touches for the first time."""
    written_back: Float[Tensor, "*b"]
    """Lines of results and sums that leave the cache before the layer ends."""


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
    return Misses(
        missed, first * (1 - kept), (repeated + first)[2:].sum(0) * (1 - _mean_survival(missed.sum(0) / lines))
    )


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
        if bool(runs.any()):
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
