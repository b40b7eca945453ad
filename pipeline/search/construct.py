"""Constructive mappings: fill the array, then the memories, without asking the model.

The idea is CoSA's (Huang et al., ISCA 2021): the more of the array and the buffers is used, the less is moved. Here
it is a greedy fill by prime factors instead of a mixed-integer program.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors, Platform
from pipeline.mapping import LayerTensors
from pipeline.search.orders import start_rank
from pipeline.search.problem import Recorder
from pipeline.search.space import C_SLOT, K_SLOT, SLOTS, C, K, Points, Slots, fits
from pipeline.workload import DIMS

FILL_LEVELS: dict[Platform, tuple[int, ...]] = {"timeloop": (1, 2), "rtl": (1,)}
_ROUNDS = 24

DRAWN = 64
"""Constructive designs that a method which begins with some evaluates at most."""


def random_priorities(shape: tuple[int, ...], generator: torch.Generator) -> Int[Tensor, "*b 7"]:
    """A random order of the dimensions for each mapping."""
    return torch.rand(*shape, len(DIMS), generator=generator).argsort(-1)


def constructive_starts(
    recorder: Recorder, most: int, generator: torch.Generator, drawn: int = DRAWN
) -> tuple[Points, Float[Tensor, " n"]]:
    """The best ``most`` of constructive designs [n, L] on random hardware, with their log scores.

    Every one drawn is an evaluation. Every method that has starts begins with these: with the same generator they are
    the same ones. Raises ValueError when none fits.
    """
    problem = recorder.problem
    count = max(1, min(drawn, recorder.budget // 8))
    hardware = problem.constraints.sample(count, generator)
    each = HardwareTensors(
        hardware.dim[..., None], hardware.scratchpad_kib[..., None], hardware.accumulator_kib[..., None]
    )
    priorities = random_priorities((count, len(problem.workload.layers)), generator)
    points = construct(problem.layers, each, priorities, problem.constraints.platform)
    score, _, _ = recorder.designs(points)
    if not bool(torch.isfinite(score).any()):
        raise ValueError(f"workload {problem.workload.name!r}: no mapping fits within the constraints")
    best = score.argsort()[: max(1, min(most, int(torch.isfinite(score).sum())))]
    return points[best], score[best]


def construct(
    layers: LayerTensors, hardware: HardwareTensors, priorities: Int[Tensor, "*b 7"], platform: Platform
) -> Points:
    """One mapping of each layer on each hardware, factors in the order of ``priorities``.

    The array takes the largest fitting divisors of C and K. Then each dimension in turn moves its smallest prime
    factor from DRAM into the tile while it fits: first the accumulator's tile, then the scratchpad's.
    """
    shape = priorities.shape[:-1]
    size = layers.size.long().expand(*shape, len(DIMS))
    slots = torch.ones(*shape, len(SLOTS), dtype=torch.long)
    dim = hardware.dim.long().expand(shape)
    slots[..., C_SLOT] = largest_divisor(size[..., C], dim, layers.size, C)
    slots[..., K_SLOT] = largest_divisor(size[..., K], dim, layers.size, K)
    left = size.clone()
    left[..., C] = left[..., C] // slots[..., C_SLOT]
    left[..., K] = left[..., K] // slots[..., K_SLOT]
    rank = start_rank().expand(*shape, 4, len(DIMS))
    primes = smallest_primes(int(size.max()))
    for level in FILL_LEVELS[platform]:
        at = torch.tensor([SLOTS.index((level, d)) for d in range(len(DIMS))])
        for _ in range(_ROUNDS):
            before = slots
            for turn in range(len(DIMS)):
                slots, left = _grow(
                    slots, left, priorities[..., turn : turn + 1], at, primes, layers, hardware, rank, platform
                )
            if torch.equal(before, slots):
                break
    return Points(slots, rank.clone())


def _grow(
    slots: Slots,
    left: Tensor,
    which: Tensor,
    at: Tensor,
    primes: Tensor,
    layers: LayerTensors,
    hardware: HardwareTensors,
    rank: Tensor,
    platform: Platform,
) -> tuple[Tensor, Tensor]:
    prime = primes[left.gather(-1, which)]
    index = at[which]
    grown = slots.scatter(-1, index, slots.gather(-1, index) * prime)
    ok = fits(Points(grown, rank).tensors(layers), layers, hardware, platform)[..., None]
    new_left = left.scatter(-1, which, left.gather(-1, which) // prime)
    return torch.where(ok, grown, slots), torch.where(ok, new_left, left)


def smallest_primes(limit: int) -> Int[Tensor, " numbers"]:
    """Smallest prime factor of every number up to ``limit`` (1 for 0 and 1)."""
    table = torch.arange(limit + 1)
    table[:2] = 1
    for candidate in range(2, int(limit**0.5) + 1):
        if table[candidate] == candidate:
            table[candidate * candidate :: candidate].clamp_(max=candidate)
    return table


def largest_divisor(size: Tensor, limit: Tensor, sizes: Tensor, dim: int) -> Int[Tensor, "*b"]:
    """Largest divisor of each ``size`` that is at most ``limit``."""
    result = torch.ones_like(size)
    for candidate in range(2, int(min(limit.max(), sizes[..., dim].max())) + 1):
        ok = (size % candidate == 0) & (candidate <= limit)
        result = torch.where(ok, candidate, result)
    return result
