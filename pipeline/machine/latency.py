"""What every latency model offers to the search and the stages."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Latency:
    """A batch of predicted latencies."""

    cycles: Float[Tensor, "*b"]
    """Predicted cycles, differentiable in the mapping's factors and the hardware's sizes."""
    cycles_std: Float[Tensor, "*b"] | None = None
    """Standard deviation of the prediction in cycles, where the model has uncertainty."""


@runtime_checkable
class LatencyModel(Protocol):
    """A differentiable latency model for one machine.

    Calls broadcast over leading dimensions; factors may be real numbers (relaxed mappings).
    """

    @property
    def name(self) -> str:
        """What the model is called in tables and reports."""
        ...

    @property
    def machine(self) -> Machine:
        """The machine whose cycles it predicts."""
        ...

    def __call__(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Latency:
        """Predicted latency of each mapping on each hardware."""
        ...


@dataclass(frozen=True, slots=True)
class AnalyticalModel:
    """The machine's own latency at the starting values of its constants: no fitted weights."""

    machine: Machine

    @property
    def name(self) -> str:
        """What the model is called in tables and reports."""
        return "analytical"

    def __call__(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Latency:
        """Predicted cycles [*b] of each mapping on each hardware."""
        return Latency(self.machine.latency(layers, mappings, hardware))
