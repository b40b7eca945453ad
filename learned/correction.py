"""What a calibrated timing still gets wrong: a Gaussian process on features of the execution.

log cycles = log(timing) + process. The covariance is a scaled rational quadratic kernel (alpha = 4) with a length scale
for each feature (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, eq. 4.19), its mean zero: far
from the rows it was fitted to, the prediction is the timing again. Hyperparameters are fitted with GPyTorch, L-BFGS on
the marginal likelihood with priors. Predictions use the projected process on a few support rows (section 8.3.4) in
plain tensors, because a study asks for 100,000 of them a second.
"""

import contextlib
import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from learned.features import Features

SUPPORT = 512
"""Support rows, at most."""
FIT_ROWS = 500
"""Rows that hyperparameters are fitted on, at most."""
RANK = 96
"""Directions in which the variance shrinks, at most; leaving some out overstates it."""
BLOCK = 20_000
"""Rows taken into account at a time."""
CHUNK = 2048
"""Rows predicted at once: what stays in the processor's caches."""

LEAST_SCALE = 0.05
"""Standard deviation below which a feature counts as constant."""
MOST_LOG_ERROR = 0.5
"""Errors beyond count as this: a few rows that the timing misjudges altogether must not shape the process."""
JITTER = 1e-5
STEPS = 30


@dataclass(frozen=True, slots=True)
class Process:
    """Hyperparameters, and how features are standardised."""

    mean: Float[Tensor, " f"]
    scale: Float[Tensor, " f"]
    """Length scales in the features' own units."""
    signal: Float[Tensor, ""]
    """Prior variance of the log error."""
    noise: Float[Tensor, ""]
    """Variance of a row's log error around the process."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A process that has seen rows, in the precision that predictions use; no rows where ``support`` is empty."""

    mean: Float[Tensor, " f"]
    scale: Float[Tensor, " f"]
    signal: Float[Tensor, ""]
    noise: Float[Tensor, ""]
    support: Float[Tensor, "m f"]
    """Support rows, standardised."""
    weight: Float[Tensor, " m"]
    root: Float[Tensor, "m r"]
    """Root of what the variance loses; multiplies the covariance with the support rows."""


def squared_distance(a: Float[Tensor, "*b f"], b: Float[Tensor, "m f"]) -> Float[Tensor, "*b m"]:
    """Squared Euclidean distance of every row of ``a`` to every row of ``b``."""
    norms = a.square().sum(-1, keepdim=True) + b.square().sum(-1)
    return (norms - 2 * (a @ b.mT)).clamp(min=0.0)


def correlation(squared: Float[Tensor, "*b m"]) -> Float[Tensor, "*b m"]:
    """Rational quadratic correlation (eq. 4.19, alpha = 4) at a squared scaled distance."""
    return (1 + squared / 8).square().square().reciprocal()


def log_errors(known: Features, cycles: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """What the process is to say of each row."""
    return (cycles / known.base_cycles).log().clamp(-MOST_LOG_ERROR, MOST_LOG_ERROR)


def fit_process(known: Features, cycles: Float[Tensor, " n"], seed: int) -> Process:
    """Hyperparameters from at most ``FIT_ROWS`` rows."""
    import gpytorch  # noqa: PLC0415 (slow to load, and no prediction needs it)

    part = torch.randperm(len(cycles), generator=torch.Generator().manual_seed(seed))[:FIT_ROWS]
    mean, spread = known.values.mean(0), known.values.std(0, correction=0).clamp(min=LEAST_SCALE)
    x, y = ((known.values - mean) / spread)[part], log_errors(known, cycles)[part]
    kernel = gpytorch.kernels.RQKernel(
        ard_num_dims=x.shape[1], lengthscale_prior=gpytorch.priors.LogNormalPrior(math.log(4.5), 0.7)
    )
    scaled = gpytorch.kernels.ScaleKernel(kernel, outputscale_prior=gpytorch.priors.LogNormalPrior(-5.0, 1.5))
    likelihood = gpytorch.likelihoods.GaussianLikelihood(
        noise_prior=gpytorch.priors.LogNormalPrior(-7.0, 1.5),
        noise_constraint=gpytorch.constraints.GreaterThan(1e-6),
    )
    process = _exact_process(x, y, likelihood, scaled)
    kernel.alpha, kernel.lengthscale, scaled.outputscale, likelihood.noise = 4.0, 4.5, 0.005, 0.001
    kernel.raw_alpha.requires_grad_(False)
    _maximise(gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, process), process, x, y)
    length = kernel.lengthscale.detach().squeeze(0)
    return Process(mean, spread * length, scaled.outputscale.detach(), likelihood.noise.detach().squeeze())


def _exact_process(x: Tensor, y: Tensor, likelihood: Any, kernel: Any) -> Any:
    import gpytorch  # noqa: PLC0415

    class Exact(gpytorch.models.ExactGP):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(x, y, likelihood)
            self.mean_module = gpytorch.means.ZeroMean()
            self.covar_module = kernel

        def forward(self, points: Tensor) -> Any:
            return gpytorch.distributions.MultivariateNormal(self.mean_module(points), self.covar_module(points))

    return Exact().double()


