"""A trained latency model of any kind, and what is known about it."""

from dataclasses import dataclass, field

from learned.data import Samples
from learned.features import VERSION
from learned.kinds.kind import kind_named
from pipeline.choices import DimRule, ModelKind
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine, MachineChoice
from pipeline.mapping_tensors import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a model was trained on and for."""

    kind: ModelKind
    machine: MachineChoice
    dim_rule: DimRule
    seed: int
    target: str = ""
    rows: int = 0
    data_digest: str = ""
    rtl_digest: str = ""
    features_version: int = VERSION
    constants: tuple[str, ...] = ()
    """Names of the machine's constants that were fitted, in the order of the weights."""
    scores: dict[str, float] = field(default_factory=dict)
    """Scores on held-out layer shapes."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A latency model with its weights, which are of the kind that the metadata names."""

    metadata: Metadata
    weights: object

    @property
    def name(self) -> str:
        """What the model is called in tables and reports."""
        return self.metadata.kind

    @property
    def machine(self) -> Machine:
        """The machine whose cycles it predicts."""
        return self.metadata.machine.find()

    def __call__(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Latency:
        """Predicted latency [*b] of each mapping on each hardware."""
        kind = kind_named(self.metadata.kind)
        return kind.predict(self.weights, self.machine, layers, mappings, hardware)


def fit(samples: Samples, metadata: Metadata) -> TrainedModel:
    """Fit the model that ``metadata`` describes."""
    return TrainedModel(metadata, kind_named(metadata.kind).fit(metadata.machine.find(), samples, metadata.seed))
