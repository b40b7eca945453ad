"""A trained latency model of any kind, and what is known about it."""

from dataclasses import dataclass, field

from learned import guarded, published
from learned.data import Samples
from learned.features import VERSION
from pipeline.choices import DimRule, ModelKind
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine, MachineChoice
from pipeline.mapping import LayerTensors, MappingTensors

GUARDED: tuple[ModelKind, ...] = ("calibrated", "default")
"""Kinds that are the machine's timing with fitted constants, and never worse than that on held-out rows."""

Weights = guarded.Guarded | published.Network | None


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
    """A latency model with its weights; ``analytical`` has none."""

    metadata: Metadata
    weights: Weights

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
        weights, about = self.weights, self.metadata
        if isinstance(weights, guarded.Guarded):
            return guarded.predict(weights, self.machine, layers, mappings, hardware)
        if isinstance(weights, published.Network):
            predict = published.predict_dnn if about.kind == "dnn" else published.predict_residual
            return predict(weights, layers, mappings, hardware)
        return Latency(self.machine.latency(layers, mappings, hardware))


def fit(samples: Samples, metadata: Metadata) -> TrainedModel:
    """Fit the model that ``metadata`` describes."""
    weights: Weights = None
    if metadata.kind in GUARDED:
        weights = fit_guarded(samples, metadata).weights
    elif metadata.kind == "dnn":
        weights = published.fit_dnn(samples, metadata.seed)
    elif metadata.kind == "residual":
        weights = published.fit_residual(samples, metadata.seed)
    return TrainedModel(metadata, weights)


def fit_guarded(samples: Samples, metadata: Metadata) -> guarded.Fitted:
    """Fit a model of a kind in ``GUARDED``, which judges itself on held-out rows."""
    return guarded.fit(metadata.machine.find(), samples, metadata.seed, with_correction=metadata.kind == "default")
