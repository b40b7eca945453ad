"""Local search over integer designs: layers change under fixed hardware, hardware changes between.

With the hardware fixed, layers meet only in the two totals, so one sweep draws candidates for all layers of all
designs at once and ``Problem.choose`` takes the best of each layer. A generation gives each kept design a child on
perturbed hardware, whose layers start from whatever design has the best mapping that fits, sweeps both, and keeps
the better one. Designs are dropped as the budget runs out.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.search.local.construct import construct, random_priorities
from pipeline.search.local.moves import Moves
from pipeline.search.points import Points, Structure, concatenate, each_layer, fits, smallest, structure_of, where
from pipeline.search.problem import Costs, Problem, Recorder

_REPAIRS = 40


@dataclass(frozen=True, slots=True)
class RefineSettings:
    """How refinement spends its evaluations."""

    kept: int = 4
    """Designs that enter; one is dropped after each equal share of the budget."""
    sweeps: int = 6
    """Sweeps over all layers in a generation."""
    candidates: int = 8
    """Candidates of each layer in a sweep, half small changes and half refilled tiles."""
    widest_step: float = 0.8
    """Standard deviation of the first memory changes, in powers of two; it shrinks to a tenth."""


def sweep(
    points: Points, costs: Costs, hardware: HardwareTensors, recorder: Recorder, count: int, generator: torch.Generator
) -> tuple[Points, Costs]:
    """Draw ``count`` candidates of every layer of designs [b, L] on ``hardware`` [b] and take the best ones."""
    problem = recorder.problem
    layers, each = problem.layers[:, None], each_layer(hardware, 2)
    moves = Moves.of(problem.size, problem.machine)
    changed = moves.propose(points, hardware.dim.long(), count - count // 2, generator)
    filled = moves.refill(points, layers, each, count // 2, generator)
    drawn = concatenate([changed, filled], 2)
    new, valid = recorder.candidates(drawn, layers, each)
    every = concatenate([points[:, :, None], drawn], 2)
    all_costs = Costs(
        torch.cat([costs.cycles[..., None], new.cycles], -1), torch.cat([costs.energy_uj[..., None], new.energy_uj], -1)
    )
    valid = torch.cat([torch.isfinite(costs.cycles)[..., None], valid], -1)
    index = problem.choose(all_costs, valid)
    return every.gather(index), all_costs.gather(index)


def fit(points: Points, hardware: HardwareTensors, problem: Problem, generator: torch.Generator) -> Points:
    """The designs [*b, L] with tiles shrunk until each layer fits its hardware [*b]; where that fails, built anew."""
    machine = problem.machine
    moves = Moves.of(problem.size, machine)
    each = each_layer(hardware)
    for _ in range(_REPAIRS):
        ok = fits(problem.tensors(points), problem.layers, each, machine)
        if bool(ok.all()):
            return points
        points = where(ok, points, Points(moves.shrink(points.slots, hardware.dim.long(), generator), points.rank))
    ok = fits(problem.tensors(points), problem.layers, each, machine)
    priorities = random_priorities(tuple(ok.shape), generator)
    return where(ok, points, construct(problem.layers, each, priorities, machine))


def adopt(
    pool: Points, hardware: HardwareTensors, recorder: Recorder, generator: torch.Generator
) -> tuple[Points, Costs]:
    """A design for each hardware [b]: for each layer the best mapping of any design of ``pool`` [n, L], made to fit.

    A layer that fits nowhere costs infinitely much.
    """
    problem = recorder.problem
    designs, targets = pool.slots.shape[0], hardware.dim.shape[0]
    index = torch.arange(designs).repeat(targets)
    copies = hardware[torch.arange(targets).repeat_interleave(designs)]
    fitted = fit(pool[index], copies, problem, generator)
    every = Points(
        fitted.slots.reshape(targets, designs, *pool.slots.shape[1:]).transpose(1, 2),
        fitted.rank.reshape(targets, designs, *pool.rank.shape[1:]).transpose(1, 2),
    )
    costs, valid = recorder.candidates(every, problem.layers[:, None], each_layer(hardware, 2))
    choice = problem.choose(costs, valid)
    alive = valid.gather(-1, choice[..., None])[..., 0]
    best = costs.gather(choice)
    blocked = Costs(torch.where(alive, best.cycles, torch.inf), torch.where(alive, best.energy_uj, torch.inf))
    return every.gather(choice), blocked


def vary(hardware: HardwareTensors, problem: Problem, step: float, generator: torch.Generator) -> HardwareTensors:
    """A random neighbour of each hardware [b] within the limits (itself, where the limits leave none)."""
    limits = problem.constraints
    if limits.fixed is not None:
        return hardware
    shape = hardware.dim.shape
    dims = torch.tensor(limits.dims, dtype=torch.float64)
    place = (dims[None] - hardware.dim[:, None]).abs().argmin(-1)
    turn = torch.tensor([-1, 0, 0, 0, 0, 0, 0, 1])[torch.randint(8, shape, generator=generator)]
    dim = dims[(place + turn).clamp(0, len(dims) - 1)]
    grid, sizes = problem.machine.grid, {"dim": dim}
    for name, limit in limits.limits_kib.items():
        scale = 2.0 ** (step * torch.randn(shape, generator=generator, dtype=torch.float64))
        whole = 2.0 ** torch.randint(-1, 2, shape, generator=generator).to(torch.float64)
        drawn = hardware.sizes[name] * (whole if grid.powers_of_two else scale)
        sizes[name] = grid.round_up(drawn).clamp(max=limit)
    for name, numbers in limits.structure.items():
        choices = torch.tensor(numbers, dtype=torch.float64)
        place = (choices[None] - hardware.sizes[name][:, None]).abs().argmin(-1)
        turn = torch.tensor([-1, 0, 0, 1])[torch.randint(4, shape, generator=generator)]
        sizes[name] = choices[(place + turn).clamp(0, len(numbers) - 1)]
    new = HardwareTensors(sizes)
    return select(limits.allows(new), new, hardware)


def select(condition: Tensor, yes: HardwareTensors, no: HardwareTensors) -> HardwareTensors:
    """``yes`` where the condition holds, else ``no``."""
    return HardwareTensors({name: torch.where(condition, yes.sizes[name], no.sizes[name]) for name in yes.sizes})


def generation_cost(designs: int, survivors: int, settings: RefineSettings, axes: int = 0) -> int:
    """Evaluations that a generation takes at least: mappings adopted from all designs, one sweep, the judge.

    With parts of the structure to search, ``axes`` of them, a step of each in both directions besides.
    """
    return 2 * survivors * (designs + settings.candidates + 2 + axes)


def generation(
    points: Points,
    structure: Structure,
    survivors: int,
    recorder: Recorder,
    settings: RefineSettings,
    generator: torch.Generator,
) -> tuple[Points, Structure]:
    """One generation on designs [n, L]: ``survivors`` of them, best first, each the better of itself and its child.

    ``structure`` [n] is that of their hardware, and of the designs that come back.

    On fixed hardware there are no children, and designs stay apart until fewer survive: then the best mapping of
    each layer goes on.
    """
    problem = recorder.problem
    own = smallest(problem.tensors(points), problem.layers, problem.constraints, structure)[:survivors]
    # Descent does not know the area limit: designs beyond it go on with their mappings made to fit what it leaves.
    own = problem.constraints.within(own)
    hardware = own
    if problem.constraints.fixed is None:
        step = settings.widest_step * max(0.1, recorder.left / recorder.budget)
        hardware = own[torch.arange(2 * survivors) % survivors]
        child = torch.arange(2 * survivors) >= survivors
        hardware = select(child, vary(hardware, problem, step, generator), hardware)
    if problem.constraints.fixed is not None and survivors == points.slots.shape[0]:
        pool, costs = points, recorder.candidates(points, problem.layers, each_layer(hardware))[0]
    else:
        pool, costs = adopt(points, hardware, recorder, generator)
    alive = torch.isfinite(costs.cycles).all(-1)
    parent = torch.arange(hardware.dim.shape[0]) % survivors
    source = torch.where(alive, torch.arange(hardware.dim.shape[0]), parent)
    pool, hardware, costs = pool[source], hardware[source], Costs(costs.cycles[source], costs.energy_uj[source])
    for _ in range(settings.sweeps):
        if recorder.left < len(pool.slots) * (settings.candidates + 1):
            break
        pool, costs = sweep(pool, costs, hardware, recorder, settings.candidates, generator)
    kept = structure_of(hardware, problem.constraints)
    shrunk = smallest(problem.tensors(pool), problem.layers, problem.constraints, kept)
    score, _, _ = recorder.designs(pool, shrunk)
    better = score.reshape(-1, survivors).argmin(0) * survivors + torch.arange(survivors)
    best = better[score[better].argsort()]
    return restructured(pool[best], shrunk[best], score[best], recorder)


def restructured(
    points: Points, hardware: HardwareTensors, score: Tensor, recorder: Recorder
) -> tuple[Points, Structure]:
    """The designs [n, L] and their structure, one step better in one part of it where there is such a step."""
    limits = recorder.problem.constraints
    now = structure_of(hardware, limits)
    if not now:
        return points, now
    steps = [now]
    for name, numbers in limits.structure.items():
        choices = torch.tensor(numbers, dtype=torch.float64)
        place = (choices[None] - now[name][:, None]).abs().argmin(-1)
        steps += [{**now, name: choices[(place + turn).clamp(0, len(numbers) - 1)]} for turn in (-1, 1)]
    every = {name: torch.stack([step[name] for step in steps]) for name in now}
    tried = HardwareTensors({n: size.expand(len(steps), -1) for n, size in hardware.sizes.items()}).replaced(every)
    scores, _, _ = recorder.designs(points.copies(len(steps)), tried)
    scores[0] = score
    best = scores.argmin(0)
    return points, {name: part.gather(0, best[None])[0] for name, part in every.items()}
