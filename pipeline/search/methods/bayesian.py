"""Two-level Bayesian search: an outer one over hardware, an inner one over the mappings of every layer.

The structure is that of the published baseline (DOSA, section 6.1, after Sakhuja et al., Spotlight, HPCA 2023):
100 hardware designs, 100 mappings of each layer on each. The outer level is a Gaussian process on logarithmic sizes
with log expected improvement (BoTorch). The inner level draws a few random mappings, then ranks fresh random ones by
the lower confidence bound of a Gaussian process on logarithmic factors, one process a layer, all fitted as one batch.
"""

from dataclasses import dataclass, replace

import torch
from botorch.acquisition import LogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.settings import validate_input_scaling
from gpytorch.kernels import MaternKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ZeroMean
from gpytorch.mlls import ExactMarginalLogLikelihood
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.search.methods.random_search import valid_mappings
from pipeline.search.points import Points
from pipeline.search.problem import Costs, Problem, Recorder

LENGTHSCALES = (0.3, 0.6, 1.2, 2.4)
NOISES = (1e-3, 1e-1)
"""Tried for each layer at the inner level."""


@dataclass(frozen=True, slots=True)
class BayesianState:
    """What the outer level has seen."""

    seen: Float[Tensor, "n sizes"]
    """Features of hardware."""
    score: Float[Tensor, " n"]
    failed: int = 0
    """Hardware on which some layer had no valid mapping."""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Bayesian:
    """Budgets of both levels."""

    mappings: int = 100
    """Mappings of each layer on one hardware."""
    first_hardware: int = 10
    """Random hardware before the outer process is asked."""
    batch: int = 20
    """Mappings that the inner level evaluates at once."""
    pool: int = 400
    """Random valid mappings of each layer among which the inner process chooses."""

    @property
    def state(self) -> type[BayesianState]:
        """The type of its states."""
        return BayesianState

    def begin(self, recorder: Recorder, generator: torch.Generator) -> BayesianState:
        """Nothing seen yet."""
        sizes = len(recorder.problem.machine.template.sizes)
        return BayesianState(torch.zeros(0, sizes, dtype=torch.float64), torch.zeros(0, dtype=torch.float64))

    def advance(self, state: BayesianState, recorder: Recorder, generator: torch.Generator) -> BayesianState:
        """One hardware with its mappings."""
        constraints = recorder.problem.constraints
        drawn = constraints.sample(1 if len(state.score) < self.first_hardware else 256, generator)
        features = hardware_features(drawn)
        pick = 0
        if drawn.dim.shape[0] > 1:
            pick = most_promising(state.seen, state.score, features)
        hardware = drawn[pick : pick + 1]
        score = self._map(recorder, hardware, generator)
        if score is None:
            failed = state.failed + 1
            if failed > 1000:
                raise ValueError("Bayesian search: no valid mapping was found on 1000 hardware designs")
            return replace(state, failed=failed)
        seen = torch.cat([state.seen, features[pick : pick + 1]])
        known = torch.cat([state.score, score.reshape(1)])
        return BayesianState(seen, known, state.failed, done=recorder.left < 2)

    def _map(self, recorder: Recorder, hardware: HardwareTensors, generator: torch.Generator) -> Tensor | None:
        """Score of ``hardware`` [1] after its mappings were searched; None where a layer has no valid mapping."""
        total = max(1, min(self.mappings, int(recorder.left) - 1))
        pool = _draw(recorder, hardware, max(self.pool, total), generator)
        if pool is None:
            return None
        features = mapping_features(pool)
        index = torch.arange(min(self.batch, total)).expand(pool.slots.shape[0], -1)
        costs = _evaluate(recorder, _take(pool, index), hardware)
        while index.shape[1] < total:
            count = min(self.batch, total - index.shape[1])
            seen = features.gather(1, index[..., None].expand(*index.shape, features.shape[-1]))
            bound = lower_bounds(seen, _layer_scores(costs, recorder.problem), features)
            best = bound.scatter(1, index, torch.inf).argsort(-1)[:, :count]
            more = _evaluate(recorder, _take(pool, best), hardware)
            index = torch.cat([index, best], 1)
            costs = Costs(torch.cat([costs.cycles, more.cycles], 1), torch.cat([costs.energy_uj, more.energy_uj], 1))
        choice = recorder.problem.choose(costs, torch.ones_like(costs.cycles, dtype=torch.bool))
        score, _, _ = recorder.designs(_take(pool, index).gather(choice))
        return score


def _take(pool: Points, index: Int[Tensor, "L n"]) -> Points:
    """The mappings [L, n] that ``index`` names in ``pool`` [L, m]."""
    row = torch.arange(index.shape[0])[:, None]
    return pool[row, index]


