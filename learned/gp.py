"""A robust sparse Gaussian process on standardised features.

Covariance: a rational quadratic kernel with one length scale a feature plus a linear kernel (Rasmussen and Williams,
Gaussian Processes for Machine Learning, 2006, eq. 4.19 and section 2.7). Noise is Student-t, as the usual scale
mixture: row i has variance noise / (weight_i * precision_i), the weights re-estimated from the posterior residuals.
Predictions use the projected process on a few support rows (section 8.3.4), chosen greedily by what they leave
unexplained.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

JITTER = 1e-6
SUPPORT_JITTER = 1e-4
NU = 4.0
"""Degrees of freedom of the Student-t noise."""

SUPPORT = 256
"""Support rows, at most."""
RANK = 96
"""Directions in which the variance shrinks, at most; leaving some out overstates it."""

BLOCK = 2500
"""Rows whose residuals are judged against each other, at most: memory and time grow with its square and cube."""

ROUNDS = 4
STEPS = 20
LEARNING_RATE = 0.1
LENGTH_SCALE = 3.0
"""Centre of the length scales' prior, in standard deviations of a feature."""
PRIOR_PRECISION = 0.05


@dataclass(frozen=True, slots=True)
class Hyper:
    """Hyperparameters as logarithms."""

    length: Float[Tensor, " f"]
    signal: Float[Tensor, ""]
    linear: Float[Tensor, ""]
    noise: Float[Tensor, ""]

    def tensors(self) -> list[Tensor]:
        """All of them."""
        return [self.length, self.signal, self.linear, self.noise]


@dataclass(frozen=True, slots=True)
class Posterior:
    """What predictions need, in units of length scales where it says scaled."""

    support: Float[Tensor, "m f"]
    """Support rows, scaled."""
    weight: Float[Tensor, " m"]
    """Weight of each support row in the mean."""
    linear: Float[Tensor, " f1"]
    """Weight of each feature and of the constant in the mean."""
    root: Float[Tensor, "m r"]
    """Root of what the variance loses; multiplies the covariance with the support rows."""


def squared_distance(a: Float[Tensor, "*b f"], b: Float[Tensor, "m f"]) -> Float[Tensor, "*b m"]:
    """Squared Euclidean distance of every row of ``a`` to every row of ``b``."""
    norms = a.square().sum(-1, keepdim=True) + b.square().sum(-1)
    return (norms - 2 * (a @ b.mT)).clamp(min=0.0)


def correlation(squared: Float[Tensor, "*b m"]) -> Float[Tensor, "*b m"]:
    """Rational quadratic correlation (eq. 4.19, alpha = 4) at a squared scaled distance."""
    return (1 + squared / 8).square().square().reciprocal()


def with_one(x: Float[Tensor, "*b f"]) -> Float[Tensor, "*b f1"]:
    """``x`` with a constant feature appended: the linear kernel's intercept."""
    return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)


def covariance(hyper: Hyper, a: Float[Tensor, "n f"], b: Float[Tensor, "m f"]) -> Float[Tensor, "n m"]:
    """Prior covariance of the correction at ``a`` and at ``b``, noise excluded."""
    length = hyper.length.exp()
    smooth = hyper.signal.exp() * correlation(squared_distance(a / length, b / length))
    return smooth + hyper.linear.exp() * (with_one(a) @ with_one(b).mT)


