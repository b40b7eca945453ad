"""A latency model of one's own, named ``module:Class``: the class is called with the machine."""

import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.folder import TRIED
from pipeline.machine.latency import Latency, LatencyModel
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.plugins import made


def own_model(name: str, machine: Machine) -> LatencyModel:
    """The latency model that ``name``, a ``module:Class``, makes for ``machine``; it is tried on one mapping.

    Raises ValueError that says what the class lacks or what it did wrong.
    """
    model: LatencyModel = made(name, machine, members=("name", "machine", "__call__"))
    if not isinstance(model.name, str) or not model.name:
        raise ValueError(f"{name}: name = {model.name!r}: must be a text")
    if not isinstance(model.machine, Machine):
        raise ValueError(f"{name}: machine = {model.machine!r}: must be a machine, such as the one it is made with")
    _try(name, model)
    return model


def _try(name: str, model: LatencyModel) -> None:
    machine = model.machine
    mapping = machine.default_mapping(TRIED, machine.default_hardware)
    layers, mappings = LayerTensors.stack([TRIED]), MappingTensors.stack([mapping])
    try:
        with torch.no_grad():
            latency = model(layers, mappings, HardwareTensors.stack([machine.default_hardware]))
    except Exception as error:  # whatever the model does
        raise ValueError(f"{name}: failed on one mapping: {type(error).__name__}: {error}") from error
    if not isinstance(latency, Latency):
        raise ValueError(f"{name}: gave {type(latency).__name__} for a batch of mappings: must be Latency(cycles)")
    if latency.cycles.shape != (1,) or not 0 < float(latency.cycles) < float("inf"):
        raise ValueError(f"{name}: gave cycles = {latency.cycles.tolist()} for one mapping: must be one above 0")
