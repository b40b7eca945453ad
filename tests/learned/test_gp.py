"""The Gaussian process agrees with GPyTorch and resists outliers."""

import gpytorch
import pytest
import torch

from learned import gp

HYPER = gp.Hyper(
    torch.tensor([0.2, 0.5, 1.0], dtype=torch.float64),
    torch.tensor(0.3, dtype=torch.float64),
    torch.tensor(-1.5, dtype=torch.float64),
    torch.tensor(-3.0, dtype=torch.float64),
)


class _Reference(gpytorch.models.ExactGP):
    """The same prior, built from GPyTorch's kernels."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor) -> None:
        noise = torch.full_like(y, float(HYPER.noise.exp()) + gp.JITTER)
        super().__init__(x, y, gpytorch.likelihoods.FixedNoiseGaussianLikelihood(noise=noise))
        smooth = gpytorch.kernels.RQKernel(ard_num_dims=x.shape[1]).double()
        smooth.lengthscale, smooth.alpha = HYPER.length.exp(), torch.tensor(4.0)
        scaled = gpytorch.kernels.ScaleKernel(smooth).double()
        scaled.outputscale = HYPER.signal.exp()
        linear = gpytorch.kernels.LinearKernel().double()
        linear.variance = HYPER.linear.exp()
        constant = gpytorch.kernels.ConstantKernel().double()
        constant.constant = HYPER.linear.exp()
        self.prior_mean = gpytorch.means.ZeroMean()
        self.kernel = scaled + linear + constant

    def forward(self, x: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
        return gpytorch.distributions.MultivariateNormal(self.prior_mean(x), self.kernel(x))


def _data(count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    return x, torch.sin(x[:, 0]) + 0.3 * x[:, 1]


def test_covariance_and_posterior_agree_with_gpytorch() -> None:
    x, y = _data()
    at = torch.randn(7, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    reference = _Reference(x, y).eval()
    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        expected = reference(at)
        assert torch.allclose(gp.covariance(HYPER, at, x), reference.kernel(at, x).to_dense(), atol=1e-6)
    posterior = gp.condition(HYPER, x, y, torch.ones_like(y))
    scaled = at / HYPER.length.exp()
    mean = gp.correlation(gp.squared_distance(scaled, posterior.support)) @ posterior.weight
    mean = mean + gp.with_one(at) @ posterior.linear
    assert torch.allclose(mean, expected.mean, atol=2e-3)
    cross = gp.covariance(HYPER, at, posterior.support * HYPER.length.exp())
    variance = gp.covariance(HYPER, at, at).diagonal() - (cross @ posterior.root).square().sum(-1)
    assert torch.allclose(variance, expected.variance, atol=5e-3)


def test_the_likelihood_agrees_with_gpytorch_up_to_its_prior() -> None:
    x, y = _data(20)
    reference = _Reference(x, y)
    marginal = reference.likelihood(reference(x)).log_prob(y)
    ours = gp.negative_log_posterior(HYPER, x, y, torch.ones_like(y))
    prior = gp.PRIOR_PRECISION * (HYPER.length - torch.tensor(gp.LENGTH_SCALE).log()).square().sum()
    constant = 0.5 * len(y) * torch.log(torch.tensor(2 * torch.pi))
    assert float(ours - prior + constant) == pytest.approx(float(-marginal), rel=1e-5)


def test_an_outlier_gets_a_small_weight() -> None:
    x, y = _data()
    y = y.clone()
    y[5] += 10.0
    weight = gp.student_weights(HYPER, x, y, torch.ones_like(y), torch.ones_like(y))
    weight = gp.student_weights(HYPER, x, y, weight, torch.ones_like(y))
    others = torch.cat([weight[:5], weight[6:]])
    assert weight[5] < 0.1 * others.median()


def test_important_rows_are_fitted_more_closely() -> None:
    x = torch.zeros(2, 3, dtype=torch.float64)
    y = torch.tensor([0.0, 1.0], dtype=torch.float64)
    posterior = gp.condition(HYPER, x, y, torch.tensor([1.0, 9.0], dtype=torch.float64))
    at = (
        gp.correlation(gp.squared_distance(x[:1], posterior.support)) @ posterior.weight
        + gp.with_one(x[:1]) @ posterior.linear
    )
    assert float(at) == pytest.approx(0.9, abs=0.05)


def test_support_rows_are_distinct() -> None:
    x, _ = _data()
    chosen = gp.choose_support(HYPER, torch.cat([x, x]))
    assert len(chosen.unique()) == len(chosen) <= len(x)


def test_rows_are_weighed_in_blocks_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _data(120)
    y[17] += 5.0
    ones = torch.ones_like(y)
    whole = gp.fit(x, y, ones, ones, 60, 0)[1]
    monkeypatch.setattr(gp, "BLOCK", 50)
    blocks = gp.fit(x, y, ones, ones, 60, 0)[1]
    assert int(blocks.argmin()) == 17
    assert float((blocks / whole).log().abs().mean()) < 0.3