def _maximise(likelihood: Any, process: Any, x: Tensor, y: Tensor) -> None:
    """Leave the process at the best hyperparameters seen; a step to a singular covariance ends the search."""
    from linear_operator.utils.errors import NotPSDError  # noqa: PLC0415

    process.train()
    wanted = [parameter for parameter in process.parameters() if parameter.requires_grad]
    optimiser = torch.optim.LBFGS(wanted, max_iter=STEPS, max_eval=2 * STEPS, line_search_fn="strong_wolfe")
    least, best = math.inf, [parameter.detach().clone() for parameter in wanted]

    def loss() -> Tensor:
        nonlocal least, best
        optimiser.zero_grad()
        value: Tensor = -likelihood(process(x), y)
        if float(value.detach()) < least:
            least, best = float(value.detach()), [parameter.detach().clone() for parameter in wanted]
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with contextlib.suppress(NotPSDError):
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for parameter, value in zip(wanted, best, strict=True):
            parameter.copy_(value)


def condition(process: Process, known: Features, cycles: Float[Tensor, " n"]) -> Correction:
    """The process given rows: mean and variance through the support rows (eq. 8.27), all rows taken into account."""
    x, y = (known.values - process.mean) / process.scale, log_errors(known, cycles)
    support = x[_support(process, x)]
    inner = process.signal * correlation(squared_distance(support, support))
    inner = inner + JITTER * process.signal * torch.eye(len(support), dtype=x.dtype)
    factor = torch.linalg.cholesky(inner)
    gram, projected = torch.zeros_like(inner), torch.zeros(len(support), dtype=x.dtype)
    for part, wanted in zip(torch.split(x, BLOCK), torch.split(y, BLOCK), strict=True):
        cross = process.signal * correlation(squared_distance(part, support))
        white = torch.linalg.solve_triangular(factor, cross.mT, upper=False)
        gram = gram + white @ white.mT / process.noise
        projected = projected + white @ wanted / process.noise
    gain, basis = torch.linalg.eigh(gram)
    gain = gain.clamp(min=0.0)
    dual = basis @ ((basis.mT @ projected) / (1 + gain))
    weight = torch.linalg.solve_triangular(factor.mT, dual[:, None], upper=True)[:, 0]
    informed = basis[:, -RANK:] * (gain / (1 + gain)).sqrt()[-RANK:]
    root = torch.linalg.solve_triangular(factor.mT, informed, upper=True)
    parts = (process.mean, process.scale, process.signal, process.noise, support, process.signal * weight, root)
    return Correction(*(part.to(torch.float32) for part in parts))


def _support(process: Process, x: Float[Tensor, "n f"]) -> Int[Tensor, " m"]:
    """Rows with the largest remaining variance, one after the other (pivoted Cholesky)."""
    if len(x) <= SUPPORT:
        return torch.arange(len(x))
    remaining = torch.ones(len(x), dtype=x.dtype)
    factor = torch.zeros(len(x), SUPPORT, dtype=torch.float32)
    chosen: list[int] = []
    for step in range(SUPPORT):
        pivot = int(remaining.argmax())
        if remaining[pivot] < JITTER:
            break
        column = correlation(squared_distance(x, x[pivot : pivot + 1]))[:, 0].to(torch.float32)
        column = (column - factor[:, :step] @ factor[pivot, :step]) / remaining[pivot].sqrt()
        factor[:, step] = column
        remaining = (remaining - column.square()).clamp(min=0.0)
        remaining[pivot] = 0.0
        chosen.append(pivot)
    return torch.tensor(chosen)


def nothing(features: int) -> Correction:
    """A correction that corrects nothing."""
    zero = torch.zeros((), dtype=torch.float32)
    ones, empty = torch.ones(features), torch.zeros(0)
    return Correction(torch.zeros(features), ones, zero, zero, torch.zeros(0, features), empty, torch.zeros(0, 0))


def log_ratio(correction: Correction, values: Float[Tensor, "*b f"]) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Mean and variance of log(cycles / timing) at features ``values``, noise included, ``CHUNK`` rows at a time."""
    flat = values.reshape(-1, values.shape[-1]).to(torch.float32)
    parts = [_log_ratio(correction, chunk) for chunk in torch.split(flat, CHUNK)]
    mean, variance = (torch.cat(column).reshape(values.shape[:-1]) for column in zip(*parts, strict=True))
    return mean.to(torch.float64), variance.to(torch.float64)


def _log_ratio(correction: Correction, values: Float[Tensor, "n f"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    x = (values - correction.mean) / correction.scale
    smooth = correlation(squared_distance(x, correction.support))
    known = (correction.signal * (smooth @ correction.root)).square().sum(-1)
    return smooth @ correction.weight, (correction.signal - known).clamp(min=0.0) + correction.noise
