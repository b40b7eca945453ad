"""Networks and memories small enough to try every mapping."""

import itertools

import numpy as np
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.cost import cost
from pipeline.machine.latency import AnalyticalModel, LatencyModel
from pipeline.machine.machine import machine_of
from pipeline.mapping_tensors import LayerTensors
from pipeline.search.constraints import Constraints
from pipeline.search.exhaustive.tilings import Tilings, points_of
from pipeline.search.points import fits
from pipeline.workload import Layer, Workload, WorkloadLayer

MACHINE = machine_of("gemmini", "simple")
MODEL = AnalyticalModel(MACHINE)
CONV = Layer(R=3, S=1, P=6, Q=2, C=20, K=8, N=1)
MATMUL = Layer(R=1, S=1, P=24, Q=1, C=40, K=36, N=1)
EIGHT = {"scratchpad_kib": 8.0, "accumulator_kib": 8.0}
SMALL = Constraints(MACHINE, fix_dim=4, max_kib=EIGHT)
# Orders: C, R and S outside or inside the others, which is all that matters without a cache.
SPILLS = np.array([np.argsort(o) for o in [(6, 3, 2, 5, 4, 1, 0), (4, 6, 3, 2, 5, 1, 0), (0, 6, 3, 2, 5, 4, 1)]])


def network(name: str, *layers: tuple[Layer, int]) -> Workload:
    entries = tuple(WorkloadLayer(f"layer{i}", layer, count) for i, (layer, count) in enumerate(layers))
    return Workload(name, "test", entries)


def every_mapping(layer: Layer, dim: int, space: str) -> tuple[np.ndarray, np.ndarray]:
    """All tilings in all 5040 loop orders."""
    extent = Tilings.of(layer, dim, space).block(0, 100_000)
    ranks = np.array([np.argsort(order) for order in itertools.permutations(range(7))])
    return extent, ranks


def all_costs(
    layer: Layer, dim: int, kib: np.ndarray, extent: np.ndarray, rank: np.ndarray, model: LatencyModel = MODEL
) -> np.ndarray:
    """(cycles, energy) of the mappings on memories of ``kib`` [rows 2]; those that do not fit are left out."""
    layers = LayerTensors.stack([layer])
    mappings = points_of(extent, rank, dim, MACHINE.space).tensors(layers, MACHINE.space)
    sizes = torch.from_numpy(np.broadcast_to(kib, (len(extent), 2)).astype(float))
    built = HardwareTensors(
        {
            "dim": torch.full((len(extent),), float(dim), dtype=torch.float64),
            "scratchpad_kib": sizes[:, 0],
            "accumulator_kib": sizes[:, 1],
        }
    )
    ok = fits(mappings, layers, built, MACHINE)
    found = cost(model, layers[torch.zeros(len(extent), dtype=torch.long)], mappings, built)
    return torch.stack([found.cycles, found.energy_uj], -1)[ok].numpy()
