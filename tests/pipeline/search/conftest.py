"""Small workloads and problems that the search tests share."""

import pytest
import torch

from pipeline.machine.latency import AnalyticalModel
from pipeline.search.constraints import Constraints
from pipeline.search.problem import Problem
from pipeline.workload import Layer, Workload, WorkloadLayer
from tests.machines import MACHINES


@pytest.fixture(autouse=True)
def _one_thread():
    """Keep parallel test workers from fighting over cores."""
    torch.set_num_threads(1)


@pytest.fixture
def small() -> Workload:
    """A convolution and a matrix product."""
    conv = Layer(R=3, S=3, P=14, Q=14, C=32, K=48)
    matmul = Layer(R=1, S=1, P=30, Q=1, C=64, K=40)
    return Workload("small", "test", (WorkloadLayer("conv", conv, 2), WorkloadLayer("matmul", matmul, 1)))


@pytest.fixture
def problem_on(small):
    """A problem on a machine, with constraints by name."""

    def build(name: str = "timeloop", fixed: tuple[int, float, float] | None = None, **limits) -> Problem:
        machine = MACHINES[name]
        hardware = None if fixed is None else machine.template.hardware(*fixed)
        return Problem(small, AnalyticalModel(machine), Constraints(machine, fixed=hardware, **limits))

    return build
