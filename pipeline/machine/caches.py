"""Lines that caches below an accelerator miss, from what the loops of a layer touch.

Going outwards through the DRAM loops, each either finds what its previous turn left in the cache or not; the chance
depends on what one turn touches. What a turn touches is the machine's to say.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.constants import Value

LINE_BYTES = 64
STEPS = 16
"""Steps of the miss table for each multiple of the cache."""

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
