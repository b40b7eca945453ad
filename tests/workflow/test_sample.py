"""Choosing mappings to measure: before the first search, and after each."""

import pandas as pd
import pytest

from pipeline.hardware import Hardware
from pipeline.machine.capacity import check_fits
from pipeline.machine.latency import AnalyticalModel
from pipeline.stages.collect import collect_tables
from pipeline.stages.draws import crop
from pipeline.stages.estimate import estimate_table
from pipeline.stages.reference import tiled_table
from pipeline.stages.sample import sample_table
from pipeline.stages.select import PROMISING, select_table
from pipeline.table import Row, rows_of
from pipeline.workload import Layer, load_workload
from tests.machines import GEMMINI

HARDWARE = GEMMINI.template.hardware(8, 64, 32)
MAX_CYCLES = 200_000
MODEL = AnalyticalModel(GEMMINI)


def sample(seed: int = 0, **changes) -> pd.DataFrame:
    options = {"points": 40, "max_cycles": MAX_CYCLES, "random": 0.4, "constructive": 0.5, "evaluations": 5}
    return sample_table([load_workload("bert")], HARDWARE, GEMMINI, seed=seed, **(options | changes))


@pytest.fixture(scope="module")
def points():
    return sample()


def test_every_sampled_mapping_is_legal_and_fits_its_hardware(points):
    rows = rows_of(points, GEMMINI.template)
    assert len(rows) == 40
    for row in rows:
        assert isinstance(row, Row)
        check_fits(row.mapping, HARDWARE, GEMMINI)


def test_sampled_mappings_are_expected_to_stay_below_the_cycle_limit(points):
    assert (estimate_table(points, model=MODEL)["pred.cycles"] <= MAX_CYCLES).all()


def test_no_mapping_is_sampled_twice(points):
    assert not points.duplicated([c for c in points if c.startswith(("prob.", "mapping."))]).any()


def test_sampled_mappings_cover_slow_and_fast_ones(points):
    cycles = estimate_table(points, model=MODEL)["pred.cycles"]
    macs = points[[f"prob.{dim}" for dim in "RSPQCKN"]].prod(axis=1)
    utilisation = macs / (cycles * HARDWARE.dim**2)
    assert utilisation.min() < 0.1
    assert utilisation.max() > 0.6


def test_the_same_seed_gives_the_same_sample_and_another_seed_another(points):
    pd.testing.assert_frame_equal(sample(), points)
    assert set(sample(seed=1)["mapping.mapping"]) != set(points["mapping.mapping"])


def test_a_limit_that_nothing_keeps_is_named():
    with pytest.raises(ValueError, match="max_cycles"):
        sample(max_cycles=1)


@pytest.mark.parametrize("limit", [1, 1000, 10**6, 10**12])
def test_a_cropped_layer_is_below_the_limit_or_as_small_as_it_gets(limit):
    layer = crop(Layer(R=3, S=3, P=56, Q=40, C=64, K=128), limit)
    assert layer.macs <= limit or (layer.P, layer.Q, layer.C, layer.K) == (1, 1, 1, 1)
    assert (layer.R, layer.S) == (3, 3)


def found(hardware: Hardware, candidate: str) -> pd.DataFrame:
    networks = {"network": "bert", "network.weight": 1.0}
    return tiled_table(load_workload("bert"), GEMMINI, hardware).assign(candidate=candidate, **networks)


def test_a_selection_holds_designs_tiled_mappings_and_promising_uncertain_ones():
    designs = [found(HARDWARE, "s0"), found(GEMMINI.template.hardware(8, 128, 32), "s1")]
    table = select_table(designs, model=MODEL, tiled=True, uncertain=5, max_cycles=10**9, seed=0)
    counts = table["sample.origin"].value_counts().to_dict()
    layers = len(designs[0])
    assert counts == {"found": 2 * layers, "tiled": 2 * layers, "uncertain": 5}
    assert set(table.loc[table["sample.origin"] == "found", "candidate"]) == {"s0", "s1"}
    best = table[table["sample.origin"] == "found"].groupby("layer.name")["pred.cycles"].max()
    extra = table[table["sample.origin"] == "uncertain"]
    assert (extra["pred.cycles"] <= extra["layer.name"].map(best) * PROMISING).all()


def measured(points: pd.DataFrame) -> pd.DataFrame:
    cycles = estimate_table(points, model=MODEL)["pred.cycles"].round()
    return points.assign(**{"sim.cycles": cycles, "error": ""})


def test_a_round_joins_the_data_with_predictions_made_before_it(points):
    before, _ = collect_tables(None, [measured(points.head(10))], 0, {})
    fresh = measured(points.iloc[5:20])
    fresh.loc[fresh.index[-1], "error"] = "out of cycles"
    table, failed = collect_tables(before, [fresh], 1, {"analytical": MODEL})
    assert failed == ["out of cycles"]
    assert table["round"].tolist() == [0] * 10 + [1] * 9
    assert table.loc[table["round"] == 0, "pred.analytical.cycles"].isna().all()
    late = table[table["round"] == 1]
    assert (late["pred.analytical.cycles"] - late["sim.cycles"]).abs().max() <= 0.5
