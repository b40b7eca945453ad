"""Calibration: the constants of a machine's timing fitted to measured cycles (``residuals``).

The fit begins at several places, because timing has kinks: what never binds at one start has no gradient there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from learned.box import EDGE, Array, Box
from learned.data import Samples
from learned.residuals import PRIOR, SCALE, Residuals, minimised
from pipeline.machine.machine import Machine

COARSE_NOISE = 0.1
"""Noise while the best of the starts is sought."""

MOST_ROWS = 1500
SCREEN_ROWS, SCREEN_STEPS = 120, 8
STEPS = 40
STEPWISE_ROWS, STEPWISE_PLACES, STEPWISE_MOVES = 60, 11, 6
RANDOM_STARTS = 5
KEPT_STARTS = 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted constants, in the order of the machine's."""

    values: Float[Tensor, " k"]
    low: Float[Tensor, " k"]
    """One standard deviation below, within the bounds."""
    high: Float[Tensor, " k"]
    learned: Float[Tensor, " k"]
    """How much the rows say about a constant: 0 where its uncertainty is that of the prior, 1 where none is left."""


def calibrate(machine: Machine, samples: Samples, seed: int) -> Calibration:
    """The constants that explain ``samples`` best, from several starts, with their uncertainty."""
    box = Box(machine.constants)
    if not box.constants:
        none = torch.zeros(0, dtype=torch.float64)
        return Calibration(none, none, none, none)
    generator = np.random.default_rng(seed)
    shuffled = torch.from_numpy(generator.permutation(len(samples)))
    starts = [*_starts(box, generator), stepwise_start(machine, samples[shuffled[:STEPWISE_ROWS]])]
    screen = Residuals(machine, samples, [shuffled[:SCREEN_ROWS]] * len(starts), COARSE_NOISE)
    tried = sorted(minimised(screen, starts, SCREEN_STEPS), key=lambda result: float(result.cost))[:KEPT_STARTS]
    fits = Residuals(machine, samples, [shuffled[:MOST_ROWS]] * len(tried))
    found = minimised(fits, [result.x for result in tried], STEPS)
    best = min(found, key=lambda result: float(result.cost))
    return _with_uncertainty(machine, samples[shuffled[:MOST_ROWS]], best.x)


def refit(
    machine: Machine, samples: Samples, parts: Sequence[Int[Tensor, "..."]], start: Array, steps: int
) -> list[Float[Tensor, " k"]]:
    """The constants that explain each of ``parts`` of the rows best, all from one start."""
    box = Box(machine.constants)
    found = minimised(Residuals(machine, samples, parts), [start] * len(parts), steps)
    return [box.values(torch.from_numpy(result.x)) for result in found]


def _with_uncertainty(machine: Machine, samples: Samples, best: Array) -> Calibration:
    """What the rows say about the constants: the inverse covariance of the fit and of the prior."""
    box = Box(machine.constants)
    found = Residuals(machine, samples, [torch.arange(len(samples))]).at(torch.from_numpy(best)[None])[0]
    slopes, residuals = found.jacobian[: -len(best)], found.residuals[: -len(best)]
    certain = 1 / np.sqrt(1 + residuals**2)
    information = (slopes * certain[:, None]).T @ slopes
    deviation = np.sqrt(np.diag(np.linalg.inv(information + np.eye(len(best)) / PRIOR**2)))
    low, high = (box.values(torch.from_numpy(np.clip(best + side * deviation, 0, 1))) for side in (-1, 1))
    return Calibration(box.values(torch.from_numpy(best)), low, high, torch.from_numpy(1 - deviation / PRIOR))


def places(machine: Machine, calibration: Calibration) -> Array:
    """Where calibrated constants lie between their bounds."""
    return Box(machine.constants).places(calibration.values.numpy())


def uncalibrated(machine: Machine) -> Calibration:
    """The starting values, about which nothing was learned."""
    box = Box(machine.constants)
    start = box.start()
    low, high = (box.values(torch.from_numpy(np.clip(start + side * PRIOR, 0, 1))) for side in (-1, 1))
    return Calibration(box.values(torch.from_numpy(start)), low, high, torch.zeros(len(start), dtype=torch.float64))


def stepwise_start(machine: Machine, samples: Samples) -> Array:
    """The starting values with the constants moved, one after the other, that lessen the loss most.

    Another design mostly differs in a few constants, and the way to them may lead over worse places.
    """
    box, count = Box(machine.constants), len(samples)
    grid = np.linspace(EDGE, 1 - EDGE, STEPWISE_PLACES)
    width = len(box.constants) * len(grid)
    fit = Residuals(machine, samples, [torch.arange(count)] * width, COARSE_NOISE)
    start = box.start()
    best, least = start, math.inf
    for _ in range(STEPWISE_MOVES):
        moved = np.repeat(best[:, None], width, 1)
        moved[np.repeat(np.arange(len(best)), len(grid)), np.arange(width)] = np.tile(grid, len(best))
        with torch.no_grad():
            parts = fit.parts(torch.from_numpy(moved).repeat_interleave(count, 1))
        robust = torch.stack([2 * ((1 + part**2).sqrt() - 1) for part in parts]).sum(0)
        loss = robust.reshape(width, count).sum(1).numpy() + (((moved - start[:, None]) / PRIOR) ** 2).sum(0)
        if loss.min() >= least:
            break
        best, least = moved[:, loss.argmin()], float(loss.min())
    return best


def _starts(box: Box, generator: np.random.Generator) -> list[Array]:
    """The starting values; each constant that starts at a bound moved to the middle; and random ones."""
    start = box.start()
    result = [start]
    for index in np.flatnonzero((start < EDGE) | (start > 1 - EDGE)):
        moved = start.copy()
        moved[index] = 0.5
        result.append(moved)
    for _ in range(RANDOM_STARTS):
        result.append(np.clip(start + SCALE * generator.standard_normal(len(start)), EDGE, 1 - EDGE))
    return result
