"""The baseline to beat on RTL: Gemmini's default hardware with its default tiler."""

from dataclasses import dataclass

import torch

from pipeline.hardware import Hardware
from pipeline.mapping_tensors import MappingTensors
from pipeline.search.points import points_of
from pipeline.search.problem import Recorder


@dataclass(frozen=True, slots=True)
class DefaultState:
    """Whether the network has been judged."""

    done: bool = False


@dataclass(frozen=True, slots=True)
class Default:
    """One evaluation: the mappings of the default tiler on the (fixed) hardware."""

    @property
    def state(self) -> type[DefaultState]:
        """The type of its states."""
        return DefaultState

    def begin(self, recorder: Recorder, generator: torch.Generator) -> DefaultState:
        """Nothing to prepare."""
        return DefaultState()

    def advance(self, state: DefaultState, recorder: Recorder, generator: torch.Generator) -> DefaultState:
        """Tile every layer and judge the network."""
        fixed, machine = recorder.problem.constraints.fixed, recorder.problem.machine
        assert isinstance(fixed, Hardware)
        mappings = [machine.default_mapping(entry.layer, fixed) for entry in recorder.problem.workload.layers]
        recorder.designs(points_of(MappingTensors.stack(mappings), machine.space))
        return DefaultState(done=True)
