"""EDP-area fronts."""

import itertools

import pandas as pd

from pipeline.machine.latency import AnalyticalModel
from pipeline.search.pareto import front
from pipeline.stages.pareto import run_pareto
from tests.machines import TIMELOOP


def test_front_drops_dominated_points_only():
    assert front([(1.0, 5.0), (2.0, 4.0), (3.0, 4.0), (4.0, 1.0), (4.0, 1.0)]) == [True, True, False, True, True]


def test_areas_fall_from_point_to_point(small):
    table = run_pareto(small, evaluations=120, points=3, model=AnalyticalModel(TIMELOOP), seed=0)
    assert len(table) == 3
    areas = table["area_mm2"].tolist()
    assert all(after <= 0.7 * before for before, after in itertools.pairwise(areas))
    assert isinstance(table["on_front"], pd.Series)
    assert table["on_front"].iloc[-1]
