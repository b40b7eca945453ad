"""The best design of a whole space, certified: every tiling on everything that may be built.

One step costs all mappings of one layer on one array size; after the last layer all hardware of that array size is gone
through (``pipeline.search.exhaustive``). The number of evaluations is what it takes; a given budget does not limit it.
Only the machine's own latency can be certified: what a learned model adds may depend on memory sizes in any way.
"""

import math
from dataclasses import dataclass

import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import AnalyticalModel
from pipeline.search.exhaustive.columns import Columns
from pipeline.search.exhaustive.optimum import Exhaustive as Space
from pipeline.search.exhaustive.tilings import EVEN, SPACES
from pipeline.search.problem import Recorder


@dataclass(frozen=True, slots=True)
class ExhaustiveState:
    """Columns of the layers of one array size; what was found is with the recorder."""

    at: int = 0
    """Array sizes that are done."""
    tables: tuple[tuple[torch.Tensor, ...], ...] = ()
    """Parts of the columns of the layers that are done for the next array size."""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Exhaustive:
    """Goes through a space of tilings."""

    tilings: str = "exact"

    @property
    def state(self) -> type[ExhaustiveState]:
        """The type of its states."""
        return ExhaustiveState

    def begin(self, recorder: Recorder, generator: torch.Generator) -> ExhaustiveState:
        """Nothing done yet."""
        Space(recorder.problem, self.tilings)
        if not isinstance(recorder.problem.model, AnalyticalModel):
            name = recorder.problem.model.name
            raise ValueError(f"method exhaustive: model {name} is learned; exhaustive-learned takes one")
        return ExhaustiveState()

    def advance(self, state: ExhaustiveState, recorder: Recorder, generator: torch.Generator) -> ExhaustiveState:
        """One layer on one array size, or all hardware of it."""
        space = Space(recorder.problem, self.tilings)
        dims = recorder.problem.constraints.dims
        dim, layers = dims[state.at], space.layers
        if len(state.tables) < len(layers):
            layer = layers[len(state.tables)]

            def judged(rows: int) -> None:
                recorder.layer_evaluations += rows

            columns = space.columns(layer, dim, judged)
            recorder.progress = f"array {dim}x{dim}: {len(state.tables) + 1} of {len(layers)} layers"
            return ExhaustiveState(state.at, (*state.tables, columns.tensors))
        tables = [Columns.of_tensors(parts) for parts in state.tables]
        found = space.on_each(dim, tables).values()
        if found:
            best = min(found, key=lambda one: one.log_score)
            recorder.designs(space.points(best, tables)[None], HardwareTensors.stack([best.hardware]))
            bound = min(one.bound for one in found)
            recorder.space = f"{SPACES[self.tilings]}, loop orders and sizes that are built"
            recorder.log_bound = bound if recorder.log_bound == -math.inf else min(bound, recorder.log_bound)
        return ExhaustiveState(state.at + 1, done=state.at + 1 == len(dims))


def with_ragged() -> Exhaustive:
    """The search that goes through evenly ragged tilings too."""
    return Exhaustive(EVEN)
