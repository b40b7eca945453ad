"""How good predictions are: rank, error, interval coverage, and what choosing by them costs."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.stats import spearmanr
from torch import Tensor

from learned.data import Samples, efficiency, group_folds
from learned.guarded import Z_COVERAGE
from pipeline.machine.latency import Latency, LatencyModel

FOLDS = 5


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Predictions of rows by models that did not see their group, in the order of the rows."""

    cycles: Float[Tensor, " n"]
    cycles_std: Float[Tensor, " n"] | None


def predict(model: LatencyModel, samples: Samples) -> Latency:
    """Predictions of ``samples`` without gradients."""
    with torch.no_grad():
        return model(samples.layers, samples.mappings, samples.hardware)


def cross_validate(
    samples: Samples, groups: Int[Tensor, " n"], fit: Callable[[Samples], LatencyModel], seed: int
) -> HeldOut:
    """Predictions of every row by a model fitted without its group, in ``FOLDS`` folds of whole groups."""
    fold = group_folds(groups, FOLDS, seed)
    cycles, deviation = torch.zeros_like(samples.cycles), None
    for number in range(int(fold.max()) + 1):
        held_out = fold == number
        latency = predict(fit(samples[~held_out]), samples[held_out])
        cycles[held_out] = latency.cycles
        if latency.cycles_std is not None:
            deviation = torch.zeros_like(cycles) if deviation is None else deviation
            deviation[held_out] = latency.cycles_std
    return HeldOut(cycles, deviation)


def scores(predicted: HeldOut, samples: Samples) -> dict[str, float]:
    """Scores of predictions: rank correlation, relative errors, bias, coverage of the 90 % interval."""
    true = samples.cycles
    error = (predicted.cycles / true - 1).abs()
    result = {
        "spearman": spearman(predicted.cycles, true),
        "median_error": float(error.median()),
        "p90_error": float(error.quantile(0.9)),
        "median_ratio": float((predicted.cycles / true).median()),
    }
    efficient = efficiency(samples) >= efficiency(samples).quantile(0.75)
    result["median_error_efficient"] = float(error[efficient].median())
    result["spearman_efficient"] = spearman(predicted.cycles[efficient], true[efficient])
    if predicted.cycles_std is not None:
        result["coverage_90"] = coverage(predicted.cycles, predicted.cycles_std, true)
    return result


def spearman(predicted: Float[Tensor, " n"], true: Float[Tensor, " n"]) -> float:
    """Spearman's rank correlation, 0 where it is undefined."""
    value = float(spearmanr(predicted.numpy(), true.numpy()).statistic)
    return 0.0 if math.isnan(value) else value


def coverage(predicted: Float[Tensor, " n"], std: Float[Tensor, " n"], true: Float[Tensor, " n"]) -> float:
    """Share of measured cycles inside the 90 % interval."""
    return float(((true - predicted).abs() <= Z_COVERAGE * std).to(torch.float64).mean())
