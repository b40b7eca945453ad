"""Cycles and energy together, and of batches of any size in bounded memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.energy import Cost
from pipeline.machine.latency import AnalyticalModel, LatencyModel
from pipeline.mapping_tensors import LayerTensors, MappingTensors

CHUNK_ROWS = 4096
"""Rows a chunk has: the tensors of one fit into a core's cache, and calls cost little beside the work."""

T = TypeVar("T")
Batch = tuple[LayerTensors, MappingTensors, HardwareTensors]


def cost(model: LatencyModel, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Cost:
    """Cycles by ``model`` and energy on its machine, differentiable; what both need is counted once."""
    machine = model.machine
    if isinstance(model, AnalyticalModel):
        return machine.cost(layers, mappings, hardware)
    energy = machine.energy(machine.words(layers, mappings, hardware), hardware)
    return Cost(model(layers, mappings, hardware).cycles, energy.total)


def cost_in_chunks(
    model: LatencyModel, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, threads: int = 1
) -> Cost:
    """``cost`` of a batch [B] without gradients; memory beyond the result is that of ``threads`` chunks."""

    def forward(batch: Batch) -> Cost:
        with torch.no_grad():
            return cost(model, *batch)

    parts = over_chunks(forward, (layers, mappings, hardware), threads)
    return Cost(torch.cat([part.cycles for part in parts]), torch.cat([part.energy_uj for part in parts]))


def over_chunks(function: Callable[[Batch], T], batch: Batch, threads: int) -> list[T]:
    """``function`` of every chunk of a batch [B], in order."""
    rows = batch[1].temporal.shape[0]
    chunks = [slice(start, start + CHUNK_ROWS) for start in range(0, rows, CHUNK_ROWS)]

    def one(chunk: slice) -> T:
        layers, mappings, hardware = batch
        return function((layers[chunk], mappings[chunk], hardware[chunk]))

    if threads == 1 or len(chunks) == 1:
        return [one(chunk) for chunk in chunks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, chunks))
