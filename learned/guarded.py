"""The default model: calibrated timing, and a correction as far as held-out rows speak for it.

Rows of held-out layer shapes, and of held-out hardware, decide three things: whether the calibrated constants are
better than the starting values, what share of the correction is applied, and how wide intervals are. What counts is the
error on *efficient* mappings, because those are what a search visits; whatever ranks them worse than the simpler model
is not used. With all of that refused, the model is the machine's timing as it was before anything was measured.
"""

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from learned.box import Box
from learned.calibration import MOST_ROWS as MOST_FIT_ROWS
from learned.calibration import Calibration, calibrate, uncalibrated
from learned.correction import Correction, condition, fit_process, log_ratio, nothing
from learned.data import Samples, least_cycles
from learned.features import features
from learned.held_out import HeldOutErrors, best_share, corrected, features_of, is_better, split_by
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors

COVERAGE = 0.9
Z_COVERAGE = 1.6449
"""Standard deviations that a normal distribution needs for ``COVERAGE``."""

LEAST_CORRECTED_ROWS = 40
"""Fewer rows cannot say whether a correction helps."""
KNOTS = 4
"""Efficiencies between which the width of intervals is interpolated."""
ROWS_PER_KNOT = 500
"""Held-out rows that a knot needs: widths of the most efficient of a small table are too narrow for searched rows."""
LEAST_DEVIATION = 0.003


@dataclass(frozen=True, slots=True)
class Guarded:
    """Everything that a prediction needs."""

    calibration: Calibration
    correction: Correction
    share: Float[Tensor, ""]
    """Share of the correction that is applied, 0 to 1."""
    knots: Float[Tensor, " j"]
    """Logarithms of predicted efficiency, rising."""
    widths: Float[Tensor, " j"]
    """Factors on the standard deviation at the knots."""
    spread: Float[Tensor, ""]
    """Standard deviation of the log error without a correction."""
    used: Float[Tensor, ""]
    """1 where the calibrated constants are used, 0 where held-out rows spoke against them."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights, and predictions of rows by fits that did not see their layer shape."""

    weights: Guarded
    rows: Samples
    cycles: Float[Tensor, " n"]
    cycles_std: Float[Tensor, " n"]


def fit(machine: Machine, samples: Samples, seed: int, *, with_correction: bool) -> Fitted:
    """Fit constants and, with ``with_correction``, a correction to ``samples``."""
    part = samples
    if len(samples) > MOST_FIT_ROWS:
        drawn = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))[:MOST_FIT_ROWS]
        part = samples[drawn]
    calibration = calibrate(machine, part, seed)
    tried = [split_by(machine, part, calibration, groups, seed) for groups in (part.shape_group, part.hardware_group)]
    splits = [split for split in tried if split is not None]
    used = not machine.constants or all(is_better(split.calibrated, split.start, part) for split in splits)
    chosen = calibration if used else uncalibrated(machine)
    known = features_of(machine, chosen.values, part)
    process = None
    if with_correction and known.values.shape[-1] and len(part) >= LEAST_CORRECTED_ROWS:
        process = fit_process(known, part.cycles, seed)
    seen = [corrected(machine, part, split, process, used) for split in splits]
    share = min((best_share(held, part) for held in seen), default=0.0)
    correction = nothing(known.values.shape[-1])
    if process is not None and share > 0:
        correction = condition(process, features_of(machine, chosen.values, samples), samples.cycles)
    weights = _with_intervals(chosen, correction, share, used, seen, part)
    held = seen[0] if seen else HeldOutErrors(*[torch.zeros_like(part.cycles)] * 3)
    cycles = part.cycles / held.rest(share).exp()
    width = _interpolate(weights, (least_cycles(part.layers, part.hardware) / cycles).log())
    return Fitted(weights, part, cycles, cycles * width * _deviation(held.variance, share, weights.spread))


