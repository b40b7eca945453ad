"""Genetic search in the manner of GAMMA (Kao and Krishna, ICCAD 2020), with hardware in the genome.

A genome is a hardware and one mapping for every layer. Children take each layer's mapping from one of two parents,
change a few of them and sometimes the hardware, and are made to fit.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.search.local.construct import constructive_starts
from pipeline.search.local.moves import Moves
from pipeline.search.local.vary import fit, select, vary
from pipeline.search.points import Points, concatenate, smallest, where
from pipeline.search.problem import Problem, Recorder


@dataclass(frozen=True, slots=True)
class GeneticState:
    """A population."""

    slots: Int[Tensor, "designs L slots"]
    rank: Int[Tensor, "designs L levels 7"]
    score: Float[Tensor, " designs"]
    done: bool = False


@dataclass(frozen=True, slots=True)
class Genetic:
    """Tournament selection of two, uniform crossover by layer, elitism."""

    population: int = 50
    elite: int = 5
    layer_change: float = 0.2
    """Probability that a layer's mapping changes in a child."""
    hardware_change: float = 0.3
    """Probability that a child gets other hardware than its first parent."""

    @property
    def state(self) -> type[GeneticState]:
        """The type of its states."""
        return GeneticState

    def begin(self, recorder: Recorder, generator: torch.Generator) -> GeneticState:
        """Constructive designs on random hardware, the same as those that the gradient search starts from."""
        points, score = constructive_starts(recorder, self.population, generator)
        return GeneticState(points.slots, points.rank, score)

    def advance(self, state: GeneticState, recorder: Recorder, generator: torch.Generator) -> GeneticState:
        """One generation."""
        points, score = Points(state.slots, state.rank), state.score
        count = max(1, min(self.population - self.elite, int(recorder.left)))
        children = self._breed(points, score, count, recorder.problem, generator)
        child_score, _, _ = recorder.designs(children)
        elite = score.argsort()[: self.elite]
        points = concatenate([points[elite], children], 0)
        score = torch.cat([score[elite], child_score])
        return GeneticState(points.slots, points.rank, score, done=recorder.left < 1)

    def _breed(self, points: Points, score: Tensor, count: int, problem: Problem, generator: torch.Generator) -> Points:
        mother, father = tournament(score, count, generator), tournament(score, count, generator)
        layers = points.slots.shape[1]
        swap = torch.rand(count, layers, generator=generator) < 0.5
        child = where(swap, points[father], points[mother])
        hardware = smallest(problem.tensors(child), problem.layers, problem.constraints)
        changed = torch.rand(count, generator=generator) < self.hardware_change
        hardware = select(changed, vary(hardware, problem, 1.0, generator), hardware)
        moves = Moves.of(problem.size, problem.machine)
        mutated = moves.propose(child, hardware.dim.long(), 1, generator)[:, :, 0]
        child = where(torch.rand(count, layers, generator=generator) < self.layer_change, mutated, child)
        return fit(child, _allowed(hardware, changed, problem), problem, generator)


def _allowed(hardware: HardwareTensors, changed: Tensor, problem: Problem) -> HardwareTensors:
    """Changed hardware binds the child; otherwise only the limits do."""
    largest = problem.constraints.largest[torch.zeros(changed.shape[0], dtype=torch.long)]
    return select(changed, hardware, largest)


def tournament(score: Tensor, count: int, generator: torch.Generator) -> Int[Tensor, " count"]:
    """Winners of ``count`` tournaments of two (the lower score wins)."""
    pairs = torch.randint(score.shape[0], (count, 2), generator=generator)
    return pairs.gather(1, score[pairs].argmin(1, keepdim=True))[:, 0]
