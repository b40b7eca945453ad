"""Exhaustive search for a learned model: the machine's own latency makes a shortlist, the model judges it.

First all exact tilings are gone through as by ``exhaustive``, judged by the machine's own latency. The best few
hardware of every array size are kept, and on each of them the best mappings of every layer
(``pipeline.search.exhaustive.shortlist``). The model judges these, and puts one design on each hardware together.
Nothing is certified: what the machine's own latency ranks far from the best, the model is not asked about.
"""

from dataclasses import dataclass, field, replace

import torch

from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.latency import AnalyticalModel
from pipeline.search.exhaustive.columns import Columns, Costing
from pipeline.search.exhaustive.optimum import Exhaustive, Optimum
from pipeline.search.exhaustive.shortlist import shortlists
from pipeline.search.exhaustive.tilings import points_of
from pipeline.search.points import Points, each_layer
from pipeline.search.problem import Problem, Recorder

HARDWARE = 8
"""Hardware of one array size that goes on to the model."""


@dataclass(frozen=True, slots=True)
class ShortlistState:
    """What is known for the next array size; what was found is with the recorder."""

    at: int = 0
    """Array sizes that are done."""
    tables: tuple[tuple[torch.Tensor, ...], ...] = ()
    """Parts of the columns of the layers that are done."""
    leaders: tuple[int, ...] = ()
    """Places of the hardware [h] that goes on among all of the array size; empty until all tables are made."""
    weights: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    """What a cycle and a microjoule of every network add to the objective there, [h networks 2]."""
    lists: tuple[tuple[torch.Tensor, ...], ...] = ()
    """Of each layer [L] of the problem that is done, on each hardware: extents and loop orders of its shortlist."""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Goes through all exact tilings twice."""

    @property
    def state(self) -> type[ShortlistState]:
        """The type of its states."""
        return ShortlistState

    def begin(self, recorder: Recorder, generator: torch.Generator) -> ShortlistState:
        """Nothing done yet."""
        self._space(recorder.problem)
        return ShortlistState()

    def advance(self, state: ShortlistState, recorder: Recorder, generator: torch.Generator) -> ShortlistState:
        """One layer on one array size, or a choice of hardware, or the model's judgement."""
        problem, space = recorder.problem, self._space(recorder.problem)
        dim, entries = problem.constraints.dims[state.at], problem.workload.layers

        def judged(rows: int) -> None:
            recorder.layer_evaluations += rows

        if len(state.tables) < len(space.layers):
            columns = space.columns(space.layers[len(state.tables)], dim, judged)
            recorder.progress = f"array {dim}x{dim}: {len(state.tables) + 1} of {len(space.layers)} layers"
            return replace(state, tables=(*state.tables, columns.tensors))
        if not state.leaders:
            found = space.on_each(dim, [Columns.of_tensors(parts) for parts in state.tables])
            if not found:
                return self._next(state, problem)
            leaders = sorted(found, key=lambda place: found[place].log_score)[:HARDWARE]
            weights = torch.stack([_weights(problem, found[place]) for place in leaders])
            return replace(state, leaders=tuple(leaders), weights=weights)
        every = space.hardware(dim)
        hardware = [every[place] for place in state.leaders]
        if len(state.lists) < len(entries):
            place = len(state.lists)
            costing = Costing(space.problem.model, problem.constraints, dim)
            by = [(cycle, uj) for cycle, uj in state.weights[:, int(problem.owner[place])].tolist()]
            lists = shortlists(costing, entries[place].layer, hardware, by, judged)
            recorder.progress = f"array {dim}x{dim}: shortlist of {place + 1} of {len(entries)} layers"
            return replace(state, lists=(*state.lists, tuple(torch.from_numpy(one) for one in lists)))
        for at, one in enumerate(hardware):
            _judge(recorder, one, [lists[at] for lists in state.lists])
        return self._next(state, problem)

    @staticmethod
    def _space(problem: Problem) -> Exhaustive:
        """The space, judged by the machine's own latency."""
        return Exhaustive(replace(problem, model=AnalyticalModel(problem.machine)))

    @staticmethod
    def _next(state: ShortlistState, problem: Problem) -> ShortlistState:
        return ShortlistState(state.at + 1, done=state.at + 1 == len(problem.constraints.dims))


def _weights(problem: Problem, found: Optimum) -> torch.Tensor:
    """What a cycle and a microjoule of each network [networks 2] add to the objective, but for a common factor."""
    a, b = problem.weights
    return torch.tensor([[a / one.cycles, b / one.energy_uj] for one in found.networks], dtype=torch.float64)


def _judge(recorder: Recorder, hardware: Hardware, lists: list[torch.Tensor]) -> None:
    """The best design that the model puts together from the shortlist of every layer on ``hardware``."""
    problem, space = recorder.problem, recorder.problem.machine.space
    built = HardwareTensors.stack([hardware])
    longest = max(one.shape[1] for one in lists)
    every = [one[:, torch.arange(longest) % one.shape[1]].numpy() for one in lists]
    points = [points_of(extent, rank, hardware.dim, space) for extent, rank in every]
    candidates = Points(torch.stack([p.slots for p in points])[None], torch.stack([p.rank for p in points])[None])
    wanted = torch.stack([torch.arange(longest) < one.shape[1] for one in lists])[None]
    costs, valid = recorder.candidates(candidates, problem.layers[:, None], each_layer(built, 2), wanted)
    recorder.designs(candidates.gather(problem.choose(costs, valid)), built)
