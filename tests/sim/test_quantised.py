"""Random quantised layers on the RTL: bias, padding, scales and clipping against the golden model; every counter."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.files import ROOT
from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from rtl.generate import generate
from sim.build import Datapath
from sim.compiler import compile_with
from sim.design import Design
from sim.golden import Int32, accumulate, random_operands, requantise
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.scaling import Quantised, Scaling
from sim.task import Task
from tests.machines import GEMMINI
from tests.sim.random_tasks import DESIGNS, tasks

HARDWARE = DESIGNS[1]
Counts = tuple[int, int]
"""Cycles, and the counter port."""


def quantised_layer(layer: Layer, seed: int) -> tuple[Quantised, Int32]:
    """Scales that use most of int8, other values anything; and what the sums start from."""
    generator = np.random.default_rng(seed)
    count = layer.K if generator.random() < 0.5 else 1
    spread = 74 * 74 * np.sqrt(layer.R * layer.S * layer.C)
    factors = (generator.uniform(0.2, 2, count) * 60 / spread).astype(np.float32)
    low, high = sorted(generator.choice([-128, -90, -3, 0, 5, 80, 127], 2, replace=False).tolist())
    scaling = Scaling.of(factors, int(generator.integers(-128, 128)), low, high)
    each_output = bool(generator.random() < 0.3)
    shape = (layer.N, layer.Q, layer.P, layer.K) if each_output else (layer.K,)
    limit = 2**31 if generator.random() < 0.1 else round(spread)
    start = generator.integers(-limit, limit, shape).astype(np.int32)
    return Quantised(scaling, int(generator.integers(-128, 128)), each_output), start


def check(task: Task, design_name: str) -> None:
    """Every result of the full build, and in both builds the same cycles and counters, those of traffic as expected."""
    simulations, design = built(design_name, task.hardware)
    layer = task.mapping.layer
    quantised, start = quantised_layer(layer, task.seed)
    program = compile_with(design.compiler, layer, task.mapping, task.hardware, quantised=quantised)
    inputs, weights = random_operands(layer, task.seed)
    memory = program.memory_image(inputs, weights, start)
    settings = replace(task.memory, budget_kilocycles=5000)
    counts: dict[Datapath, Counts] = {}
    for datapath, simulation in simulations.items():
        contents = memory if datapath == "full" else None
        simulation.load(program.commands, contents, program.memory_bytes, settings)
        assert simulation.run_until_done()
        assert simulation.error == "", str(task)
        counts[datapath] = simulation.io.cycles_o, simulation.io.counters_o
    expected = requantise(accumulate(layer, inputs, weights, start, quantised.padding), quantised.scaling)
    np.testing.assert_array_equal(program.read_output(memory), expected)
    assert counts["timing"] == counts["full"]
    counted = {name: counts["full"][1] >> (64 * i) & (2**64 - 1) for i, name in enumerate(design.counters)}
    for name, value in program.expected_traffic().items():
        assert counted[name] == value, f"{name}: {task}"


@cache
def built(name: str, hardware: Hardware) -> tuple[dict[Datapath, Simulation], Design]:
    design = Design.load(generate(hardware, ROOT / "results" / "rtl", design=name))
    return {"full": Simulation.build(design, "full"), "timing": Simulation.build(design, "timing")}, design


@pytest.mark.xdist_group("rtl")
@given(task=tasks((HARDWARE,)))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_a_quantised_layer_is_bit_exact(task: Task) -> None:
    check(task, "gemmini")


@pytest.mark.long
@pytest.mark.xdist_group("rtl")
@pytest.mark.parametrize("dim", [32, 64])
def test_a_bias_wider_than_a_read_reaches_every_row(dim: int) -> None:
    layer = Layer(R=1, S=1, P=dim + 6, Q=1, C=2 * dim + 5, K=dim + 2)
    mapping = Mapping(layer, ((("P", dim + 6),), (), (), (("K", 2), ("C", 3))), spatial=(dim, dim))
    hardware = GEMMINI.template.hardware(dim, 256, 128)
    for seed in range(6):
        check(Task(mapping, hardware, "full", MemorySettings.of("simple"), seed=seed), "gemmini")


@pytest.mark.long
@pytest.mark.xdist_group("rtl")
@pytest.mark.parametrize("dim", [32, 64])
def test_a_quantised_convolution_is_bit_exact_on_a_large_array(dim: int) -> None:
    layer = Layer(R=3, S=3, P=7, Q=5, C=dim + 6, K=2 * dim + 2, stride_w=2, stride_h=2)
    hardware = GEMMINI.template.hardware(dim, 256, 128)
    mapping = GEMMINI.default_mapping(layer, hardware)
    for seed in range(6):
        check(Task(mapping, hardware, "full", MemorySettings.of("soc"), seed=seed), "gemmini")


@pytest.mark.long
@pytest.mark.xdist_group("rtl")
@given(task=tasks(DESIGNS))
@settings(deadline=None, max_examples=400)
def test_many_quantised_layers_are_bit_exact_at_any_size_of_the_array(task: Task) -> None:
    check(task, "gemmini")


@pytest.mark.xdist_group("gemmini_commands")
@given(task=tasks((HARDWARE,)))
@settings(deadline=None, max_examples=25, derandomize=True)
def test_a_quantised_layer_of_single_commands_is_bit_exact(task: Task) -> None:
    check(task, "gemmini_commands")
