"""Latency models by name: what search and estimates are given."""

from pathlib import Path

from learned.model import TrainedModel
from learned.store import load
from pipeline.choices import DimRule, Memory, PartialSums
from pipeline.machine.latency import AnalyticalModel, LatencyModel
from pipeline.machine.machine import MachineChoice
from pipeline.stages.machines import Platform, check_asked, machine_choice

ANALYTICAL = "analytical"


def load_latency_model(spec: str, machine: MachineChoice | None = None) -> LatencyModel:
    """The analytical model for ``spec`` = "analytical", else the trained model in the file ``spec``.

    The analytical model is that of ``machine``, by default of ``MachineChoice()``; a trained model brings its own.
    Raises ValueError when the file is not a model.
    """
    if spec == ANALYTICAL:
        return AnalyticalModel((machine or MachineChoice()).find())
    return load(Path(spec))


def model_asked(
    spec: str,
    platform: Platform | None = None,
    design: str | None = None,
    memory: Memory | None = None,
    partial_sums: PartialSums = "spill",
) -> LatencyModel:
    """``load_latency_model`` for the options of a command. Raises ValueError when a trained model contradicts them."""
    if spec == ANALYTICAL:
        return load_latency_model(spec, machine_choice(platform, design, memory, partial_sums))
    model = load(Path(spec))
    try:
        check_asked(model.metadata.machine, platform, design, memory, partial_sums)
    except ValueError as error:
        raise ValueError(f"model {spec}: {error}") from None
    return model


def dim_rule_of(model: LatencyModel) -> DimRule | None:
    """How the rows that ``model`` was trained on said their array size; None for an analytical model."""
    return model.metadata.dim_rule if isinstance(model, TrainedModel) else None
