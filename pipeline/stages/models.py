"""Latency models by name: what search and estimates are given."""

from pathlib import Path

from learned.model import TrainedModel
from learned.store import load
from pipeline.choices import PartialSums
from pipeline.hardware import PLATFORMS, Platform
from pipeline.machine.analytical import AnalyticalModel
from pipeline.machine.latency import LatencyModel
from pipeline.table import DimRule


def load_latency_model(
    spec: str, platform: Platform | None = None, partial_sums: PartialSums = "spill"
) -> LatencyModel:
    """The analytical model for ``spec`` = "analytical", else the trained model in the file ``spec``.

    The analytical model defaults to platform ``timeloop``. A trained model brings its own platform and partial-sum
    rule. Raises ValueError when ``platform`` asks for another one, or the file is not a model.
    """
    if spec == "analytical":
        if platform is not None and platform not in PLATFORMS:
            raise ValueError(f"unknown platform {platform!r}; known: {', '.join(PLATFORMS)}")
        return AnalyticalModel(platform or "timeloop", partial_sums)
    model = load(Path(spec))
    if platform is not None and platform != model.platform:
        raise ValueError(f"model {spec}: was trained for platform {model.platform}, not {platform}")
    return model


def dim_rule_of(model: LatencyModel) -> DimRule | None:
    """How the rows that ``model`` was trained on said their array size; None for an analytical model."""
    return model.metadata.dim_rule if isinstance(model, TrainedModel) else None
