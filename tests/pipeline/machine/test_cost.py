"""Cycles and energy together, and in chunks."""

import random

import pytest
import torch

from pipeline.hardware import PLATFORMS, Hardware, HardwareTensors, Platform
from pipeline.machine import cost as module
from pipeline.machine.analytical import AnalyticalModel
from pipeline.machine.cost import Batch, cost, cost_in_chunks
from pipeline.machine.energy import energy_uj
from pipeline.mapping import LayerTensors, MappingTensors
from tests.pipeline.machine.cases import random_layer, random_mapping


def batch(platform: Platform, count: int = 50) -> Batch:
    rng = random.Random(0)
    mappings = [random_mapping(rng, random_layer(rng, 5000)) for _ in range(count)]
    layers = LayerTensors.stack([mapping.layer for mapping in mappings])
    return layers, MappingTensors.stack(mappings), HardwareTensors.stack([Hardware(8, 64, 64, platform)] * count)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_cost_is_the_models_cycles_and_the_platforms_energy(platform: Platform) -> None:
    parts, model = batch(platform), AnalyticalModel(platform)
    found = cost(model, *parts)
    assert torch.equal(found.cycles, model(*parts).cycles)
    assert torch.equal(found.energy_uj, energy_uj(*parts, platform))


@pytest.mark.parametrize("threads", [1, 2])
def test_chunks_give_the_rows_of_one_batch_in_order(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, model = batch("timeloop"), AnalyticalModel("timeloop")
    whole = cost(model, *parts)
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    chunked = cost_in_chunks(model, *parts, threads=threads)
    torch.testing.assert_close(chunked.cycles, whole.cycles, rtol=1e-12, atol=0)
    torch.testing.assert_close(chunked.energy_uj, whole.energy_uj, rtol=1e-12, atol=0)


def test_float32_is_within_a_thousandth() -> None:
    layers, mappings, hardware = batch("timeloop")
    exact = cost(AnalyticalModel("timeloop"), layers, mappings, hardware)
    single = cost(
        AnalyticalModel("timeloop"),
        LayerTensors(layers.size.float(), layers.stride.float(), layers.dilation.float()),
        MappingTensors(mappings.temporal.float(), mappings.spatial.float(), mappings.rank),
        HardwareTensors(hardware.dim.float(), hardware.scratchpad_kib.float(), hardware.accumulator_kib.float()),
    )
    assert single.cycles.dtype == torch.float32
    torch.testing.assert_close(single.energy_uj.double(), exact.energy_uj, rtol=1e-3, atol=0)
