"""Kinds to which nothing is fitted: the machine's own latency at the starting values of its constants, and DOSA's."""

from dataclasses import dataclass

from torch import Tensor

from learned.data import Samples
from learned.published import PUBLISHED_BASE
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Analytical:
    """The kind without weights."""

    calibrates: bool = False

    def fit(self, machine: Machine, samples: Samples, seed: int) -> None:
        """Nothing."""

    def predict(
        self, weights: None, machine: Machine, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> Latency:
        """The machine's latency."""
        return Latency(machine.latency(layers, mappings, hardware))

    def tensors(self, weights: None) -> dict[str, Tensor]:
        """None."""
        return {}

    def weights(self, tensors: dict[str, Tensor]) -> None:
        """Nothing. Raises TypeError when there is something."""
        if tensors:
            raise TypeError("an analytical model has no weights")


class Published(Analytical):
    """DOSA's own analytical model, whatever the machine."""

    def predict(
        self, weights: None, machine: Machine, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> Latency:
        """The latency of Timeloop's hardware."""
        return PUBLISHED_BASE(layers, mappings, hardware)