def noise_variance(hyper: Hyper, weight: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Noise variance of every row."""
    return hyper.noise.exp() / weight + JITTER


def negative_log_posterior(
    hyper: Hyper, x: Float[Tensor, "n f"], y: Float[Tensor, " n"], weight: Float[Tensor, " n"]
) -> Float[Tensor, ""]:
    """Negative log marginal likelihood (eq. 2.30) plus a log-normal prior on the length scales, constants left out."""
    factor = torch.linalg.cholesky(covariance(hyper, x, x) + torch.diag(noise_variance(hyper, weight)))
    solved: Tensor = torch.cholesky_solve(y[:, None], factor)[:, 0]
    prior = PRIOR_PRECISION * (hyper.length - math.log(LENGTH_SCALE)).square().sum()
    misfit: Tensor = 0.5 * (y @ solved)
    total: Tensor = misfit + factor.diagonal().log().sum() + prior
    return total


def student_weights(
    hyper: Hyper,
    x: Float[Tensor, "n f"],
    y: Float[Tensor, " n"],
    weight: Float[Tensor, " n"],
    precision: Float[Tensor, " n"],
) -> Float[Tensor, " n"]:
    """Expected weights of Student-t noise of known relative ``precision``, from the residuals under ``weight``."""
    noise = noise_variance(hyper, weight * precision)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(covariance(hyper, x, x) + torch.diag(noise)))
    residual = noise * (inverse @ y)
    variance = noise - noise.square() * inverse.diagonal()
    return (NU + 1) / (NU + precision * (residual.square() + variance) / hyper.noise.exp())


def fit(
    x: Float[Tensor, "n f"],
    y: Float[Tensor, " n"],
    importance: Float[Tensor, " n"],
    precision: Float[Tensor, " n"],
    most_rows: int,
    seed: int,
) -> tuple[Hyper, Float[Tensor, " n"]]:
    """Hyperparameters from at most ``most_rows`` rows, and the final precision of every row, all factors multiplied.

    ``importance`` multiplies the weights: what counts more is believed more.
    """
    generator = torch.Generator().manual_seed(seed)
    part = torch.randperm(len(y), generator=generator)[:most_rows]
    hyper = _initial(x.shape[1])
    optimiser = torch.optim.Adam(hyper.tensors(), lr=LEARNING_RATE)
    robust = importance[part]
    for _ in range(ROUNDS):
        for _ in range(STEPS):
            optimiser.zero_grad()
            loss = negative_log_posterior(hyper, x[part], y[part], robust * precision[part])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        with torch.no_grad():
            robust = student_weights(hyper, x[part], y[part], robust, precision[part]) * importance[part]
    hyper = Hyper(*(value.detach() for value in hyper.tensors()))
    weight = importance.clone()
    blocks = math.ceil(len(y) / BLOCK)
    for start in range(blocks):
        rows = slice(start, None, blocks)
        for _ in range(ROUNDS):
            weight[rows] = student_weights(hyper, x[rows], y[rows], weight[rows], precision[rows]) * importance[rows]
    return hyper, weight * precision


def _initial(features: int) -> Hyper:
    start = [torch.full((features,), math.log(LENGTH_SCALE), dtype=torch.float64)]
    start += [torch.tensor(value, dtype=torch.float64) for value in (-1.0, -2.0, -3.0)]
    return Hyper(*(value.requires_grad_() for value in start))


def choose_support(hyper: Hyper, x: Float[Tensor, "n f"]) -> Int[Tensor, " m"]:
    """Rows of ``x`` with the largest remaining variance, one after the other (pivoted Cholesky)."""
    remaining = hyper.signal.exp() + hyper.linear.exp() * with_one(x).square().sum(-1)
    factor = torch.zeros(len(x), min(SUPPORT, len(x)), dtype=x.dtype)
    chosen: list[int] = []
    for step in range(factor.shape[1]):
        pivot = int(remaining.argmax())
        if remaining[pivot] < JITTER:
            break
        column = covariance(hyper, x, x[pivot : pivot + 1])[:, 0] - factor[:, :step] @ factor[pivot, :step]
        factor[:, step] = column / remaining[pivot].sqrt()
        remaining = (remaining - factor[:, step].square()).clamp(min=0.0)
        remaining[pivot] = 0.0
        chosen.append(pivot)
    return torch.tensor(chosen)


def condition(hyper: Hyper, x: Float[Tensor, "n f"], y: Float[Tensor, " n"], weight: Float[Tensor, " n"]) -> Posterior:
    """The projected process (eq. 8.27): mean and variance through the support rows, all rows taken into account."""
    support = x[choose_support(hyper, x)]
    cross = covariance(hyper, support, x)
    inner = covariance(hyper, support, support)
    inner = inner + SUPPORT_JITTER * torch.eye(len(inner), dtype=x.dtype)
    factor = torch.linalg.cholesky(inner)
    white = torch.linalg.solve_triangular(factor, cross, upper=False) / noise_variance(hyper, weight).sqrt()
    gain, basis = torch.linalg.eigh(white @ white.mT)
    projected = basis.mT @ (white @ (y / noise_variance(hyper, weight).sqrt()))
    dual = torch.linalg.solve_triangular(factor.mT, (basis @ (projected / (1 + gain)))[:, None], upper=True)[:, 0]
    informed = basis[:, -RANK:] * (gain / (1 + gain)).clamp(min=0.0).sqrt()[-RANK:]
    return Posterior(
        support / hyper.length.exp(),
        dual * hyper.signal.exp(),
        hyper.linear.exp() * (with_one(support).mT @ dual),
        torch.linalg.solve_triangular(factor.mT, informed, upper=True),
    )
