"""The default model: calibrated timing, and a correction as far as held-out rows speak for it.

Rows of held-out layer shapes, and of held-out hardware, decide three things: whether the calibrated constants are
better than the starting values, what share of the correction is applied, and how wide intervals are. What counts is the
error on *efficient* mappings, because those are what a search visits; whatever ranks them worse than the simpler model
is not used. With all of that refused, the model is the machine's timing as it was before anything was measured.
"""

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.stats import spearmanr
from torch import Tensor

from learned.calibration import MOST_ROWS as MOST_FIT_ROWS
from learned.calibration import Array, Calibration, calibrate, places, refine, uncalibrated
from learned.correction import Correction, Process, condition, fit_process, log_ratio, nothing
from learned.data import Samples, efficiency, group_folds, least_cycles
from learned.features import Features, features
from pipeline.hardware import HardwareTensors
from pipeline.machine.constants import Values
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine
from pipeline.mapping import LayerTensors, MappingTensors

COVERAGE = 0.9
Z_COVERAGE = 1.6449
"""Standard deviations that a normal distribution needs for ``COVERAGE``."""

FOLDS = 5
FOLD_STEPS = 15
EFFICIENT_SHARE = 0.4
"""Rows that count as efficient: the best of each table."""
LEAST_EFFICIENT = 8
SHARES = (0.0, 0.5, 1.0)
"""Shares of the correction that are tried."""
LEAST_CORRECTED_ROWS = 40
"""Fewer rows cannot say whether a correction helps."""
RANK_MARGIN = 0.001
"""Rank correlation that a more complex model may lose on efficient rows."""
LEAST_GAIN = 0.02
"""Share of the error that a more complex model must save."""
MOST_LOG_ERROR = 0.5
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
class _HeldOut:
    """Predictions of rows by fits that did not see their group; logarithms of measured over predicted cycles."""

    start: Float[Tensor, " n"]
    """Errors of the starting values."""
    calibrated: Float[Tensor, " n"]
    mean: Float[Tensor, " n"]
    """What the correction says of the calibrated errors."""
    variance: Float[Tensor, " n"]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights, and predictions of rows by fits that did not see their layer shape."""

    weights: Guarded
    rows: Samples
    cycles: Float[Tensor, " n"]
    cycles_std: Float[Tensor, " n"]


def fit(machine: Machine, samples: Samples, seed: int, *, corrected: bool) -> Fitted:
    """Fit constants and, with ``corrected``, a correction to ``samples``."""
    part = samples
    if len(samples) > MOST_FIT_ROWS:
        chosen = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))[:MOST_FIT_ROWS]
        part = samples[chosen]
    calibration = calibrate(machine, part, seed)
    known = _features(machine, calibration, part)
    process = None
    if corrected and known.values.shape[-1] and len(part) >= LEAST_CORRECTED_ROWS:
        process = fit_process(known, part.cycles, seed)
    tried = (_held_out(machine, part, calibration, process, groups, seed) for groups in _groups(part))
    seen = [held_out for held_out in tried if held_out is not None]
    used = all(_better(held_out.calibrated, held_out.start, part) for held_out in seen[:1]) or not machine.constants
    chosen_constants = calibration if used else uncalibrated(machine)
    share = min((_share(held_out, part) for held_out in seen), default=0.0) if used and process is not None else 0.0
    correction = nothing(known.values.shape[-1])
    if process is not None and share > 0:
        correction = condition(process, _features(machine, chosen_constants, samples), samples.cycles)
    weights = _with_intervals(chosen_constants, correction, share, used, seen, part)
    held = seen[0] if seen else _HeldOut(*[torch.zeros_like(part.cycles)] * 4)
    error = (held.calibrated if used else held.start) - share * held.mean
    cycles = part.cycles / error.exp()
    width = _interpolate(weights, (least_cycles(part.layers, part.hardware) / cycles).log())
    return Fitted(weights, part, cycles, cycles * width * _deviation(held.variance, share, weights.spread))


def _groups(samples: Samples) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
    return samples.shape_group, samples.hardware_group


def _with_intervals(
    calibration: Calibration,
    correction: Correction,
    share: float,
    used: bool,
    seen: list[_HeldOut],
    samples: Samples,
) -> Guarded:
    """Widths such that ``COVERAGE`` of the held-out rows of each efficiency lie inside (conformal prediction)."""
    errors, deviations, places_ = [], [], []
    base = (
        torch.stack([held.calibrated if used else held.start for held in seen])
        if seen
        else torch.zeros(1, len(samples))
    )
    spread = base.abs().quantile(COVERAGE) / Z_COVERAGE
    spread = spread.clamp(min=LEAST_DEVIATION)
    for held, error in zip(seen, base, strict=False):
        rest = error - share * held.mean
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


def _held_out(
    machine: Machine,
    samples: Samples,
    calibration: Calibration,
    process: Process | None,
    groups: Int[Tensor, " n"],
    seed: int,
) -> _HeldOut | None:
    """Predictions of each row without its group; None where there is but one group."""
    numbers: Tensor = torch.unique(groups, return_inverse=True)[1]
    if int(numbers.max()) < 1:
        return None
    fold = group_folds(numbers, FOLDS, seed)
    shape = samples.cycles.shape
    result = _HeldOut(*(torch.zeros(shape, dtype=torch.float64) for _ in range(4)))
    before = _features(machine, uncalibrated(machine), samples).base_cycles
    result.start[:] = (samples.cycles / before).log()
    # Half way back to the starting values: near enough to get there again, far enough not to remember the fold.
    start: Array = (places(machine, calibration) + places(machine, uncalibrated(machine))) / 2
    for number in range(int(fold.max()) + 1):
        inside, outside = fold == number, fold != number
        fitted = refine(machine, samples[outside], [start], FOLD_STEPS) if machine.constants else calibration
        known = _features(machine, fitted, samples)
        result.calibrated[inside] = (samples.cycles / known.base_cycles).log()[inside]
        if process is not None:
            correction = condition(process, known[outside], samples.cycles[outside])
            result.mean[inside], result.variance[inside] = log_ratio(correction, known.values[inside])
    return result


def _better(error: Float[Tensor, " n"], before: Float[Tensor, " n"], samples: Samples) -> bool:
    """Whether errors on efficient rows are smaller than before by ``LEAST_GAIN``, and their ranks no worse."""
    rows = _efficient(samples)
    size = (
        error[rows].abs().clamp(max=MOST_LOG_ERROR).mean()
        < (1 - LEAST_GAIN) * before[rows].abs().clamp(max=MOST_LOG_ERROR).mean()
    )
    return bool(size) and _rank(error, samples, rows) >= _rank(before, samples, rows) - RANK_MARGIN


def _share(held: _HeldOut, samples: Samples) -> float:
    """The largest share of the correction that is better than each smaller one."""
    best = 0.0
    for share in SHARES[1:]:
        if _better(held.calibrated - share * held.mean, held.calibrated - best * held.mean, samples):
            best = share
    return best


def _efficient(samples: Samples) -> Int[Tensor, " k"]:
    count = min(len(samples), max(LEAST_EFFICIENT, round(EFFICIENT_SHARE * len(samples))))
    return efficiency(samples).argsort(descending=True)[:count]


def _rank(error: Float[Tensor, " n"], samples: Samples, rows: Int[Tensor, " k"]) -> float:
    true = samples.cycles[rows].log()
    return float(spearmanr((true - error[rows]).numpy(), true.numpy()).statistic)


def values_of(machine: Machine, calibration: Calibration) -> Values:
    """The constants by name."""
    names = [constant.name for constant in machine.constants]
    return dict(zip(names, calibration.values.tolist(), strict=True))


def _features(machine: Machine, calibration: Calibration, samples: Samples) -> Features:
    with torch.no_grad():
        return features(machine, samples.layers, samples.mappings, samples.hardware, values_of(machine, calibration))


def predict(
    weights: Guarded, machine: Machine, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
) -> Latency:
    """Predicted cycles and their standard deviation."""
    values = values_of(machine, weights.calibration)
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
