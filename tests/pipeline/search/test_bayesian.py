"""The inner Gaussian processes of Bayesian search."""

import math

import numpy as np
import torch

from pipeline.search.methods.bayesian import LENGTHSCALES, NOISES, lower_bounds


def matern(a, b, lengthscale):
    """Rasmussen and Williams, 2006, equation 4.17, written out for two points."""
    distance = math.sqrt(5) * math.dist(a, b) / lengthscale
    return (1 + distance + distance**2 / 3) * math.exp(-distance)


def bounds_of_one_layer(seen, score, fresh):
    """Equations 2.25, 2.26 and 2.30 with a dense inverse, for the lengthscale and noise with the largest evidence."""
    value = (score - score.mean()) / score.std(ddof=1)
    found = []
    for lengthscale in LENGTHSCALES:
        for noise in NOISES:
            kernel = np.array([[matern(a, b, lengthscale) for b in seen] for a in seen]) + noise * np.eye(len(seen))
            inverse = np.linalg.inv(kernel)
            evidence = -0.5 * (value @ inverse @ value + np.linalg.slogdet(kernel)[1])
            cross = np.array([[matern(a, b, lengthscale) for b in seen] for a in fresh])
            variance = 1 + noise - np.einsum("ij,jk,ik->i", cross, inverse, cross)
            found.append((evidence, cross @ inverse @ value - np.sqrt(variance)))
    return max(found, key=lambda item: item[0])[1]


def test_bounds_are_those_of_the_equations_for_each_layer():
    generator = torch.Generator().manual_seed(3)
    seen = torch.rand(3, 12, 4, generator=generator, dtype=torch.float64)
    fresh = torch.rand(3, 9, 4, generator=generator, dtype=torch.float64)
    smooth = torch.stack([seen[0].sum(-1), (9 * seen[1, :, 0]).sin(), torch.rand(12, generator=generator).double()])
    bounds = lower_bounds(seen, smooth, fresh).numpy()
    for layer in range(3):
        expected = bounds_of_one_layer(seen[layer].numpy(), smooth[layer].numpy(), fresh[layer].numpy())
        np.testing.assert_allclose(bounds[layer], expected, rtol=1e-6)
