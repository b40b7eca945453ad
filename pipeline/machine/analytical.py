"""The analytical latency model of either platform."""

from dataclasses import dataclass

from pipeline.choices import PartialSums
from pipeline.hardware import HardwareTensors, Platform
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine, machine_of
from pipeline.mapping import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class AnalyticalModel:
    """Cycles from closed formulas, without fitted weights.

    ``partial_sums`` matters on ``rtl`` only: see ``gemmini.machine``.
    """

    platform: Platform = "timeloop"
    partial_sums: PartialSums = "spill"

    @property
    def name(self) -> str:
        """What the model is called in tables and reports."""
        return "analytical"

    @property
    def machine(self) -> Machine:
        """The machine whose cycles it predicts: on an SoC where partial sums are dropped, as the public runs were."""
        if self.platform == "timeloop":
            return machine_of("timeloop")
        return machine_of("gemmini", "soc" if self.partial_sums == "drop" else "simple", self.partial_sums)

    def __call__(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Latency:
        """Predicted cycles [*b] of each mapping on each hardware."""
        return Latency(self.machine.latency(layers, mappings, hardware))
