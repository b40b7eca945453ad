"""The default model on the public FPGA measurements, judged on layer shapes that it did not see."""

import pytest
import torch

from learned import model
from learned.data import Samples, efficiency, group_folds, read_samples
from learned.evaluate import FOLDS, cross_validate, predict, scores, spearman
from learned.model import Metadata, TrainedModel
from pipeline.files import reference_data
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import MachineChoice
from pipeline.table import read_table
from tests.machines import GEMMINI, TIMELOOP

PATH = reference_data() / "firesim_gemmini.csv.gz"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not PATH.is_file(), reason="the public measurements are not there (set DOSA_HIL_DATA)"),
]


@pytest.fixture(scope="module")
def samples() -> Samples:
    return read_samples(read_table(PATH), "target.cycle", GEMMINI.template, "from-mapping")[0]


def _fit(samples: Samples) -> TrainedModel:
    return model.fit(samples, Metadata("default", MachineChoice(partial_sums="drop"), "from-mapping", 0))


def test_held_out_shapes_are_ranked_and_predicted(samples: Samples) -> None:
    result = scores(cross_validate(samples, samples.shape_group, _fit, 0), samples)
    assert result["spearman"] >= 0.97
    assert result["median_error"] <= 0.20
    assert 0.85 <= result["coverage_90"] <= 0.95


def test_more_efficient_rows_than_any_trained_on_are_ranked_better_than_analytically(samples: Samples) -> None:
    value = efficiency(samples)
    top = value >= value.quantile(0.8)
    held_out = top & (group_folds(samples.shape_group, FOLDS, 0) == 0)
    fitted = _fit(samples[~top & (group_folds(samples.shape_group, FOLDS, 0) != 0)])
    asked = samples[held_out]
    cycles = predict(fitted, asked).cycles
    timeloop = predict(AnalyticalModel(TIMELOOP), asked).cycles
    assert spearman(cycles, asked.cycles) > spearman(timeloop, asked.cycles)
    errors = [(estimate / asked.cycles - 1).abs().median() for estimate in (cycles, timeloop)]
    assert errors[0] < errors[1]
    assert 0.9 < torch.median(cycles / asked.cycles) < 1.1
