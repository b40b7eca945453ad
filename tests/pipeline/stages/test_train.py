"""A table of measured cycles becomes a model that estimates can use."""

from pathlib import Path

import pytest

from learned.store import load
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import MachineChoice, machine_of
from pipeline.stages.estimate import estimate_table
from pipeline.stages.models import load_latency_model, model_asked
from pipeline.stages.train import train_table
from tests.learned.cases import rows, simulated, table

SIMPLE = MachineChoice("gemmini", "simple")


def test_a_trained_model_records_its_data_and_estimates_a_table(tmp_path: Path) -> None:
    measured = simulated("single_buffer", found=False).head(60).assign(**{"sim.rtl_digest": "abc"})
    path = tmp_path / "model"
    scores = train_table(measured, path, kind="default", machine=SIMPLE, seed=3)
    about = load(path).metadata
    assert (about.kind, about.machine, about.seed, about.rtl_digest) == ("default", SIMPLE, 3, "abc")
    assert (about.target, about.dim_rule) == ("sim.cycles", "from-table")
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


def test_models_are_found_by_name_and_machine(tmp_path: Path) -> None:
    assert load_latency_model("analytical") == AnalyticalModel(machine_of("gemmini", "soc"))
    public = MachineChoice(partial_sums="drop")
    assert load_latency_model("analytical", public) == AnalyticalModel(public.find())
    path = tmp_path / "model"
    train_table(table(rows(6, 4)), path, kind="analytical")
    assert load_latency_model(str(path)).machine == machine_of("gemmini", "soc")
    assert model_asked(str(path), "rtl") == model_asked(str(path), memory="soc") == load_latency_model(str(path))
    for asked in ({"memory": "simple"}, {"platform": "timeloop"}, {"partial_sums": "drop"}):
        with pytest.raises(ValueError, match="model: is for gemmini on soc, not"):
            model_asked(str(path), **asked)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no such file"):
        load_latency_model("nothing")
    with pytest.raises(ValueError, match="unknown machine 'asic'; known: gemmini, timeloop"):
        load_latency_model("analytical", MachineChoice("asic"))
