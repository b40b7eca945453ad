"""How far a timing is from measured cycles, and its constants from where they start; the least of both.

Residuals are logarithms of predicted over measured cycles and, where the table counts them, of predicted over counted
cycles in which the array was fed. Their loss is robust, with a weak prior at the starting values in units of the
bounds. A trust-region method keeps the constants within their bounds (T. Coleman and Y. Li, An interior trust region
approach for nonlinear minimization subject to bounds, SIAM J. Optimization 6, 1996; scipy's ``least_squares``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import OptimizeResult, least_squares
from torch import Tensor

from learned.box import EDGE, Array, Box
from learned.data import Samples, efficiency
from learned.in_step import Ask, in_step
from pipeline.machine.constants import Values
from pipeline.machine.machine import Machine, prepared

NOISE = 0.03
"""Log error of the timing where it is right: what is beyond counts linearly."""

PRIOR = 0.15
"""Standard deviation of a constant before anything was measured, as a share of its bounds."""

SCALE = 0.2
"""Length of a step of the fit at first, as a share of the bounds."""

LEAST_IMPORTANCE, MOST_IMPORTANCE = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Slopes:
    """Residuals of rows and of the prior, in units of the noise and of the prior, and their derivatives."""

    residuals: Array
    """[rows + k]."""
    jacobian: Array
    """[rows + k, k]."""


@dataclass(slots=True)
class Residuals:
    """Residuals of several fits at once: each has rows of its own and a place of its own.

    Rows are independent: with a copy of the constants for each, one backward pass gives the derivatives of all.
    """

    machine: Machine
    samples: Samples
    rows: Sequence[Int[Tensor, "..."]]
    """Which of ``samples`` each fit has."""
    noise: float = NOISE
    _measured: Samples = field(init=False)
    _weight: Float[Tensor, " all"] = field(init=False)
    _terms: Callable[[Values], dict[str, Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        measured = self.samples[torch.cat(list(self.rows))]
        self._measured = measured
        self._weight = torch.cat([importance(self.samples[rows]) for rows in self.rows]) / self.noise
        self._terms = prepared(self.machine, measured.layers, measured.mappings, measured.hardware)

    def at(self, places: Float[Tensor, "fits k"]) -> list[Slopes]:
        """What each fit has at its place."""
        counts = torch.tensor([len(rows) for rows in self.rows])
        own = places.repeat_interleave(counts, 0).T.clone().requires_grad_()
        parts = self.parts(own)
        slopes = [torch.autograd.grad(part.sum(), own, retain_graph=True)[0].T for part in parts]
        values = [torch.split(part.detach(), counts.tolist()) for part in parts]
        derivatives = [torch.split(part, counts.tolist()) for part in slopes]
        prior = (places - torch.from_numpy(Box(self.machine.constants).start())) / PRIOR
        unit = torch.eye(places.shape[1], dtype=places.dtype) / PRIOR
        return [
            Slopes(
                torch.cat([*(part[fit] for part in values), prior[fit]]).numpy(),
                torch.cat([*(part[fit] for part in derivatives), unit]).numpy(),
            )
            for fit in range(len(self.rows))
        ]

    def parts(self, places: Float[Tensor, "k all"]) -> list[Float[Tensor, " all"]]:
        """Residuals of the cycles, and of the cycles in which the array is fed, with a place for each row."""
        box, measured = Box(self.machine.constants), self._measured
        terms = self._terms(dict(zip(box.names, box.values(places), strict=True)))
        parts = [self._weight * (terms["cycles"].log() - measured.cycles.log())]
        if measured.array_cycles is not None and {"tiles", "slot_cycles"} <= set(terms):
            fed = (terms["tiles"] * terms["slot_cycles"]).log() - measured.array_cycles.log()
            parts.append(torch.where(measured.array_cycles > 0, self._weight * fed, 0.0))
        return parts


def importance(samples: Samples) -> Float[Tensor, " n"]:
    """How much each row counts: the square root of its efficiency relative to the median."""
    value = efficiency(samples)
    return (value / value.median()).sqrt().clamp(LEAST_IMPORTANCE, MOST_IMPORTANCE)


def minimised(residuals: Residuals, starts: Sequence[Array], steps: int) -> list[OptimizeResult]:
    """The least robust loss of each fit from its start, after so many evaluations at most."""
    latest = np.stack(list(starts))

    def evaluate(asked: dict[int, Array]) -> dict[int, Slopes]:
        for fit, place in asked.items():
            latest[fit] = place
        found = residuals.at(torch.from_numpy(latest))
        return {fit: found[fit] for fit in asked}

    return in_step(evaluate, [partial(_minimise, start=start, steps=steps) for start in starts])


def _minimise(ask: Ask[Array, Slopes], start: Array, steps: int) -> OptimizeResult:
    place, slopes = np.empty(0), Slopes(np.empty(0), np.empty(0))

    def at(asked: Array) -> Slopes:
        nonlocal place, slopes
        if not np.array_equal(place, asked):
            place, slopes = asked.copy(), ask(asked)
        return slopes

    return least_squares(
        lambda asked: at(asked).residuals,
        np.clip(start, EDGE, 1 - EDGE),
        jac=lambda asked: at(asked).jacobian,
        bounds=(0.0, 1.0),
        loss="soft_l1",
        x_scale=SCALE,
        max_nfev=steps,
        xtol=1e-5,
        ftol=1e-5,
    )
