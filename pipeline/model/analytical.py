"""The analytical latency model of either platform."""

from dataclasses import dataclass
from typing import Literal

from pipeline.hardware import HardwareTensors, Platform
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.model.accesses import timeloop_accesses
from pipeline.model.latency import timeloop_roofs
from pipeline.model.protocol import Latency
from pipeline.model.rtl_published import as_published
from pipeline.model.rtl_view import rtl_terms

PartialSums = Literal["spill", "drop"]


@dataclass(frozen=True, slots=True)
class AnalyticalModel:
    """Cycles from closed formulas, without fitted weights.

    ``partial_sums`` matters on ``rtl`` only: ``drop`` predicts what the public FPGA measurements ran, without the
    traffic of partial sums (``rtl_published``).
    """

    platform: Platform = "timeloop"
    partial_sums: PartialSums = "spill"

    @property
    def name(self) -> str:
        """What the model is called in tables and reports."""
        return "analytical"

    def __call__(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Latency:
        """Predicted cycles [*b] of each mapping on each hardware."""
        if self.platform == "timeloop":
            accesses = timeloop_accesses(layers, mappings)
            return Latency(timeloop_roofs(accesses, hardware).cycles)
        if self.partial_sums == "drop":
            layers, mappings = as_published(layers, mappings, hardware)
        return Latency(rtl_terms(layers, mappings, hardware, self.partial_sums).cycles)
