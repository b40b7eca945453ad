"""The machine's timing with fitted constants, alone and with a correction, as far as held-out rows speak for them."""

from dataclasses import dataclass

from torch import Tensor

from learned import guarded
from learned.data import Samples
from learned.guarded import Fitted, Guarded
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Corrected:
    """Fitted constants, and a correction as far as held-out rows speak for it."""

    corrected: bool = True
    calibrates: bool = True

    def fit(self, machine: Machine, samples: Samples, seed: int) -> Guarded:
        """Constants and correction."""
        return self.fit_and_judge(machine, samples, seed).weights

    def fit_and_judge(self, machine: Machine, samples: Samples, seed: int) -> Fitted:
        """With predictions of rows by fits that did not see their layer shape."""
        return guarded.fit(machine, samples, seed, with_correction=self.corrected)

    def predict(
        self,
        weights: Guarded,
        machine: Machine,
        layers: LayerTensors,
        mappings: MappingTensors,
        hardware: HardwareTensors,
    ) -> Latency:
        """Cycles with their standard deviation."""
        return guarded.predict(weights, machine, layers, mappings, hardware)

    def tensors(self, weights: Guarded) -> dict[str, Tensor]:
        """Constants, correction and widths."""
        return guarded.tensors(weights)

    def weights(self, tensors: dict[str, Tensor]) -> Guarded:
        """All of it from them."""
        return guarded.from_tensors(tensors)


def calibrated() -> Corrected:
    """The kind without a correction."""
    return Corrected(corrected=False)
