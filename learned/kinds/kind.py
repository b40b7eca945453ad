"""What a kind of latency model is, so that training, storing and predicting need not know which one it is."""

from functools import cache
from typing import Protocol, TypeVar, runtime_checkable

from torch import Tensor

from learned.data import Samples
from learned.guarded import Fitted
from pipeline.choices import MODEL_KINDS, load
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors

W = TypeVar("W")


@runtime_checkable
class Kind(Protocol[W]):
    """A kind of latency model; ``W`` are its weights."""

    @property
    def calibrates(self) -> bool:
        """Whether it fits the machine's constants, which the model then records."""
        ...

    def fit(self, machine: Machine, samples: Samples, seed: int) -> W:
        """Weights fitted to all samples."""
        ...

    def predict(
        self, weights: W, machine: Machine, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> Latency:
        """Latency of each mapping, with gradients in its factors and the hardware's sizes."""
        ...

    def tensors(self, weights: W) -> dict[str, Tensor]:
        """The weights by name, to store."""
        ...

    def weights(self, tensors: dict[str, Tensor]) -> W:
        """The weights from what was stored. Raises KeyError or TypeError where these are of another kind."""
        ...


@runtime_checkable
class JudgesItself(Protocol):
    """A kind that finds out while it fits how well it predicts what it has not seen."""

    def fit_and_judge(self, machine: Machine, samples: Samples, seed: int) -> Fitted:
        """Weights with predictions of rows by fits that did not see their layer shape."""
        ...


@cache
def kind_named(name: str) -> Kind[object]:
    """The kind ``name``. Raises KeyError when there is none."""
    kind: Kind[object] = load(MODEL_KINDS[name])()
    return kind