def _draw(recorder: Recorder, hardware: HardwareTensors, count: int, generator: torch.Generator) -> Points | None:
    """``count`` valid random mappings of every layer [L, count] (repeated where there are fewer)."""
    problem = recorder.problem
    drawn = [valid_mappings(problem, i, hardware, count, generator, recorder) for i in range(len(problem.counts))]
    if any(points.slots.shape[0] == 0 for points in drawn):
        return None
    drawn = [points[torch.arange(count) % points.slots.shape[0]] for points in drawn]
    return Points(torch.stack([p.slots for p in drawn]), torch.stack([p.rank for p in drawn]))


def _evaluate(recorder: Recorder, points: Points, hardware: HardwareTensors) -> Costs:
    problem = recorder.problem
    recorder.layer_evaluations += points.slots.shape[0] * points.slots.shape[1]
    with torch.no_grad():
        return problem.costs(
            problem.tensors(points, problem.layers[:, None]), problem.layers[:, None], hardware[:, None]
        )


def _layer_scores(costs: Costs, problem: Problem) -> Float[Tensor, "L n"]:
    cycles, energy = problem.weights
    return cycles * costs.cycles.log() + energy * costs.energy_uj.log()


def hardware_features(hardware: HardwareTensors) -> Float[Tensor, "n sizes"]:
    """Logarithms of the sizes, about in the unit cube."""
    sizes = torch.stack([size / (128 if name == "dim" else 2048) for name, size in hardware.sizes.items()], -1)
    return 1 + sizes.log2() / 11


def mapping_features(points: Points) -> Float[Tensor, "*b features"]:
    """Logarithms of the factors and the DRAM loop order, about in the unit cube."""
    return torch.cat([points.slots.to(torch.float64).log2() / 8, points.rank[..., -1, :].to(torch.float64) / 6], -1)


def most_promising(seen: Tensor, score: Tensor, candidates: Tensor) -> int:
    """The candidate with the largest log expected improvement under a Gaussian process of what was seen."""
    value = -score[:, None]
    value = (value - value.mean()) / value.std().clamp(min=1e-9)
    model = SingleTaskGP(seen, value)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    with torch.no_grad():
        gain = LogExpectedImprovement(model, best_f=value.max())(candidates[:, None])
    return int(gain.argmax())


def lower_bounds(
    seen: Float[Tensor, "L n f"], score: Float[Tensor, "L n"], fresh: Float[Tensor, "L m f"]
) -> Float[Tensor, "L m"]:
    """Mean minus standard deviation at ``fresh`` points, of scores with mean 0 and deviation 1.

    Gaussian process regression with a Matern-5/2 kernel; lengthscale and noise of each layer are those of a small
    grid with the highest marginal likelihood (Rasmussen and Williams, 2006, equation 2.30): fitting them by gradient
    would take most of a search.
    """
    mean, spread = score.mean(-1, keepdim=True), score.std(-1, keepdim=True).clamp(min=1e-9)
    value = ((score - mean) / spread)[..., None]
    lengthscale, noise = torch.cartesian_prod(*(torch.tensor(x, dtype=seen.dtype) for x in (LENGTHSCALES, NOISES))).T
    every = (len(noise), len(seen))
    with torch.no_grad(), validate_input_scaling(False):
        tried = process(seen, value, lengthscale[:, None].expand(every), noise[:, None].expand(every))
        evidence = ExactMarginalLogLikelihood(tried.likelihood, tried)(tried(*tried.train_inputs), tried.train_targets)
        best = evidence.argmax(0)
        found = process(seen, value, lengthscale[best], noise[best]).posterior(fresh, observation_noise=True)
        bound: Tensor = found.mean - found.variance.sqrt()
    return bound[..., 0]


def process(
    seen: Float[Tensor, "L n f"], value: Float[Tensor, "L n 1"], lengthscale: Float[Tensor, "*h L"], noise: Tensor
) -> SingleTaskGP:
    """Gaussian processes of mean 0 and variance 1, one for each lengthscale and noise variance."""
    batch = lengthscale.shape
    kernel, likelihood = MaternKernel(nu=2.5, batch_shape=batch), GaussianLikelihood(batch_shape=batch)
    model = SingleTaskGP(
        seen.expand(*batch, *seen.shape[1:]),
        value.expand(*batch, *value.shape[1:]),
        likelihood=likelihood,
        covar_module=kernel,
        mean_module=ZeroMean(),
        outcome_transform=None,
    )
    kernel.lengthscale, likelihood.noise = lengthscale[..., None, None], noise[..., None]
    return model
