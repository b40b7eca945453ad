"""The default model: the accelerator view times a learned correction that stays near the data.

log cycles = log(view) + trust * headroom * correction, with the correction a Gaussian process on execution features.
``trust`` is 1 within ``RADIUS`` length scales of a support row and falls to 0 beyond, where the prediction is the
analytical model again and the uncertainty is that model's own spread. ``headroom`` is how much of the view is waiting
for memory: where there is little to be wrong about, inefficient training rows change little.
No prediction is below the cycles that the array needs for the multiply-accumulates. The scale of the uncertainty is
calibrated on rows of held-out layer shapes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from learned import gp
from learned.data import Samples, efficiency, group_folds
from learned.features import Features, features
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine
from pipeline.mapping import LayerTensors, MappingTensors

RADIUS = 3.0
"""Distance to the nearest support row up to which the correction is trusted fully, in length scales."""

COVERAGE = 0.9
Z_COVERAGE = 1.6449
"""Standard deviations that a normal distribution needs for ``COVERAGE``."""

FOLDS = 5
FIT_ROWS, CALIBRATION_ROWS = 350, 200
"""Rows that hyperparameters are fitted on, at most: for the model, and for each fit that calibrates it."""

LEAST_IMPORTANCE, MOST_IMPORTANCE = 0.2, 5.0
LEAST_SCALE = 1e-3
CONSTANT_SCALE = 0.1
"""Scale of a feature that does not vary in the data: any other value of it is soon far away."""

CHUNK = 2048
"""Rows predicted at once: what stays in the processor's caches."""


@dataclass(frozen=True, slots=True)
class Correction:
    """Weights of the correction, in the precision that predictions use."""

    mean: Float[Tensor, " f"]
    scale: Float[Tensor, " f"]
    """Features are standardised as (value - mean) / scale."""
    length: Float[Tensor, " f"]
    """Length scales of the standardised features."""
    support: Float[Tensor, "m f"]
    weight: Float[Tensor, " m"]
    linear: Float[Tensor, " f1"]
    root: Float[Tensor, "m r"]
    signal: Float[Tensor, ""]
    linear_variance: Float[Tensor, ""]
    noise: Float[Tensor, ""]
    spread: Float[Tensor, ""]
    """Standard deviation of the analytical model's log error, as its ``COVERAGE`` quantile says."""
    inflation: Float[Tensor, ""]
    """Calibrated factor on the standard deviation."""


def importance(samples: Samples) -> Float[Tensor, " n"]:
    """How much each row counts: the square root of its efficiency relative to the median."""
    value = efficiency(samples)
    return (value / value.median()).sqrt().clamp(LEAST_IMPORTANCE, MOST_IMPORTANCE)


def fit(samples: Samples, machine: Machine, seed: int) -> Correction:
    """Fit the correction, its uncertainty calibrated by fits that did not see the layer shapes they predict."""
    with torch.no_grad():
        known = features(samples.layers, samples.mappings, samples.hardware, machine)
    score = torch.zeros_like(samples.cycles)
    fold = group_folds(samples.shape_group, FOLDS, seed)
    for number in range(int(fold.max()) + 1):
        held_out = fold == number
        fitted = _fit(samples[~held_out], known[~held_out], CALIBRATION_ROWS, seed)
        score[held_out] = _score(apply(fitted, known[held_out]), samples.cycles[held_out])
    return _inflated(_fit(samples, known, FIT_ROWS, seed), score.quantile(COVERAGE) / Z_COVERAGE)


def _fit(samples: Samples, known: Features, most_rows: int, seed: int) -> Correction:
    """Fit the correction to ``samples`` with features ``known``, its uncertainty as the process has it."""
    mean, scale = known.values.mean(0), known.values.std(0, correction=0)
    scale = torch.where(scale < LEAST_SCALE, torch.full_like(scale, CONSTANT_SCALE), scale)
    x = (known.values - mean) / scale
    wanted = (samples.cycles / known.base_cycles).log() / known.headroom
    hyper, precision = gp.fit(x, wanted, importance(samples), known.headroom.square(), most_rows, seed)
    posterior = gp.condition(hyper, x, wanted, precision)
    spread = (samples.cycles / known.base_cycles).log().abs().quantile(COVERAGE) / Z_COVERAGE
    parts = (mean, scale, hyper.length.exp(), posterior.support, posterior.weight, posterior.linear, posterior.root)
    scalars = (hyper.signal.exp(), hyper.linear.exp(), hyper.noise.exp(), spread, torch.ones_like(spread))
    return Correction(*(part.to(torch.float32) for part in (*parts, *scalars)))


def _score(latency: Latency, cycles: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    assert latency.cycles_std is not None
    return (cycles - latency.cycles).abs() / latency.cycles_std


def _inflated(correction: Correction, factor: Float[Tensor, ""]) -> Correction:
    values = {name: getattr(correction, name) for name in Correction.__slots__}
    return Correction(**(values | {"inflation": factor.to(torch.float32)}))


def predict(
    correction: Correction,
    layers: LayerTensors,
    mappings: MappingTensors,
    hardware: HardwareTensors,
    machine: Machine,
) -> Latency:
    """Predicted cycles and their standard deviation."""
    known = features(layers, mappings, hardware, machine)
    latency = apply(correction, known)
    least = (layers.size.prod(-1) / hardware.dim.square()).broadcast_to(latency.cycles.shape)
    return Latency(torch.maximum(latency.cycles, least), latency.cycles_std)


def apply(correction: Correction, known: Features) -> Latency:
    """The correction applied to the analytical latency of ``known``, ``CHUNK`` rows at a time."""
    flat = known.values.reshape(-1, known.values.shape[-1]).to(torch.float32)
    headroom = known.headroom.reshape(-1).to(torch.float32)
    chunks = zip(torch.split(flat, CHUNK), torch.split(headroom, CHUNK), strict=True)
    parts = [_log_ratio(correction, *chunk) for chunk in chunks]
    mean, deviation = (torch.cat(column).reshape(known.base_cycles.shape) for column in zip(*parts, strict=True))
    cycles = known.base_cycles * mean.to(torch.float64).exp()
    return Latency(cycles, cycles * deviation.to(torch.float64))


def _log_ratio(
    correction: Correction, values: Float[Tensor, "n f"], headroom: Float[Tensor, " n"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Logarithm of latency over analytical latency, and its calibrated standard deviation."""
    x = (values - correction.mean) / correction.scale
    squared = gp.squared_distance(x / correction.length, correction.support)
    smooth = gp.correlation(squared)
    mean = smooth @ correction.weight + gp.with_one(x) @ correction.linear
    trusted = trust(squared.amin(-1))
    far = (1 - trusted) * correction.spread
    variance = headroom.square() * _variance(correction, x, smooth) + far.square() + correction.noise
    return headroom * trusted * mean, correction.inflation * variance.sqrt()


def trust(squared: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Share of the correction that is applied, by squared scaled distance to the nearest support row."""
    edge = gp.correlation(torch.full_like(squared, RADIUS**2))
    return (gp.correlation(squared) / edge).clamp(max=1.0)


def _variance(correction: Correction, x: Float[Tensor, "n f"], smooth: Float[Tensor, "n m"]) -> Float[Tensor, " n"]:
    """Posterior variance of the process."""
    extended = gp.with_one(x)
    raw_support = gp.with_one(correction.support * correction.length)
    cross = correction.signal * smooth + correction.linear_variance * (extended @ raw_support.mT)
    prior = correction.signal + correction.linear_variance * extended.square().sum(-1)
    return (prior - (cross @ correction.root).square().sum(-1)).clamp(min=0.0)
