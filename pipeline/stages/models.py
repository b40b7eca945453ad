"""Latency models by name: what search and estimates are given."""

from pathlib import Path

from learned.model import TrainedModel
from learned.store import load
from pipeline.choices import DimRule, Memory, PartialSums
from pipeline.machine.latency import AnalyticalModel, LatencyModel
from pipeline.machine.machine import MachineChoice
from pipeline.machine.own import own_model
from pipeline.plugins import is_own
from pipeline.stages.machines import Platform, check_asked, machine_choice

ANALYTICAL = "analytical"


def load_latency_model(spec: str, machine: MachineChoice | None = None) -> LatencyModel:
    """The analytical model for ``spec`` = "analytical", one's own for a ``module:Class``, else the one in the file.

    The analytical model is that of ``machine``, by default of ``MachineChoice()``, and one's own is made with it; a
    trained model brings its own machine. Raises ValueError when the file or the class is not a model.
    """
    if spec == ANALYTICAL:
        return AnalyticalModel((machine or MachineChoice()).find())
    if _is_own(spec):
        return own_model(spec, (machine or MachineChoice()).find())
    return load(Path(spec))


def model_asked(
    spec: str,
    platform: Platform | None = None,
    design: str | None = None,
    memory: Memory | None = None,
    partial_sums: PartialSums = "spill",
) -> LatencyModel:
    """``load_latency_model`` for the options of a command. Raises ValueError when the model contradicts them."""
    model = load_latency_model(spec, machine_choice(platform, design, memory, partial_sums))
    if spec == ANALYTICAL:
        return model
    try:
        check_asked(MachineChoice.of(model.machine), platform, design, memory, partial_sums)
    except ValueError as error:
        raise ValueError(f"model {spec}: {error}") from None
    return model


def _is_own(spec: str) -> bool:
    return is_own(spec) and not Path(spec).exists()


def dim_rule_of(model: LatencyModel) -> DimRule | None:
    """How the rows that ``model`` was trained on said their array size; None for an analytical model."""
    return model.metadata.dim_rule if isinstance(model, TrainedModel) else None