def _with_intervals(
    calibration: Calibration,
    correction: Correction,
    share: float,
    used: bool,
    seen: list[HeldOutErrors],
    samples: Samples,
) -> Guarded:
    """Widths such that ``COVERAGE`` of the held-out rows of each efficiency lie inside (conformal prediction)."""
    errors, deviations, places_ = [], [], []
    base = torch.cat([held.base for held in seen]) if seen else torch.zeros_like(samples.cycles)
    spread = base.abs().quantile(COVERAGE) / Z_COVERAGE
    spread = spread.clamp(min=LEAST_DEVIATION)
    for held in seen:
        rest = held.rest(share)
        errors.append(rest.abs())
        deviations.append(_deviation(held.variance, share, spread))
        least = least_cycles(samples.layers, samples.hardware)
        places_.append((least / samples.cycles).log() + rest)
    zero = torch.zeros((), dtype=torch.float64)
    if not errors:
        knots, widths = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    else:
        units = len(set(samples.shape_group.tolist()))
        knots, widths = _widths(torch.cat(errors) / torch.cat(deviations), torch.cat(places_), units)
    return Guarded(calibration, correction, zero + share, knots, widths, spread, zero + float(used))


def _widths(
    score: Float[Tensor, " n"], place: Float[Tensor, " n"], units: int
) -> tuple[Float[Tensor, " j"], Float[Tensor, " j"]]:
    """Knots and widths. Rows of one layer shape err together, so the finite sample is of ``units`` shapes, not rows."""
    order = place.argsort()
    count = max(1, min(KNOTS, len(score) // ROWS_PER_KNOT))
    knots, widths = [], []
    for part in torch.tensor_split(order, count):
        level = min(1.0, COVERAGE * (units + 1) / units)
        knots.append(place[part].median())
        widths.append(score[part].quantile(level) / Z_COVERAGE)
    return torch.stack(knots), torch.stack(widths)


def _deviation(variance: Float[Tensor, "*b"], share: float | Tensor, spread: Tensor) -> Float[Tensor, "*b"]:
    """Standard deviation of the log error before it is widened."""
    return (share * variance + (1 - share) * spread.square()).sqrt().clamp(min=LEAST_DEVIATION)


def predict(
    weights: Guarded, machine: Machine, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
) -> Latency:
    """Predicted cycles and their standard deviation."""
    values = Box(machine.constants).by_name(weights.calibration.values)
    least = layers.size.prod(-1) / hardware.dim.square()
    if float(weights.share) == 0.0:
        cycles = machine.latency(layers, mappings, hardware, values)
        deviation = weights.spread.expand(cycles.shape)
    else:
        known = features(machine, layers, mappings, hardware, values)
        mean, variance = log_ratio(weights.correction, known.values)
        cycles = known.base_cycles * (weights.share * mean).exp()
        deviation = _deviation(variance, weights.share, weights.spread)
    cycles = torch.maximum(cycles, least.broadcast_to(cycles.shape))
    width = _interpolate(weights, (least_cycles(layers, hardware) / cycles).log().detach())
    return Latency(cycles, cycles * deviation * width)


def _interpolate(weights: Guarded, place: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Width at a logarithm of efficiency, that of the last knot beyond."""
    knots, widths = weights.knots, weights.widths
    if len(knots) == 1:
        return widths[0].expand(place.shape)
    upper = torch.searchsorted(knots, place.contiguous()).clamp(1, len(knots) - 1)
    low, high = knots[upper - 1], knots[upper]
    part = ((place - low) / (high - low).clamp(min=1e-9)).clamp(0.0, 1.0)
    return widths[upper - 1] + part * (widths[upper] - widths[upper - 1])


def tensors(weights: Guarded) -> dict[str, Tensor]:
    """All weights by name, to store."""
    parts = {
        f"{name}.{field.name}": getattr(getattr(weights, name), field.name)
        for name in ("calibration", "correction")
        for field in dataclasses.fields(getattr(weights, name))
    }
    return parts | {name: getattr(weights, name) for name in ("share", "knots", "widths", "spread", "used")}


def from_tensors(found: dict[str, Tensor]) -> Guarded:
    """Weights from their tensors. Raises KeyError when one is missing."""
    calibration = Calibration(*(found[f"calibration.{field.name}"] for field in dataclasses.fields(Calibration)))
    correction = Correction(*(found[f"correction.{field.name}"] for field in dataclasses.fields(Correction)))
    return Guarded(calibration, correction, *(found[name] for name in ("share", "knots", "widths", "spread", "used")))
