"""The model against 10,000 mappings that Timeloop and Accelergy evaluated."""

from functools import cache

import pandas as pd
import pytest
import torch

from pipeline.files import reference_data
from pipeline.machine.latency import AnalyticalModel
from pipeline.stages.estimate import estimate_table
from pipeline.table import read_table
from tests.machines import TIMELOOP

PATH = reference_data() / "timeloop_reference.csv.gz"
pytestmark = pytest.mark.skipif(not PATH.exists(), reason=f"the public evaluations are not here: no {PATH.name}")


@cache
def estimates() -> pd.DataFrame:
    return estimate_table(read_table(PATH), model=AnalyticalModel(TIMELOOP))


def percent_off(predicted: pd.Series, target: pd.Series) -> torch.Tensor:
    return torch.tensor(((predicted / target - 1) * 100).abs().to_numpy())


def test_every_row_of_the_reference_is_estimated() -> None:
    assert len(estimates()) == 10_000
    assert set(estimates()["error"]) == {""}


@pytest.mark.parametrize(
    ("predicted", "target", "unit", "mean", "worst"),
    [
        ("pred.cycles", "target.cycle", 1.0, 1e-5, 1e-3),
        ("pred.energy_uj", "target.energy", 1.0, 1e-4, 1e-2),
        ("pred.edp", "target.edp", 1e6, 1e-4, 1e-2),
        ("pred.area_mm2", "target.area", 1.0, 1e-2, 1e-1),
    ],
)
def test_estimates_equal_the_reference(predicted: str, target: str, unit: float, mean: float, worst: float) -> None:
    off = percent_off(estimates()[predicted], estimates()[target] * unit)
    assert off.mean().item() <= mean
    assert off.max().item() <= worst
