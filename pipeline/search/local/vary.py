"""Hardware near other hardware, and designs made to fit it."""

from dataclasses import replace

import torch
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.search.local.construct import construct, random_priorities
from pipeline.search.local.moves import Moves
from pipeline.search.points import Points, each_layer, fits, where
from pipeline.search.problem import Problem

_REPAIRS = 40


def fit(points: Points, hardware: HardwareTensors, problem: Problem, generator: torch.Generator) -> Points:
    """The designs [*b, L] with tiles shrunk until each layer fits its hardware [*b]; where that fails, built anew."""
    machine = problem.machine
    moves = Moves.of(problem.size, machine)
    each = each_layer(hardware)
    for _ in range(_REPAIRS):
        ok = fits(problem.tensors(points), problem.layers, each, machine)
        if bool(ok.all()):
            return points
        shrunk = moves.shrink(points.slots, hardware.dim.long(), generator)
        points = where(ok, points, replace(points, slots=shrunk))
    ok = fits(problem.tensors(points), problem.layers, each, machine)
    priorities = random_priorities(tuple(ok.shape), generator)
    return where(ok, points, construct(problem.layers, each, priorities, machine))


def vary(hardware: HardwareTensors, problem: Problem, step: float, generator: torch.Generator) -> HardwareTensors:
    """A random neighbour of each hardware [b] of its structure, within the limits (itself, where they leave none)."""
    limits = problem.constraints
    if limits.fixed is not None:
        return hardware
    shape = hardware.dim.shape
    dims = torch.tensor(limits.dims, dtype=torch.float64)
    place = (dims[None] - hardware.dim[:, None]).abs().argmin(-1)
    turn = torch.tensor([-1, 0, 0, 0, 0, 0, 0, 1])[torch.randint(8, shape, generator=generator)]
    dim = dims[(place + turn).clamp(0, len(dims) - 1)]
    grid, sizes = problem.machine.grid, dict(hardware.sizes) | {"dim": dim}
    for name, limit in limits.limits_kib.items():
        scale = 2.0 ** (step * torch.randn(shape, generator=generator, dtype=torch.float64))
        whole = 2.0 ** torch.randint(-1, 2, shape, generator=generator).to(torch.float64)
        drawn = hardware.sizes[name] * (whole if grid.powers_of_two else scale)
        sizes[name] = grid.round_up(drawn).clamp(max=limit)
    new = HardwareTensors(sizes)
    return select(limits.allows(new), new, hardware)


def vary_structure(
    hardware: HardwareTensors, count: int, problem: Problem, generator: torch.Generator
) -> HardwareTensors:
    """``count`` random neighbours [count] of ``hardware`` [1]: one or two parts of its structure a step up or down."""
    numbers = problem.constraints.structure
    names = list(numbers)
    turns = torch.zeros(count, len(names), dtype=torch.long)
    for _ in range(2):
        which = torch.randint(len(names), (count, 1), generator=generator)
        turns = turns.scatter(1, which, 2 * torch.randint(2, (count, 1), generator=generator) - 1)
    sizes = {name: size.expand(count) for name, size in hardware.sizes.items()}
    for index, name in enumerate(names):
        choices = torch.tensor(numbers[name], dtype=torch.float64)
        place = (choices - sizes[name][:, None]).abs().argmin(-1) + turns[:, index]
        sizes[name] = choices[place.clamp(0, len(choices) - 1)]
    return HardwareTensors(sizes)


def select(condition: Tensor, yes: HardwareTensors, no: HardwareTensors) -> HardwareTensors:
    """``yes`` where the condition holds, else ``no``."""
    return HardwareTensors({name: torch.where(condition, yes.sizes[name], no.sizes[name]) for name in yes.sizes})
