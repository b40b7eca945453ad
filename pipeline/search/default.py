"""The baseline to beat on RTL: Gemmini's default hardware with its default tiler."""

from dataclasses import dataclass
from typing import Any

import torch

from pipeline.hardware import Hardware
from pipeline.machine.gemmini.tiler import default_mapping
from pipeline.mapping import MappingTensors
from pipeline.search.problem import Recorder
from pipeline.search.space import points_of

GEMMINI_DIM, GEMMINI_SCRATCHPAD_KIB, GEMMINI_ACCUMULATOR_KIB = 16, 256.0, 64.0
"""Gemmini's default configuration."""


@dataclass(frozen=True, slots=True)
class Default:
    """One evaluation: the mappings of the default tiler on the (fixed) hardware."""

    def begin(self, recorder: Recorder, generator: torch.Generator) -> dict[str, Any]:
        """Nothing to prepare."""
        return {"phase": "tile"}

    def advance(self, state: dict[str, Any], recorder: Recorder, generator: torch.Generator) -> dict[str, Any]:
        """Tile every layer and judge the network."""
        fixed = recorder.problem.constraints.fixed
        assert isinstance(fixed, Hardware)
        mappings = [default_mapping(entry.layer, fixed) for entry in recorder.problem.workload.layers]
        recorder.designs(points_of(MappingTensors.stack(mappings)))
        return {"phase": "done"}
