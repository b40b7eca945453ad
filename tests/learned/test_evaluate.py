"""Scores, by hand."""

import pytest
import torch

from learned import evaluate
from learned.data import read_samples
from learned.evaluate import HeldOut, cross_validate
from pipeline.machine.latency import AnalyticalModel
from tests.learned.cases import rows, table
from tests.machines import GEMMINI

TRUE = torch.tensor([100.0, 200.0, 400.0, 50.0], dtype=torch.float64)


def test_coverage_counts_rows_inside_the_interval() -> None:
    std = torch.tensor([10.0, 10.0, 10.0, 10.0], dtype=torch.float64)
    predicted = TRUE + torch.tensor([16.0, -17.0, 0.0, 30.0], dtype=torch.float64)
    assert evaluate.coverage(predicted, std, TRUE) == 0.5


def test_rank_correlation_is_one_for_any_increasing_prediction() -> None:
    assert evaluate.spearman(TRUE.log(), TRUE) == pytest.approx(1.0)
    assert evaluate.spearman(-TRUE, TRUE) == pytest.approx(-1.0)
    assert evaluate.spearman(torch.ones_like(TRUE), TRUE) == 0.0


def test_perfect_predictions_have_perfect_scores() -> None:
    samples, _ = read_samples(table(rows(6, 4)), "sim.cycles", GEMMINI.template)
    scores = evaluate.scores(HeldOut(samples.cycles, samples.cycles * 0.1), samples)
    assert scores["median_error"] == 0.0
    assert scores["spearman"] == pytest.approx(1.0)
    assert scores["coverage_90"] == 1.0


def test_no_fold_sees_a_group_that_it_predicts() -> None:
    samples, _ = read_samples(table(rows(8, 4)), "sim.cycles", GEMMINI.template)
    seen: list[set[int]] = []

    def fit(part: object) -> AnalyticalModel:
        seen.append(set(part.shape_group.tolist()))  # type: ignore[attr-defined]
        return AnalyticalModel(GEMMINI)

    held_out = cross_validate(samples, samples.shape_group, fit, seed=0)
    everything = set(samples.shape_group.tolist())
    left_out = [everything - groups for groups in seen]
    assert sorted(group for groups in left_out for group in groups) == sorted(everything)
    assert torch.equal(held_out.cycles, evaluate.predict(AnalyticalModel(GEMMINI), samples).cycles)
