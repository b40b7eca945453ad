"""EDP-area fronts."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated

from pipeline.machine.latency import AnalyticalModel
from pipeline.search.pareto import front, on_front
from pipeline.stages.pareto import run_pareto
from tests.machines import TIMELOOP


def test_front_drops_dominated_points_only():
    first, second = np.array([[1.0, 5.0], [2.0, 4.0], [3.0, 4.0], [4.0, 1.0], [4.0, 1.0]]).T
    assert on_front(first, second).tolist() == [True, True, False, True, True]
    assert front(first, second).tolist() == [0, 1, 3]
    assert front(np.array([]), np.array([])).tolist() == []


@pytest.mark.parametrize("seed", range(5))
def test_front_is_that_of_an_outside_library(seed):
    """Few different values, so that many points share one or both costs."""
    points = np.random.default_rng(seed).integers(1, 12, (60, 2)).astype(float)
    expected = is_non_dominated(torch.tensor(-points), deduplicate=False)
    assert on_front(*points.T).tolist() == expected.tolist()
    best = points[front(*points.T)]
    assert best.tolist() == np.unique(points[expected.numpy()], axis=0).tolist()


def test_areas_fall_from_point_to_point(small):
    table = run_pareto(small, evaluations=120, points=3, model=AnalyticalModel(TIMELOOP), seed=0)
    assert len(table) == 3
    areas = table["area_mm2"].tolist()
    assert all(after <= 0.7 * before for before, after in itertools.pairwise(areas))
    assert isinstance(table["on_front"], pd.Series)
    assert table["on_front"].iloc[-1]
