"""Calibration: the constants of a machine's timing fitted to measured cycles.

Residuals are logarithms of predicted over measured cycles and, where the table counts them, of predicted over counted
cycles in which the array was fed. Their loss is robust, with a weak prior at the starting values in units of the
bounds. A trust-region method keeps the constants within their bounds (T. Coleman and Y. Li, An interior trust region
approach for nonlinear minimization subject to bounds, SIAM J. Optimization 6, 1996; scipy's ``least_squares``). It
begins at several places, because timing has kinks: what never binds at one start has no gradient there.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares
from torch import Tensor

from learned.data import Samples, efficiency
from pipeline.machine.constants import Constant, Values
from pipeline.machine.machine import Machine, prepared

NOISE = 0.03
"""Log error of the timing where it is right: what is beyond counts linearly."""

COARSE_NOISE = 0.1
"""The same while the best of the starts is sought."""

PRIOR = 0.15
"""Standard deviation of a constant before anything was measured, as a share of its bounds."""

MOST_ROWS = 1500
SCREEN_ROWS, SCREEN_STEPS = 120, 8
STEPS = 40
STEPWISE_ROWS, STEPWISE_PLACES, STEPWISE_MOVES = 60, 11, 6
RANDOM_STARTS = 5
KEPT_STARTS = 5
START_SPREAD = 0.2
EDGE = 0.01
"""Least distance of a start from the bounds."""

LEAST_IMPORTANCE, MOST_IMPORTANCE = 0.5, 2.0

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted constants, in the order of the machine's."""

    values: Float[Tensor, " k"]
    low: Float[Tensor, " k"]
    """One standard deviation below, within the bounds."""
    high: Float[Tensor, " k"]
    learned: Float[Tensor, " k"]
    """How much the rows say about a constant: 0 where its uncertainty is that of the prior, 1 where none is left."""


@dataclass(frozen=True, slots=True)
class Box:
    """The constants as places between their bounds, 0 to 1, evenly spaced in ratio."""

    constants: tuple[Constant, ...]

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [constant.name for constant in self.constants]

    def start(self) -> Array:
        """The starting values."""
        return self.places(np.array([constant.start for constant in self.constants]))

    def places(self, values: Array) -> Array:
        """Where ``values`` lie."""
        low, span, shift = self._scale()
        return np.asarray((np.log(values + shift) - low) / span)

    def values(self, places: Float[Tensor, "k ..."]) -> Float[Tensor, "k ..."]:
        """The values at ``places``."""
        low, span, shift = (torch.from_numpy(part).reshape(-1, *[1] * (places.dim() - 1)) for part in self._scale())
        return (low + span * places).exp() - shift

    def _scale(self) -> tuple[Array, Array, Array]:
        """Logarithms count from 1 where the lower bound is 0."""
        shift = np.array([float(constant.low == 0) for constant in self.constants])
        low = np.log(np.array([constant.low for constant in self.constants]) + shift)
        high = np.log(np.array([constant.high for constant in self.constants]) + shift)
        return low, high - low, shift


