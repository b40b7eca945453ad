"""Relaxed designs: equal to integer ones at integers, differentiable, rounded to legal ones."""

import pytest
import torch

from pipeline.machine.latency import Latency
from pipeline.search.constraints import Constraints
from pipeline.search.methods.gradient import PUBLISHED, Moments, adam_step, descend, rounded
from pipeline.search.points import smallest
from pipeline.search.problem import Problem, Recorder
from pipeline.search.relaxation import Relaxed, loss, project, relaxed_hardware, round_to_divisors
from tests.machines import MACHINES, TIMELOOP
from tests.pipeline.search.test_points import designs, mappings_of


@pytest.mark.parametrize("name", MACHINES)
def test_relaxed_hardware_is_at_most_the_rounded_one(problem_on, name):
    problem = problem_on(name)
    points, _ = designs(problem, 10)
    tensors = problem.tensors(points)
    relaxed, built = relaxed_hardware(tensors, problem), smallest(tensors, problem.layers, problem.constraints)
    assert (relaxed.dim <= built.dim).all()
    assert (relaxed.accumulator_kib <= built.accumulator_kib * (1 + 1e-9)).all()


def test_loss_at_integers_is_the_objective_on_the_implied_hardware(problem_on):
    problem = problem_on(fixed=(16, 64.0, 32.0))
    points, _ = designs(problem, 5)
    score, _, _ = Recorder(problem, 100, clock=lambda: 0.0).designs(points)
    value = loss(Relaxed.of(points), problem, "none")
    # exp(log(n)) is n up to rounding, and DRAM words are counted in whole blocks, so one block may be counted more.
    assert torch.allclose(value, score, rtol=0, atol=5e-3)


@pytest.mark.parametrize("orders", ["none", "soft"])
def test_a_small_step_against_the_gradient_lowers_the_loss(problem_on, orders):
    problem = problem_on()
    points, _ = designs(problem, 6, seed=5)
    start = Relaxed.of(points)
    shift = 0.3 + 0.1 * torch.rand(start.log_factors.shape, generator=torch.Generator().manual_seed(1)).double()
    factors = project(start.log_factors + shift, problem).requires_grad_(True)
    before = loss(Relaxed(factors, start.rank), problem, orders)
    (gradient,) = torch.autograd.grad(before.sum(), factors)
    with torch.no_grad():
        step = 1e-3 * gradient / gradient.square().sum((-1, -2), keepdim=True).sqrt()
        assert (loss(Relaxed(factors - step, start.rank), problem, orders) < before).all()


@pytest.mark.parametrize("name", MACHINES)
def test_rounding_gives_exact_mappings_that_keep_the_limits(problem_on, name):
    problem = problem_on(name, max_dim=16, max_kib={"scratchpad_kib": 16.0, "accumulator_kib": 16.0})
    points, _ = designs(problem, 6)
    noise = torch.randn(points.slots.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    factors = project(Relaxed.of(points).log_factors + noise, problem)
    assert all(
        m.is_exact
        for d in mappings_of(type(points)(round_to_divisors(factors, problem), points.rank), problem)
        for m in d
    )
    result = rounded(factors, Relaxed.of(points), problem)
    hardware = smallest(problem.tensors(result), problem.layers, problem.constraints)
    assert problem.constraints.allows(hardware).all()


def test_rounding_returns_integers_unchanged(problem_on):
    problem = problem_on()
    points, _ = designs(problem, 10)
    assert torch.equal(round_to_divisors(Relaxed.of(points).log_factors, problem), points.slots)


def test_descent_improves_relaxed_starts(problem_on):
    problem = problem_on()
    points, _ = designs(problem, 8, seed=7)
    recorder = Recorder(problem, 10_000, clock=lambda: 0.0)
    before, _, _ = recorder.designs(points)
    after, _, _ = recorder.designs(descend(points, recorder, 200, PUBLISHED))
    assert float((before - after).mean()) > 0.1
    assert recorder.evaluations == 8 + 8 * 200 + 8 * 3 + 8


def test_steps_with_explicit_state_are_those_of_torchs_adam():
    gradients = torch.randn(20, 2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    leaf = torch.ones(2, 3, 4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([leaf], betas=(0.9, 0.99))
    factors = leaf.detach().clone()
    moments = Moments(torch.zeros_like(factors), torch.zeros_like(factors), torch.tensor(0.0))
    for step, gradient in enumerate(gradients):
        before = moments
        factors, moments = adam_step(factors, gradient, before, 0.05 / (1 + step))
        assert float(before.steps) == step
        optimiser.param_groups[0]["lr"], leaf.grad = 0.05 / (1 + step), gradient
        optimiser.step()
    assert torch.equal(factors, leaf.detach())


class Broken:
    """A model whose cycles are right and whose gradient is none: sqrt at 0."""

    name, machine = "broken", TIMELOOP

    def __call__(self, layers, mappings, hardware):
        zero = (mappings.temporal.sum((-1, -2)) * 0).sqrt()
        return Latency(zero + 1000.0)


def test_a_model_without_a_gradient_is_named(small):
    problem = Problem(small, Broken(), Constraints(TIMELOOP))
    points, _ = designs(problem, 3)
    with pytest.raises(ValueError, match="model 'broken' has a gradient that is no number"):
        descend(points, Recorder(problem, 100, clock=lambda: 0.0), 5, PUBLISHED)
