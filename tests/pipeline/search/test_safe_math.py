"""Logarithms of excesses: value and gradient, at the edges and far beyond them."""

import math

import pytest
import torch

from pipeline.search.safe_math import LEAST, log_excess, log_shortfall

RATIOS = [0.0, 5e-324, LEAST, 1e-30, 0.5, 1.0 - 1e-6, 1.0 + 1e-6, 2.0, 1e30, 1e300]


@pytest.mark.parametrize("ratio", RATIOS)
def test_values_are_logarithms_on_one_side_of_the_limit_and_zero_on_the_other(ratio):
    x = torch.tensor(ratio, dtype=torch.float64)
    assert float(log_excess(x)) == pytest.approx(max(0.0, math.log(max(ratio, 1.0))), rel=1e-12)
    assert float(log_shortfall(x)) == pytest.approx(max(0.0, -math.log(min(max(ratio, LEAST), 1.0))), rel=1e-12)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("penalty", [log_excess, log_shortfall])
def test_squares_have_finite_gradients_everywhere(penalty, ratio):
    x = torch.tensor(ratio, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(penalty(x).square(), x)
    assert torch.isfinite(gradient)
    if penalty(x) == 0:
        assert gradient == 0


def test_what_they_replace_has_no_gradient_at_zero():
    """The reason for the module; where this fails, torch has changed and it may go."""
    x = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(torch.relu(x.log()).square(), x)
    assert torch.isnan(gradient)


@pytest.mark.parametrize("penalty", [log_excess, log_shortfall])
def test_gradients_are_those_of_finite_differences_at_the_edge_and_beside_it(penalty):
    """Of the squares, as they are used: the kink at the limit is smooth in them."""
    x = torch.tensor([1e-3, 0.5, 1.0 - 1e-4, 1.0, 1.0 + 1e-4, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda ratio: penalty(ratio).square(), x, eps=1e-7, atol=1e-5)
