"""Local search over integer designs: layers change under fixed hardware, hardware changes between.

With the hardware fixed, layers meet only in the two totals, so one sweep draws candidates for all layers of all
designs at once and `Problem.choose` takes the best of each layer. A generation perturbs the hardware of the kept
designs, fits their mappings to it, sweeps, and keeps the best.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.search.constraints import round_kib
from pipeline.search.construct import construct, random_priorities
from pipeline.search.moves import Moves
from pipeline.search.problem import Costs, Problem, Recorder
from pipeline.search.space import Points, concatenate, fits, smallest, where

_REPAIRS = 40


@dataclass(frozen=True, slots=True)
class RefineSettings:
    """How a generation spends evaluations."""

    kept: int = 3
    """Designs that survive a generation."""
    children: int = 2
    """Hardware variants of each survivor."""
    sweeps: int = 8
    """Sweeps over all layers in a generation."""
    candidates: int = 12
    """Candidates of each layer in a sweep."""


def each_layer(hardware: HardwareTensors, extra: int = 1) -> HardwareTensors:
    """Hardware [*b] with ``extra`` trailing dimensions of one, to broadcast over layers (and candidates)."""
    index = (..., *(None,) * extra)
    return hardware[index]


def sweep(
    points: Points, costs: Costs, hardware: HardwareTensors, recorder: Recorder, count: int, generator: torch.Generator
) -> tuple[Points, Costs]:
    """Draw ``count`` candidates of every layer of designs [*b, L] on ``hardware`` [*b] and take the best ones."""
    problem = recorder.problem
    moves = Moves.of(problem.size, problem.constraints.platform)
    drawn = moves.propose(points, hardware.dim.long(), count, generator)
    new, valid = recorder.candidates(drawn, problem.layers[:, None], each_layer(hardware, 2))
    every = concatenate([points_as_candidate(points), drawn], points.slots.dim() - 1)
    all_costs = Costs(
        torch.cat([costs.cycles[..., None], new.cycles], -1), torch.cat([costs.energy_uj[..., None], new.energy_uj], -1)
    )
    valid = torch.cat([torch.isfinite(costs.cycles)[..., None], valid], -1)
    index = problem.choose(all_costs, valid)
    return every.gather(index), all_costs.gather(index)


def points_as_candidate(points: Points) -> Points:
    """Points [*b] as candidates [*b, 1]."""
    return Points(points.slots[..., None, :], points.rank[..., None, :, :])


def settle(points: Points, hardware: HardwareTensors, recorder: Recorder) -> Costs:
    """Costs of designs [*b, L] on their hardware [*b]; a layer that does not fit costs infinitely much."""
    costs, valid = recorder.candidates(points, recorder.problem.layers, each_layer(hardware))
    return Costs(torch.where(valid, costs.cycles, torch.inf), torch.where(valid, costs.energy_uj, torch.inf))


def fit(points: Points, hardware: HardwareTensors, problem: Problem, generator: torch.Generator) -> Points:
    """The designs [*b, L] with tiles shrunk until each layer fits its hardware [*b]; where that fails, built anew."""
    platform = problem.constraints.platform
    moves = Moves.of(problem.size, platform)
    each = each_layer(hardware)
    for _ in range(_REPAIRS):
        ok = fits(points.tensors(problem.layers), problem.layers, each, platform)
        if bool(ok.all()):
            return points
        points = where(ok, points, Points(moves.shrink(points.slots, hardware.dim.long(), generator), points.rank))
    ok = fits(points.tensors(problem.layers), problem.layers, each, platform)
    priorities = random_priorities(tuple(ok.shape), generator)
    return where(ok, points, construct(problem.layers, each, priorities, platform))


def vary(hardware: HardwareTensors, problem: Problem, generator: torch.Generator) -> HardwareTensors:
    """A random neighbour of each hardware [b] within the limits (itself, where the limits leave none)."""
    limits = problem.constraints
    if limits.fixed is not None:
        return hardware
    shape = hardware.dim.shape
    dims = torch.tensor(limits.dims, dtype=torch.float64)
    place = (dims[None] - hardware.dim[:, None]).abs().argmin(-1)
    step = torch.tensor([-1, 0, 0, 0, 1])[torch.randint(5, shape, generator=generator)]
    dim = dims[(place + step).clamp(0, len(dims) - 1)]
    memories = []
    for kib, limit in (
        (hardware.scratchpad_kib, limits.scratchpad_kib),
        (hardware.accumulator_kib, limits.accumulator_kib),
    ):
        scale = 2.0 ** (0.8 * torch.randn(shape, generator=generator, dtype=torch.float64))
        whole = 2.0 ** torch.randint(-1, 2, shape, generator=generator).to(torch.float64)
        drawn = kib * (whole if limits.platform == "rtl" else scale)
        memories.append(round_kib(drawn, limits.platform).clamp(max=limit))
    new = HardwareTensors(dim, *memories)
    ok = limits.allows(new)
    return HardwareTensors(
        torch.where(ok, new.dim, hardware.dim),
        torch.where(ok, new.scratchpad_kib, hardware.scratchpad_kib),
        torch.where(ok, new.accumulator_kib, hardware.accumulator_kib),
    )


def generation(
    points: Points, recorder: Recorder, settings: RefineSettings, generator: torch.Generator
) -> tuple[Points, Float[Tensor, " kept"]]:
    """One generation on designs [kept, L]: the survivors, best first, and the logarithms of their objective."""
    problem = recorder.problem
    hardware = smallest(points.tensors(problem.layers), problem.layers, problem.constraints)
    copies = torch.arange(points.slots.shape[0]).repeat(settings.children + 1)
    varied = vary(hardware[copies], problem, generator)
    own = torch.arange(len(copies)) < points.slots.shape[0]
    caps = HardwareTensors(
        *(
            torch.where(own, a, b)
            for a, b in (
                (hardware[copies].dim, varied.dim),
                (hardware[copies].scratchpad_kib, varied.scratchpad_kib),
                (hardware[copies].accumulator_kib, varied.accumulator_kib),
            )
        )
    )
    pool = fit(points[copies], caps, problem, generator)
    costs = settle(pool, caps, recorder)
    alive = torch.isfinite(costs.cycles).all(-1)
    pool, caps = pool[alive], caps[alive]
    costs = Costs(costs.cycles[alive], costs.energy_uj[alive])
    for _ in range(settings.sweeps):
        if recorder.left < len(pool.slots) * (settings.candidates + 2):
            break
        pool, costs = sweep(pool, costs, caps, recorder, settings.candidates, generator)
    score, _, _ = recorder.designs(pool)
    order = score.argsort()[: settings.kept]
    return pool[order], score[order]
