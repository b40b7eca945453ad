"""The estimate stage: columns, order, errors, explanations."""

import math

import pandas as pd
import pytest

from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import Machine
from pipeline.mapping import Mapping
from pipeline.stages.estimate import PREDICTED, estimate_table, explain_text
from pipeline.table import Row, columns_of
from pipeline.workload import Layer
from tests.machines import MACHINES, TIMELOOP

LAYER = Layer(R=3, S=3, P=28, Q=28, C=64, K=64)
GOOD = "L3[WIO] K4 Q7 - L2[WI] N1 K16X - L1[O] S3 R3 C4 Q4 C16X - L0[W] P28"
WIDE = "L3[WIO] K2 Q7 - L2[WI] N1 K32X - L1[O] S3 R3 C4 Q4 C16X - L0[W] P28"


def table(*texts: str, machine: Machine = TIMELOOP) -> pd.DataFrame:
    hardware = machine.template.hardware(16, 64, 64)
    made = columns_of([Row(Mapping.parse(GOOD, LAYER), hardware)] * len(texts))
    return made.assign(**{"mapping.mapping": texts, "note": range(len(texts))})


def test_rows_keep_their_order_and_columns_and_gain_predictions() -> None:
    result = estimate_table(table(GOOD, GOOD), model=AnalyticalModel(TIMELOOP))
    assert list(result["note"]) == [0, 1]
    assert (result[list(PREDICTED)] > 0).all(axis=None)
    assert result["pred.edp"].equals(result["pred.cycles"] * result["pred.energy_uj"])
    assert list(result["error"]) == ["", ""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WIDE, "exceeds an array of dim 16"),
        ("L3[WIO] K4", "has 1 levels"),
        (GOOD.replace("Q7", "Q6"), "factor 2 is missing"),
    ],
)
def test_a_row_that_cannot_be_estimated_says_why_and_leaves_the_others(text: str, message: str) -> None:
    result = estimate_table(table(GOOD, text, GOOD), model=AnalyticalModel(TIMELOOP))
    assert list(result["error"] == "") == [True, False, True]
    assert message in result["error"][1]
    assert result.loc[1, list(PREDICTED)].isna().all()
    assert result.loc[0, "pred.cycles"] == result.loc[2, "pred.cycles"] > 0


def test_a_table_without_a_good_row_still_has_the_columns() -> None:
    result = estimate_table(table(WIDE), model=AnalyticalModel(TIMELOOP))
    assert set(PREDICTED) < set(result.columns)


@pytest.mark.parametrize("name", MACHINES)
def test_an_explanation_adds_up_to_the_estimate(name: str) -> None:
    result = estimate_table(
        table(GOOD, machine=MACHINES[name]), model=AnalyticalModel(MACHINES[name]), explain=True
    ).iloc[0]
    energy = [
        result[f"explain.energy_uj.{level}"] for level in ("mac", "register", "accumulator", "scratchpad", "dram")
    ]
    assert sum(energy) == pytest.approx(result["pred.energy_uj"])
    assert 0 < result["explain.kib.scratchpad_used"] <= result["explain.kib.scratchpad_size"]
    assert 0 < result["explain.kib.accumulator_used"] <= result["explain.kib.accumulator_size"]
    if name == "timeloop":
        roofs = {name: result[f"explain.cycles.{name}"] for name in ("compute", "accumulator", "scratchpad", "dram")}
        assert math.ceil(max(roofs.values()) - 1e-6) == result["pred.cycles"]
        assert roofs[result["explain.bound"]] == max(roofs.values())
    else:
        assert result["explain.rtl.cycles"] == result["pred.cycles"]


def test_the_text_names_each_row_its_bound_and_its_error() -> None:
    lines = explain_text(estimate_table(table(GOOD, WIDE), model=AnalyticalModel(TIMELOOP), explain=True)).splitlines()
    assert lines[0] == f"row 1: {GOOD}"
    assert any(line.startswith("  bound") for line in lines)
    assert lines[-2] == f"row 2: {WIDE}"
    assert "exceeds an array" in lines[-1]
