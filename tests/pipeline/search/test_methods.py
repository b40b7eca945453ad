"""Whole searches: limits, counts, repeatability, resuming, files."""

import json
from dataclasses import dataclass

import pandas as pd
import pytest
import torch

from pipeline.choices import METHODS, load
from pipeline.hardware import HardwareTensors
from pipeline.machine.capacity import check_fits
from pipeline.machine.gemmini.tiler import default_mapping
from pipeline.machine.latency import AnalyticalModel, Latency
from pipeline.machine.machine import Machine, with_area
from pipeline.search import driver
from pipeline.search.constraints import Constraints
from pipeline.search.driver import search
from pipeline.search.methods.gradient import Gradient, GradientSettings
from pipeline.search.methods.random_search import RandomSearch
from pipeline.search.problem import Problem
from pipeline.stages.search import run_search
from pipeline.table import Row, rows_of
from pipeline.workload import Layer, Workload, WorkloadLayer
from tests.machines import GEMMINI, MACHINES, TIMELOOP

SEARCHES = ("gradient", "published", "random", "bayesian", "genetic")


def run(workload, method="gradient", evaluations=300, machine="timeloop", seed=1, **options):
    return run_search(
        workload, method=method, evaluations=evaluations, model=AnalyticalModel(MACHINES[machine]), seed=seed, **options
    )


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("method", SEARCHES)
def test_methods_stay_within_their_evaluations_and_give_designs_that_fit(small, method, machine):
    result = run(small, method, machine=machine)
    assert 0 < result.evaluations <= 300 * 1.01
    for mapping in result.mappings:
        check_fits(mapping, result.hardware, MACHINES[machine])
    assert [p.edp for p in result.trace] == sorted((p.edp for p in result.trace), reverse=True)
    assert result.trace[-1].edp == pytest.approx(result.edp)


@pytest.mark.parametrize("method", SEARCHES)
def test_the_same_seed_gives_the_same_result(small, method):
    first, second, other = run(small, method), run(small, method), run(small, method, seed=2)
    assert first.mappings == second.mappings
    assert [(p.evaluations, p.edp) for p in first.trace] == [(p.evaluations, p.edp) for p in second.trace]
    assert [p.edp for p in other.trace] != [p.edp for p in first.trace]


def test_gradient_search_beats_random_search(small):
    assert run(small, "gradient", 500).edp < run(small, "random", 500).edp


def test_the_mapper_finds_the_best_mapping_of_a_small_layer():
    layer = Layer(R=1, S=1, P=4, Q=1, C=4, K=6)
    workload = Workload("tiny", "test", (WorkloadLayer("layer", layer, 1),))
    searched = run(workload, "gradient", 600, fix_hardware=(2, 1.0, 1.0))
    drawn = run(workload, "random", 20_000, fix_hardware=(2, 1.0, 1.0))
    assert searched.edp <= drawn.edp * (1 + 1e-9)


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ({"fix_dim": 8}, lambda r: r.hardware.dim == 8),
        ({"max_dim": 16}, lambda r: r.hardware.dim <= 16),
        ({"max_area_mm2": 0.5}, lambda r: r.area_mm2 <= 0.5),
        ({"max_kib": {"scratchpad_kib": 4.0}}, lambda r: r.hardware.scratchpad_kib <= 4),
        ({"max_kib": {"accumulator_kib": 4.0}}, lambda r: r.hardware.accumulator_kib <= 4),
        ({"fix_hardware": (8, 16.0, 16.0)}, lambda r: (r.hardware.dim, r.hardware.scratchpad_kib) == (8, 16)),
    ],
)
@pytest.mark.parametrize("method", ["gradient", "random", "genetic"])
def test_constraints_hold(small, method, options, check):
    assert check(run(small, method, 150, **options))


@pytest.mark.parametrize("dim", [4, 16])
def test_rtl_sizes_are_powers_of_two(small, dim):
    hardware = run(small, machine="gemmini", fix_dim=dim).hardware
    for size in (hardware.dim, hardware.scratchpad_kib, hardware.accumulator_kib):
        assert float(size).hex().startswith("0x1.0000000000000p")


def test_refinement_alone_is_a_recipe(problem_on):
    alone = search(problem_on(), Gradient(GradientSettings(rounds=())), "alone", evaluations=300, seed=1)
    assert 0.9 * 300 < alone.evaluations <= 300 * 1.01


def test_objectives_trade_latency_for_energy(small):
    results = {name: run(small, "gradient", 500, objective=name) for name in ("latency", "energy", "edp")}
    assert results["latency"].cycles <= min(r.cycles for r in results.values()) * 1.02
    assert results["energy"].energy_uj <= min(r.energy_uj for r in results.values()) * 1.02


@pytest.mark.parametrize(("method", "evaluations"), [("gradient", 500), ("random", 2500), ("genetic", 300)])
def test_an_interrupted_search_goes_on_to_the_same_result(small, method, evaluations, tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "SAVE_SECONDS", -1.0)
    whole = run(small, method, evaluations, out=tmp_path / "whole")
    kind = type(load(METHODS[method])())
    steps, advance = 0, kind.advance

    def stop_later(self, state, recorder, generator):
        nonlocal steps
        steps += 1
        if steps == 3:
            raise KeyboardInterrupt
        return advance(self, state, recorder, generator)

    monkeypatch.setattr(kind, "advance", stop_later)
    with pytest.raises(KeyboardInterrupt):
        run(small, method, evaluations, out=tmp_path / "cut")
    assert (tmp_path / "cut" / "checkpoint.pt").exists()
    assert not (tmp_path / "cut" / "design.json").exists()
    monkeypatch.setattr(kind, "advance", advance)
    resumed = run(small, method, evaluations, out=tmp_path / "cut")
    assert resumed.mappings == whole.mappings
    assert [(p.evaluations, p.edp) for p in resumed.trace] == [(p.evaluations, p.edp) for p in whole.trace]
    assert not (tmp_path / "cut" / "checkpoint.pt").exists()


