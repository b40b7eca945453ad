"""A table of measured cycles becomes a model that estimates can use."""

from pathlib import Path

import pytest

from learned.store import load
from pipeline.machine.analytical import AnalyticalModel
from pipeline.stages.estimate import estimate_table
from pipeline.stages.models import load_latency_model
from pipeline.stages.train import train_table
from tests.learned.cases import rows, table


def test_a_trained_model_records_its_data_and_estimates_a_table(tmp_path: Path) -> None:
    measured = table(rows(8, 6)).assign(**{"sim.rtl_digest": "abc"})
    path = tmp_path / "model"
    scores = train_table(measured, path, kind="default", seed=3)
    about = load(path).metadata
    assert (about.kind, about.platform, about.seed, about.rtl_digest) == ("default", "rtl", 3, "abc")
    assert (about.target, about.partial_sums, about.dim_rule) == ("sim.cycles", "spill", "from-table")
    assert about.rows == scores["rows"]
    assert about.scores.items() <= scores.items()
    estimated = estimate_table(measured, model=load_latency_model(str(path)))
    assert (estimated["error"] == "").all()
    assert ((estimated["pred.cycles"] / measured["sim.cycles"] - 1).abs()).median() < 0.1
    assert (estimated["pred.cycles_std"] > 0).all()


def test_bad_data_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="usable rows"):
        train_table(table(rows(1, 4)), tmp_path / "model", kind="default")
    with pytest.raises(ValueError, match="unknown kind of model 'magic'"):
        train_table(table(rows(6, 4)), tmp_path / "model", kind="magic")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_models_are_found_by_name_and_platform(tmp_path: Path) -> None:
    assert load_latency_model("analytical") == AnalyticalModel("timeloop")
    assert load_latency_model("analytical", "rtl", "drop") == AnalyticalModel("rtl", "drop")
    path = tmp_path / "model"
    train_table(table(rows(6, 4)), path, kind="analytical")
    assert load_latency_model(str(path)).platform == "rtl"
    with pytest.raises(ValueError, match="was trained for platform rtl, not timeloop"):
        load_latency_model(str(path), "timeloop")
    with pytest.raises(ValueError, match="no such file"):
        load_latency_model("nothing")
    with pytest.raises(ValueError, match="unknown platform 'asic'"):
        load_latency_model("analytical", "asic")  # type: ignore[arg-type]
