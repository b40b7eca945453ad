"""Random search on random hardware, valid mappings only.

Half of the mappings are uniform over exact factorisations, half are ragged: the space of all other methods.
"""

import math
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.space import MappingSpace
from pipeline.search.points import Points, concatenate, fits, trim
from pipeline.search.problem import Costs, Problem, Recorder
from pipeline.workload import DIMS

_CHUNK = 4096
_MAX_CHUNKS = 40


@dataclass(frozen=True, slots=True)
class RandomState:
    """Nothing but the count of hardware on which no mapping was found."""

    failed: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class RandomSearch:
    """Draws hardware, then ``mappings`` valid mappings for each layer, and keeps the best of each layer."""

    mappings: int = 1000

    @property
    def state(self) -> type[RandomState]:
        """The type of its states."""
        return RandomState

    def begin(self, recorder: Recorder, generator: torch.Generator) -> RandomState:
        """Nothing drawn yet."""
        return RandomState()

    def advance(self, state: RandomState, recorder: Recorder, generator: torch.Generator) -> RandomState:
        """One hardware."""
        hardware = recorder.problem.constraints.sample(1, generator)
        count = max(1, min(self.mappings, int(recorder.left) - 1))
        if not random_design(recorder, hardware, count, generator):
            state = RandomState(state.failed + 1)
            if state.failed > 1000:
                raise ValueError("random search: no valid mapping was found on 1000 random hardware designs")
        return RandomState(state.failed, done=recorder.left < 2)


def random_design(recorder: Recorder, hardware: HardwareTensors, count: int, generator: torch.Generator) -> bool:
    """Judge the best of ``count`` random mappings of every layer on ``hardware`` [1]; False where a layer has none."""
    problem = recorder.problem
    drawn = [
        valid_mappings(problem, index, hardware, count, generator, recorder) for index in range(len(problem.counts))
    ]
    if any(points.slots.shape[0] == 0 for points in drawn):
        return False
    most = max(points.slots.shape[0] for points in drawn)
    padded = [points[torch.arange(most) % points.slots.shape[0]] for points in drawn]
    points = Points(torch.stack([p.slots for p in padded]), torch.stack([p.rank for p in padded]))
    recorder.layer_evaluations += sum(p.slots.shape[0] for p in drawn)
    with torch.no_grad():
        costs = problem.costs(
            problem.tensors(points, problem.layers[:, None]), problem.layers[:, None], hardware[:, None]
        )
    valid = torch.ones_like(costs.cycles, dtype=torch.bool)
    recorder.designs(points.gather(problem.choose(Costs(costs.cycles, costs.energy_uj), valid)))
    return True


def valid_mappings(
    problem: Problem, index: int, hardware: HardwareTensors, count: int, generator: torch.Generator, recorder: Recorder
) -> Points:
    """Up to ``count`` random mappings of layer ``index`` that fit ``hardware`` [1]; fewer where they are very rare."""
    machine = problem.machine
    layer = problem.layers[index : index + 1]
    found: list[Points] = []
    have = 0
    for _ in range(_MAX_CHUNKS):
        size = tuple(problem.size[index].tolist())
        exact = random_mappings(size, _CHUNK // 2, machine.space, generator)
        ragged = ragged_mappings(size, _CHUNK // 2, machine.space, generator)
        mixed = torch.randperm(_CHUNK, generator=generator)
        points = concatenate([exact, ragged], 0)[mixed]
        ok = fits(problem.tensors(points, layer), layer, hardware, machine)
        looked_at = ok.cumsum(0) - ok.long() < count - have  # what comes after the last one needed was not asked for
        recorder.invalid += int((~ok & looked_at).sum())
        found.append(points[ok & looked_at])
        have += found[-1].slots.shape[0]
        if have >= count:
            break
    return concatenate(found, 0)


def random_mappings(size: tuple[int, ...], count: int, space: MappingSpace, generator: torch.Generator) -> Points:
    """``count`` mappings of a layer of ``size``, uniform over factorisations and over loop orders of every level."""
    slots = torch.ones(count, len(space.slots), dtype=torch.long)
    for d, extent in enumerate(size):
        mine = space.open_at(d)
        for prime, power in prime_powers(extent):
            table = compositions(power, len(mine) + 1)
            row = table[torch.randint(len(table), (count,), generator=generator)]
            for column, slot in enumerate(mine):
                slots[:, slot] *= prime ** row[:, column]
    rank = torch.rand(count, space.hierarchy.levels, len(DIMS), generator=generator).argsort(-1)
    return Points(slots, rank)


def ragged_mappings(size: tuple[int, ...], count: int, space: MappingSpace, generator: torch.Generator) -> Points:
    """``count`` mappings of a layer of ``size`` whose factors need not divide it.

    The extents of the levels are log-uniform between 1 and the size, as many as there are levels; a factor is the
    quotient of two neighbouring ones, rounded.
    """
    slots = torch.ones(count, len(space.slots), dtype=torch.long)
    for d, extent in enumerate(size):
        mine = space.open_at(d)
        cuts = torch.rand(count, len(mine), generator=generator, dtype=torch.float64).sort(-1).values
        shares = torch.diff(cuts, dim=-1, prepend=torch.zeros(count, 1, dtype=torch.float64))
        slots[:, mine] = torch.exp(shares * math.log(extent)).round().long()
    limit = torch.full((count,), max(size))  # what fits the array is looked at later
    slots = trim(slots, torch.tensor(size), limit, space)
    return Points(slots, torch.rand(count, space.hierarchy.levels, len(DIMS), generator=generator).argsort(-1))


@cache
def prime_powers(number: int) -> tuple[tuple[int, int], ...]:
    """Prime factors of ``number`` with their powers."""
    result, prime = [], 2
    while number > 1:
        power = 0
        while number % prime == 0:
            number //= prime
            power += 1
        if power:
            result.append((prime, power))
        prime += 1
    return tuple(result)


@cache
def compositions(total: int, parts: int) -> Int[Tensor, "ways parts"]:
    """Every way to write ``total`` as an ordered sum of ``parts`` numbers from 0."""
    rows = []
    for bars in combinations(range(total + parts - 1), parts - 1):
        edges = (-1, *bars, total + parts - 1)
        rows.append([edges[i + 1] - edges[i] - 1 for i in range(parts)])
    return torch.tensor(rows, dtype=torch.long).reshape(-1, parts)