def test_a_checkpoint_of_another_search_is_removed(problem_on, tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"key": "other", "state": {}}, path)
    there = []

    def observe(recorder):
        there.append(path.exists())

    search(problem_on(), Gradient(), "gradient", evaluations=100, seed=0, checkpoint=path, observe=observe)
    assert not there[0]


@dataclass(frozen=True)
class Scaled:
    """A model with a weight, as a trained one has."""

    weight: torch.Tensor
    machine: Machine = TIMELOOP
    name: str = "scaled"

    def __call__(self, layers, mappings, hardware):
        latency = AnalyticalModel(TIMELOOP)(layers, mappings, hardware)
        return Latency(latency.cycles * self.weight)


def test_an_interrupted_search_does_not_go_on_with_a_model_of_other_weights(small, tmp_path, monkeypatch):
    """The best score of a model that is half as slow would never be beaten."""
    monkeypatch.setattr(driver, "SAVE_SECONDS", -1.0)

    def run_with(weight, out, observe=lambda recorder: None):
        problem = Problem(small, Scaled(torch.tensor(weight)), Constraints(TIMELOOP))
        path = tmp_path / out / "checkpoint.pt"
        return search(problem, Gradient(), "gradient", evaluations=300, seed=1, checkpoint=path, observe=observe)

    def stop(recorder):
        if (tmp_path / "cut" / "checkpoint.pt").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_with(0.5, "cut", stop)
    assert (tmp_path / "cut" / "checkpoint.pt").exists()
    resumed, clean = run_with(1.0, "cut"), run_with(1.0, "clean")
    assert resumed.edp == pytest.approx(clean.edp)
    assert resumed.mappings == clean.mappings


def test_the_name_of_a_search_holds_everything_that_decides_it(small, problem_on, monkeypatch):
    def key(problem=None, method=None, seed=0, **limits):
        return driver.search_key(problem or problem_on(**limits), method or Gradient(), "gradient", 100, seed)

    scaled = [Problem(small, Scaled(torch.tensor(w)), Constraints(TIMELOOP)) for w in (1.0, 1.0, 1.5)]
    first, same, retrained = (key(problem) for problem in scaled)
    assert first == same
    names = [
        key(),
        first,
        retrained,
        key(seed=1),
        key(name="gemmini"),
        key(max_area_mm2=1.0),
        key(method=RandomSearch()),
    ]
    names.append(key(method=Gradient(GradientSettings(starts=3))))
    monkeypatch.setattr(driver, "source_digest", lambda *modules: "other code")
    names.append(key())
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("area", ["published", "synthesized"])
def test_a_design_says_where_its_area_comes_from(small, tmp_path, area):
    result = run(small, "random", evaluations=20, machine="gemmini", out=tmp_path, area=area)
    design = json.loads((tmp_path / "design.json").read_text())
    sizes = HardwareTensors.stack([result.hardware])
    assert design["area"] == area
    assert design["totals"]["area_mm2"] == pytest.approx(float(with_area(GEMMINI, area).area_mm2(sizes)))


def test_files_hold_the_result(small, tmp_path):
    result = run(small, machine="gemmini", out=tmp_path)
    design = json.loads((tmp_path / "design.json").read_text())
    assert design["totals"]["edp"] == pytest.approx(result.edp)
    assert design["hardware"]["id"] == result.hardware.id
    table = pd.read_csv(tmp_path / "mappings.csv")
    rows = rows_of(table, GEMMINI.template)
    assert all(isinstance(row, Row) for row in rows)
    assert [row.mapping for row in rows] == list(result.mappings)
    assert {row.hardware for row in rows} == {result.hardware}
    assert table["layer.name"].tolist() == ["conv", "matmul"]
    assert table["layer.count"].tolist() == [2, 1]
    trace = pd.read_csv(tmp_path / "trace.csv")
    assert trace.columns.tolist()[:3] == ["evaluations", "seconds", "edp"]
    assert trace["edp"].iloc[-1] == pytest.approx(result.edp)


def test_default_is_the_tiler_on_the_default_hardware(small):
    result = run(small, "default", 1, machine="gemmini")
    assert result.hardware == GEMMINI.template.hardware(16, 256, 64)
    for mapping, entry in zip(result.mappings, small.layers, strict=True):
        default = default_mapping(entry.layer, result.hardware)
        assert [mapping.tile(d) for d in "RSPQCKN"] == [default.tile(d) for d in "RSPQCKN"]
        assert [d for d, _ in mapping.loops[3]] == [d for d, _ in default.loops[3]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "magic"),
        ({"evaluations": 0}, "evaluations = 0"),
        ({"fix_dim": 0}, "dim = 0"),
        ({"max_area_mm2": -1.0}, "-1.0"),
        ({"max_area_mm2": 1e-6}, "1e-06"),
        ({"fix_hardware": (16, 64.0, 64.0), "fix_dim": 8}, "fixed hardware"),
        (
            {"fix_hardware": (16, 0.5, 64.0), "fix_dim": None, "method": "gradient", "machine": "gemmini"},
            "no mapping fits",
        ),
        ({"max_kib": {"scratchpad_kib": 0.5}}, "max_scratchpad_kib = 0.5"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(small, options, message, tmp_path):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        run(small, out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
