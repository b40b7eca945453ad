"""Cycles and energy together, and in chunks."""

import random

import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine import cost as module
from pipeline.machine.cost import Batch, cost, cost_in_chunks
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from tests.machines import MACHINES, TIMELOOP
from tests.pipeline.machine.cases import random_layer, random_mapping


def batch(machine: Machine, count: int = 50) -> Batch:
    rng = random.Random(0)
    mappings = [random_mapping(rng, random_layer(rng, 5000)) for _ in range(count)]
    layers = LayerTensors.stack([mapping.layer for mapping in mappings])
    return (
        layers,
        MappingTensors.stack(mappings),
        HardwareTensors.stack([machine.template.hardware(8, 64, 64)] * count),
    )


@pytest.mark.parametrize("name", MACHINES)
def test_cost_is_the_models_cycles_and_the_machines_energy(name: str) -> None:
    machine = MACHINES[name]
    parts, model = batch(machine), AnalyticalModel(machine)
    found = cost(model, *parts)
    assert torch.equal(found.cycles, model(*parts).cycles)
    assert torch.equal(found.energy_uj, machine.energy(machine.words(*parts), parts[2]).total)


@pytest.mark.parametrize("threads", [1, 2])
def test_chunks_give_the_rows_of_one_batch_in_order(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, model = batch(TIMELOOP), AnalyticalModel(TIMELOOP)
    whole = cost(model, *parts)
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    chunked = cost_in_chunks(model, *parts, threads=threads)
    torch.testing.assert_close(chunked.cycles, whole.cycles, rtol=1e-12, atol=0)
    torch.testing.assert_close(chunked.energy_uj, whole.energy_uj, rtol=1e-12, atol=0)


def test_float32_is_within_a_thousandth() -> None:
    layers, mappings, hardware = batch(TIMELOOP)
    exact = cost(AnalyticalModel(TIMELOOP), layers, mappings, hardware)
    single = cost(
        AnalyticalModel(TIMELOOP),
        LayerTensors(layers.size.float(), layers.stride.float(), layers.dilation.float()),
        MappingTensors(mappings.temporal.float(), mappings.spatial.float(), mappings.rank),
        hardware.map(lambda size: size.float()),
    )
    assert single.cycles.dtype == torch.float32
    torch.testing.assert_close(single.energy_uj.double(), exact.energy_uj, rtol=1e-3, atol=0)
