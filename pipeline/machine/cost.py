"""Cycles and energy together, and of batches of any size in bounded memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.analytical import AnalyticalModel
from pipeline.machine.energy import energy_uj, words_energy
from pipeline.machine.latency import LatencyModel
from pipeline.machine.timeloop.accesses import timeloop_accesses
from pipeline.machine.timeloop.roofs import timeloop_roofs
from pipeline.mapping import LayerTensors, MappingTensors

CHUNK_ROWS = 4096
"""Rows a chunk has: the tensors of one fit into a core's cache, and calls cost little beside the work."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What mappings cost."""

    cycles: Float[Tensor, "*b"]
    energy_uj: Float[Tensor, "*b"]


T = TypeVar("T")
Batch = tuple[LayerTensors, MappingTensors, HardwareTensors]


def cost(model: LatencyModel, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Cost:
    """Cycles by ``model`` and energy on its platform, differentiable; what both need is counted once."""
    if isinstance(model, AnalyticalModel) and model.platform == "timeloop":
        accesses = timeloop_accesses(layers, mappings)
        energy = words_energy(accesses.words(hardware), hardware).total
        return Cost(timeloop_roofs(accesses, hardware).cycles, energy)
    return Cost(model(layers, mappings, hardware).cycles, energy_uj(layers, mappings, hardware, model.platform))


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