@dataclass(slots=True)
class Fit:
    """Residuals of measured rows, and their derivatives, at places between the bounds.

    Rows are independent: with a copy of the constants for each, one backward pass gives the derivatives of all.
    """

    machine: Machine
    samples: Samples
    noise: float = NOISE
    _terms: Callable[[Values], dict[str, Tensor]] = field(init=False)
    _last: tuple[Array, Array, Array] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        samples = self.samples
        self._terms = prepared(self.machine, samples.layers, samples.mappings, samples.hardware)

    def residuals(self, places: Array) -> Array:
        """Residuals [rows + k] in units of the noise and of the prior."""
        return self._at(places)[1]

    def jacobian(self, places: Array) -> Array:
        """Derivatives [rows + k, k]."""
        return self._at(places)[2]

    def minimise(self, start: Array, steps: int) -> OptimizeResult:
        """The least robust loss from a start."""
        return least_squares(
            self.residuals,
            np.clip(start, EDGE, 1 - EDGE),
            jac=self.jacobian,
            bounds=(0.0, 1.0),
            loss="soft_l1",
            x_scale=START_SPREAD,
            max_nfev=steps,
            xtol=1e-5,
            ftol=1e-5,
        )

    def information(self, places: Array) -> Array:
        """What the rows say about the constants [k, k]: the inverse covariance without the prior."""
        count = len(places)
        slopes = self.jacobian(places)[:-count]
        certain = 1 / np.sqrt(1 + self.residuals(places)[:-count] ** 2)
        return np.asarray((slopes * certain[:, None]).T @ slopes)

    def parts(self, places: Float[Tensor, "k rows"]) -> list[Float[Tensor, " rows"]]:
        """Residuals of the cycles and of the cycles in which the array is fed, with a place for each row."""
        box, samples = Box(self.machine.constants), self.samples
        terms = self._terms(dict(zip(box.names, box.values(places), strict=True)))
        weight = importance(samples) / self.noise
        parts = [weight * (terms["cycles"].log() - samples.cycles.log())]
        if samples.array_cycles is not None and {"tiles", "slot_cycles"} <= set(terms):
            fed = (terms["tiles"] * terms["slot_cycles"]).log() - samples.array_cycles.log()
            parts.append(torch.where(samples.array_cycles > 0, weight * fed, 0.0))
        return parts

    def _at(self, places: Array) -> tuple[Array, Array, Array]:
        if self._last is None or not np.array_equal(self._last[0], places):
            self._last = (places.copy(), *self._evaluate(places))
        return self._last

    def _evaluate(self, places: Array) -> tuple[Array, Array]:
        box, samples = Box(self.machine.constants), self.samples
        own = torch.from_numpy(places)[:, None].expand(-1, len(samples)).clone().requires_grad_()
        parts = self.parts(own)
        slopes = [torch.autograd.grad(part.sum(), own, retain_graph=True)[0].T for part in parts]
        prior = torch.from_numpy(places - box.start()) / PRIOR
        residuals = torch.cat([*parts, prior]).detach()
        derivatives = torch.cat([*slopes, torch.eye(len(places), dtype=torch.float64) / PRIOR])
        return residuals.numpy(), derivatives.numpy()


def importance(samples: Samples) -> Float[Tensor, " n"]:
    """How much each row counts: the square root of its efficiency relative to the median."""
    value = efficiency(samples)
    return (value / value.median()).sqrt().clamp(LEAST_IMPORTANCE, MOST_IMPORTANCE)


def calibrate(machine: Machine, samples: Samples, seed: int) -> Calibration:
    """The constants that explain ``samples`` best, from several starts, with their uncertainty."""
    box = Box(machine.constants)
    if not box.constants:
        none = torch.zeros(0, dtype=torch.float64)
        return Calibration(none, none, none, none)
    generator = np.random.default_rng(seed)
    shuffled = torch.from_numpy(generator.permutation(len(samples)))
    screen = Fit(machine, samples[shuffled[:SCREEN_ROWS]], COARSE_NOISE)
    starts = [*_starts(box, generator), stepwise_start(machine, samples[shuffled[:STEPWISE_ROWS]])]
    tried = [screen.minimise(start, SCREEN_STEPS) for start in starts]
    tried.sort(key=lambda result: float(result.cost))
    return refine(machine, samples[shuffled[:MOST_ROWS]], [result.x for result in tried[:KEPT_STARTS]])


def refine(machine: Machine, samples: Samples, starts: Sequence[Array], steps: int = STEPS) -> Calibration:
    """The constants from the best of ``starts``."""
    box, fit = Box(machine.constants), Fit(machine, samples)
    best = min((fit.minimise(start, steps) for start in starts), key=lambda result: float(result.cost)).x
    information = fit.information(best)
    deviation = np.sqrt(np.diag(np.linalg.inv(information + np.eye(len(best)) / PRIOR**2)))
    low, high = (box.values(torch.from_numpy(np.clip(best + side * deviation, 0, 1))) for side in (-1, 1))
    return Calibration(box.values(torch.from_numpy(best)), low, high, torch.from_numpy(1 - deviation / PRIOR))


def values_of(machine: Machine, calibration: Calibration) -> Values:
    """The constants by name."""
    names = [constant.name for constant in machine.constants]
    return dict(zip(names, calibration.values.tolist(), strict=True))


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
    fit = Fit(machine, samples[torch.arange(count).repeat(width)], COARSE_NOISE)
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
        result.append(np.clip(start + START_SPREAD * generator.standard_normal(len(start)), EDGE, 1 - EDGE))
    return result
