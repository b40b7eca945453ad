"""The analytical latency model of either platform."""

from dataclasses import dataclass
from typing import Literal

from pipeline.hardware import HardwareTensors, Platform
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.model.accesses import timeloop_accesses
from pipeline.model.latency import timeloop_roofs
from pipeline.model.protocol import Latency

PartialSums = Literal["spill", "drop"]


@dataclass(frozen=True, slots=True)
class AnalyticalModel:
    """Cycles from closed formulas, without fitted weights.

    ``partial_sums`` matters on ``rtl`` only: ``drop`` leaves out the traffic of partial sums, as the public FPGA
    measurements did.
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
            return Latency(timeloop_roofs(accesses, mappings, hardware).cycles)
        from pipeline.model.rtl_view import rtl_terms  # noqa: PLC0415

        return Latency(rtl_terms(layers, mappings, hardware, self.partial_sums).cycles)
