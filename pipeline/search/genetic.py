"""Genetic search in the manner of GAMMA (Kao and Krishna, ICCAD 2020), with hardware in the genome.

A genome is a hardware and one mapping for every layer. Children take each layer's mapping from one of two parents,
change a few of them and sometimes the hardware, and are made to fit.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.search.construct import constructive_starts
from pipeline.search.moves import Moves
from pipeline.search.problem import Problem, Recorder
from pipeline.search.refine import fit, select, vary
from pipeline.search.space import Points, concatenate, smallest, where


@dataclass(frozen=True, slots=True)
class Genetic:
    """Tournament selection of two, uniform crossover by layer, elitism."""

    population: int = 50
    elite: int = 5
    layer_change: float = 0.2
    """Probability that a layer's mapping changes in a child."""
    hardware_change: float = 0.3
    """Probability that a child gets other hardware than its first parent."""

    def begin(self, recorder: Recorder, generator: torch.Generator) -> dict[str, Any]:
        """Constructive designs on random hardware, the same as those that the gradient search starts from."""
        points, score = constructive_starts(recorder, self.population, generator)
        return {"phase": "breed", "slots": points.slots, "rank": points.rank, "score": score}

    def advance(self, state: dict[str, Any], recorder: Recorder, generator: torch.Generator) -> dict[str, Any]:
        """One generation."""
        points, score = Points(state["slots"], state["rank"]), state["score"]
        count = max(1, min(self.population - self.elite, int(recorder.left)))
        children = self._breed(points, score, count, recorder.problem, generator)
        child_score, _, _ = recorder.designs(children)
        elite = score.argsort()[: self.elite]
        points = concatenate([points[elite], children], 0)
        phase = "breed" if recorder.left >= 1 else "done"
        score = torch.cat([score[elite], child_score])
        return {"phase": phase, "slots": points.slots, "rank": points.rank, "score": score}

    def _breed(self, points: Points, score: Tensor, count: int, problem: Problem, generator: torch.Generator) -> Points:
        mother, father = tournament(score, count, generator), tournament(score, count, generator)
        layers = points.slots.shape[1]
        swap = torch.rand(count, layers, generator=generator) < 0.5
        child = where(swap, points[father], points[mother])
        hardware = smallest(child.tensors(problem.layers), problem.layers, problem.constraints)
        changed = torch.rand(count, generator=generator) < self.hardware_change
        hardware = select(changed, vary(hardware, problem, 1.0, generator), hardware)
        moves = Moves.of(problem.size, problem.constraints.platform)
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
