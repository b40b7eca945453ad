"""What rows of held-out groups say: of the constants, and of the correction on top of whichever base they chose.

Groups are layer shapes or hardware. What counts is the error on *efficient* mappings, because those are what a search
visits, and how they are ranked.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.stats import spearmanr
from torch import Tensor

from learned.box import Array, Box
from learned.calibration import Calibration, places, refit, uncalibrated
from learned.correction import Process, condition, log_ratio
from learned.data import Samples, efficiency, group_folds
from learned.features import Features, features
from learned.residuals import importance
from pipeline.machine.machine import Machine

FOLDS = 5
FOLD_STEPS = 15
EFFICIENT_SHARE = 0.4
"""Rows that count as efficient: the best of each table."""
LEAST_EFFICIENT = 8
SHARES = (0.0, 0.5, 1.0)
"""Shares of the correction that are tried."""
RANK_MARGIN = 0.001
"""Rank correlation that a more complex model may lose on efficient rows."""
LEAST_GAIN = 0.02
"""Share of the error that a more complex model must save."""
MOST_LOG_ERROR = 0.5


@dataclass(frozen=True, slots=True)
class Split:
    """Rows in folds of whole groups, and constants fitted without each fold. Errors are log(measured / predicted)."""

    fold: Int[Tensor, " n"]
    fitted: tuple[Float[Tensor, " k"], ...]
    """Constants by fold, from the rows outside it."""
    start: Float[Tensor, " n"]
    """Errors of the starting values."""
    calibrated: Float[Tensor, " n"]
    """Errors of the constants that did not see the row's group."""


@dataclass(frozen=True, slots=True)
class HeldOutErrors:
    """Errors of rows by fits that did not see their group."""

    base: Float[Tensor, " n"]
    """Of the chosen base."""
    mean: Float[Tensor, " n"]
    """What the correction says of them."""
    variance: Float[Tensor, " n"]

    def rest(self, share: float) -> Float[Tensor, " n"]:
        """What a share of the correction leaves."""
        return self.base - share * self.mean


def split_by(
    machine: Machine, samples: Samples, calibration: Calibration, groups: Int[Tensor, " n"], seed: int
) -> Split | None:
    """Constants fitted without each fold, beginning near ``calibration``; None where there is but one group."""
    numbers: Tensor = torch.unique(groups, return_inverse=True)[1]
    if int(numbers.max()) < 1:
        return None
    fold = group_folds(numbers, FOLDS, seed)
    start = uncalibrated(machine)
    # Half way back to the starting values: near enough to get there again, far enough not to remember the fold.
    begin: Array = (places(machine, calibration) + places(machine, start)) / 2
    parts = [torch.nonzero(fold != number)[:, 0] for number in range(int(fold.max()) + 1)]
    fitted = refit(machine, samples, parts, begin, FOLD_STEPS) if machine.constants else [start.values for _ in parts]
    before = (samples.cycles / features_of(machine, start.values, samples).base_cycles).log()
    after = before.clone()
    for number, constants in enumerate(fitted):
        inside = fold == number
        after[inside] = (samples.cycles / features_of(machine, constants, samples).base_cycles).log()[inside]
    return Split(fold, tuple(fitted), before, after)


def corrected(machine: Machine, samples: Samples, split: Split, process: Process | None, used: bool) -> HeldOutErrors:
    """Errors of the base (the fitted constants where ``used``), and what ``process`` says of each without its group."""
    base = split.calibrated if used else split.start
    result = HeldOutErrors(base, torch.zeros_like(base), torch.zeros_like(base))
    if process is None:
        return result
    known = features_of(machine, uncalibrated(machine).values, samples)
    for number, constants in enumerate(split.fitted):
        inside, outside = split.fold == number, split.fold != number
        if used:
            known = features_of(machine, constants, samples)
        correction = condition(process, known[outside], samples.cycles[outside])
        result.mean[inside], result.variance[inside] = log_ratio(correction, known.values[inside])
    return result


def features_of(machine: Machine, values: Float[Tensor, " k"], samples: Samples) -> Features:
    """Features of rows by a machine with such constants."""
    by_name = Box(machine.constants).by_name(values)
    with torch.no_grad():
        return features(machine, samples.layers, samples.mappings, samples.hardware, by_name)


def is_better(error: Float[Tensor, " n"], before: Float[Tensor, " n"], samples: Samples) -> bool:
    """Whether errors are smaller than before by ``LEAST_GAIN``, and the ranks of efficient rows no worse.

    Rows count by their efficiency (``importance``). Few rows differ by chance: the gain over all must exceed its
    standard error, efficient rows may lose no more than theirs, and ranks ``RANK_MARGIN``, a swap of two neighbours or
    the standard error of their correlation, (1 - rho^2) / sqrt(n).
    """
    rows = _efficient(samples)
    size, size_before = (part.abs().clamp(max=MOST_LOG_ERROR) for part in (error, before))
    gain, weight = size_before - size, importance(samples).square()
    weight = weight / weight.sum()
    mean = (weight * gain).sum()
    chance = (weight * (gain - mean)).square().sum().sqrt()
    more = mean > torch.maximum(chance, LEAST_GAIN * (weight * size_before).sum())
    kept = gain[rows].mean() > -gain[rows].std() / len(rows) ** 0.5
    rank, rank_before = (_rank(part, samples, rows) for part in (error, before))
    swap = 12 / (len(rows) ** 3 - len(rows))
    margin = max(RANK_MARGIN, swap, (1 - rank_before**2) / len(rows) ** 0.5)
    return bool(more & kept) and rank >= rank_before - margin - 1e-9


def best_share(held: HeldOutErrors, samples: Samples) -> float:
    """The largest share of the correction that is better than each smaller one, for as many efficient rows as not.

    So a few rows that the timing misjudges altogether do not pay for noise on those that it has right.
    """
    best = 0.0
    for share in SHARES[1:]:
        error, before = held.rest(share), held.rest(best)
        gain = (before.abs() - error.abs())[_efficient(samples)]
        if is_better(error, before, samples) and (gain > 0).sum() >= (gain < 0).sum():
            best = share
    return best


def _efficient(samples: Samples) -> Int[Tensor, " k"]:
    count = min(len(samples), max(LEAST_EFFICIENT, round(EFFICIENT_SHARE * len(samples))))
    return efficiency(samples).argsort(descending=True)[:count]


def _rank(error: Float[Tensor, " n"], samples: Samples, rows: Int[Tensor, " k"]) -> float:
    true = samples.cycles[rows].log()
    return float(spearmanr((true - error[rows]).numpy(), true.numpy()).statistic)
