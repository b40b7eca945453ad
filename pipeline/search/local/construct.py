"""Constructive mappings: fill the array, then the memories, without asking the model.

The idea is CoSA's (Huang et al., ISCA 2021): the more of the array and the buffers is used, the less is moved. Here
it is a greedy fill by prime factors instead of a mixed-integer program.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.machine import Machine
from pipeline.machine.space import Slot
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.search.orders import start_rank
from pipeline.search.points import Points, Slots, concatenate, each_layer, fits, points_of
from pipeline.search.problem import Problem, Recorder
from pipeline.workload import DIMS

_ROUNDS = 24

DRAWN = 64
"""Constructive designs that a method which begins with some evaluates at most."""


def random_priorities(shape: tuple[int, ...], generator: torch.Generator) -> Int[Tensor, "*b 7"]:
    """A random order of the dimensions for each mapping."""
    return torch.rand(*shape, len(DIMS), generator=generator).argsort(-1)


def tiled(problem: Problem) -> Points | None:
    """The design [L] that the machine's own tiler makes on hardware near the default; None where there is none."""
    machine = problem.machine
    try:
        hardware = problem.constraints.default
        mappings = [machine.default_mapping(entry.layer, hardware) for entry in problem.workload.layers]
    except ValueError:  # a tile of one block, or the hardware, is larger than the limits
        return None
    return points_of(MappingTensors.stack(mappings), machine.space)


def constructive_starts(
    recorder: Recorder, most: int, generator: torch.Generator, drawn: int = DRAWN, *, tiler: bool = True
) -> tuple[Points, Float[Tensor, " n"]]:
    """The best ``most`` of constructive designs [n, L] on random hardware, with their log scores.

    The design of the machine's own tiler takes the place of one where ``tiler`` says so. Every one is an evaluation.
    Every method that has starts begins with these: with the same generator they are the same ones. Raises ValueError
    when none fits.
    """
    problem = recorder.problem
    count = max(1, min(drawn, recorder.budget // 8))
    hardware = problem.constraints.sample(count, generator)
    priorities = random_priorities((count, len(problem.workload.layers)), generator)
    points = construct(problem.layers, each_layer(hardware), priorities, problem.machine)
    own = tiled(problem) if tiler else None
    if own is not None and count > 1:
        points = concatenate([points[1:], own.copies(1)], 0)
    score, _, _ = recorder.designs(points)
    if not bool(torch.isfinite(score).any()):
        raise ValueError(f"workload {problem.workload.name!r}: no mapping fits within the constraints")
    best = score.argsort()[: max(1, min(most, int(torch.isfinite(score).sum())))]
    return points[best], score[best]


def construct(
    layers: LayerTensors, hardware: HardwareTensors, priorities: Int[Tensor, "*b 7"], machine: Machine
) -> Points:
    """One mapping of each layer on each hardware, factors in the order of ``priorities``.

    The array takes the largest fitting divisor of each spatial dimension. Then each dimension in turn moves its
    smallest prime factor from DRAM into the tile while it fits, at one level after the other.
    """
    shape = priorities.shape[:-1]
    size = layers.size.long().expand(*shape, len(DIMS))
    space = machine.space
    slots = torch.ones(*shape, len(space.slots), dtype=torch.long)
    dim = hardware.dim.long().expand(shape)
    left = size.clone()
    for index, d in zip(space.spatial, space.hierarchy.spatial_dims, strict=True):
        slots[..., index] = largest_divisor(size[..., d], dim, layers.size, d)
        left[..., d] = left[..., d] // slots[..., index]
    rank = start_rank(space.hierarchy.levels).expand(*shape, space.hierarchy.levels, len(DIMS))
    primes = smallest_primes(int(size.max()))
    for level in space.fill_levels:
        at = torch.tensor([space.slots.index(Slot(level, d)) for d in range(len(DIMS))])
        for _ in range(_ROUNDS):
            before = slots
            for turn in range(len(DIMS)):
                slots, left = _grow(
                    slots, left, priorities[..., turn : turn + 1], at, primes, layers, hardware, rank, machine
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
    machine: Machine,
) -> tuple[Tensor, Tensor]:
    prime = primes[left.gather(-1, which)]
    index = at[which]
    grown = slots.scatter(-1, index, slots.gather(-1, index) * prime)
    ok = fits(Points(grown, rank).tensors(layers, machine.space), layers, hardware, machine)[..., None]
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
