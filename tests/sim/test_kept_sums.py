"""Random programs that start from sums in memory and keep their own: every sum and every counter of the RTL."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.files import ROOT
from rtl.generate import generate
from sim.design import Design
from sim.golden import accumulate, random_operands
from sim.inprocess import Simulation
from sim.program import compile_program
from sim.task import Task
from tests.sim.random_tasks import DESIGNS, tasks

pytestmark = pytest.mark.xdist_group("rtl")


def check(task: Task, simulation: Simulation, design: Design) -> None:
    """Sums and counters of one random layer, its operands drawn by the task's seed."""
    layer = task.mapping.layer
    program = compile_program(layer, task.mapping, task.hardware, keep_sums=True)
    inputs, weights = random_operands(layer, task.seed)
    start = np.random.default_rng(task.seed).integers(-(2**31), 2**31, (layer.N, layer.Q, layer.P, layer.K))
    memory = program.memory_image(inputs, weights, start.astype(np.int32))
    settings = replace(task.memory, budget_kilocycles=5000)
    simulation.load(program.commands, memory, program.memory_bytes, settings)
    assert simulation.run_until_done()
    assert simulation.error == "", str(task)
    expected = accumulate(layer, inputs, weights).astype(np.int64) + start
    np.testing.assert_array_equal(
        program.read_sums(memory), expected.astype(np.uint64).astype(np.uint32).view(np.int32)
    )
    counted = {name: simulation.io.counters_o >> (64 * i) & (2**64 - 1) for i, name in enumerate(design.counters)}
    for name, value in program.expected_traffic().items():
        assert counted[name] == value, f"{name}: {task}"


@pytest.fixture(scope="module")
def built() -> tuple[Simulation, Design]:
    design = Design.load(generate(DESIGNS[1], ROOT / "results" / "rtl"))
    return Simulation.build(design, "full"), design


@given(task=tasks((DESIGNS[1],)))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_sums_start_from_memory_and_are_kept(built: tuple[Simulation, Design], task: Task) -> None:
    check(task, *built)
