"""Several networks on one accelerator: objective, choice, limits, results."""

import json
from dataclasses import replace
from itertools import product

import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import machine_of
from pipeline.search.constraints import Constraints
from pipeline.search.local.construct import construct, random_priorities
from pipeline.search.methods.gradient import Gradient, GradientSettings, GradientState
from pipeline.search.points import each_layer, smallest
from pipeline.search.problem import Costs, Problem, Recorder, join_workloads
from pipeline.stages.search import latency_limits, run_search, weighted
from pipeline.table import read_table
from pipeline.workload import Layer, Workload, WorkloadLayer

MACHINE = machine_of("gemmini", "simple")
MODEL = AnalyticalModel(MACHINE)


@pytest.fixture
def other() -> Workload:
    """A network of two products."""
    layers = [Layer(R=1, S=1, P=16, Q=1, C=32, K=size, N=1) for size in (16, 24)]
    return Workload("other", "test", tuple(WorkloadLayer(f"fc{i}", layer, i + 1) for i, layer in enumerate(layers)))


def joint(small, other, limits=(float("inf"), float("inf"))) -> Problem:
    joined, networks = join_workloads([small, other], [2.0, 1.0])
    networks = tuple(replace(n, max_cycles=limit) for n, limit in zip(networks, limits, strict=True))
    return Problem(joined, MODEL, Constraints(MACHINE, fix_dim=4), "edp", networks)


def drawn(shape: tuple[int, ...], seed: int = 0) -> Costs:
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(2, *shape, generator=generator, dtype=torch.float64)
    return Costs(draw[0].exp() * 1e5, draw[1].exp() * 1e2)


def test_the_objective_is_the_weighted_geometric_mean_of_the_networks_own(small, other):
    problem, costs = joint(small, other), drawn((4,))
    own = [
        float((costs.cycles[part] * problem.counts[part]).sum() * (costs.energy_uj[part] * problem.counts[part]).sum())
        for part in (slice(0, 2), slice(2, 4))
    ]
    assert float(problem.log_score(problem.totals(costs)).exp()) == pytest.approx((own[0] ** 2 * own[1]) ** (1 / 3))


def test_a_choice_for_several_networks_is_close_to_the_best_of_all_combinations(small, other):
    problem = joint(small, other)
    for seed in range(10):
        costs = drawn((4, 4), seed)
        valid = torch.ones(4, 4, dtype=torch.bool)
        scores = [
            float(problem.log_score(problem.totals(costs.gather(torch.tensor(pick)))))
            for pick in product(range(4), repeat=4)
        ]
        found = float(problem.log_score(problem.totals(costs.gather(problem.choose(costs, valid)))))
        assert found == pytest.approx(min(scores), abs=0.05)


def test_a_network_over_its_limit_makes_the_objective_steeper(small, other):
    costs = drawn((4,))
    free = joint(small, other)
    cycles = free.each_network(costs).cycles
    within = joint(small, other, limits=(float(cycles[0]) * 1.01, float("inf")))
    over = joint(small, other, limits=(float(cycles[0]) / 1.1, float("inf")))
    scores = [float(one.log_score(one.totals(costs))) for one in (free, within, over)]
    assert scores[0] == pytest.approx(scores[1])
    assert scores[2] > scores[0] + 1


def test_a_joint_search_writes_every_network_and_keeps_the_limits(small, other, tmp_path):
    result = run_search(
        [small, other],
        weights=[1.0, 3.0],
        max_ms=[float("inf"), 0.05],
        clock_mhz=100.0,
        method="gradient",
        evaluations=200,
        model=MODEL,
        seed=0,
        fix_dim=4,
        out=tmp_path,
    )
    mappings = read_table(tmp_path / "mappings.csv")
    assert list(mappings["network"]) == ["small", "small", "other", "other"]
    assert list(mappings["network.weight"]) == [1.0, 1.0, 3.0, 3.0]
    assert list(mappings["layer.name"]) == ["small/conv", "small/matmul", "other/fc0", "other/fc1"]
    design = json.loads((tmp_path / "design.json").read_text(encoding="utf-8"))
    first, second = design["networks"]
    assert (first["workload"], second["workload"]) == ("small", "other")
    assert second["ms"] <= 0.05
    assert second["ms"] == pytest.approx(second["cycles"] / 100e3)
    assert second["inferences_per_s"] == pytest.approx(1e3 / second["ms"])
    assert result.edp == pytest.approx((first["edp"] * second["edp"] ** 3) ** 0.25)


def test_a_limit_that_nothing_keeps_is_named(small, other):
    with pytest.raises(ValueError, match="latency limit of other"):
        run_search([small, other], max_ms=[1e3, 1e-6], method="random", evaluations=50, model=MODEL, seed=0, fix_dim=4)


def test_a_search_that_may_break_a_limit_gives_its_best_and_says_so(small, other):
    asked = {"method": "random", "evaluations": 50, "model": MODEL, "seed": 0, "fix_dim": 4, "best_effort": True}
    over = run_search([small, other], max_ms=[1e3, 1e-6], **asked)
    assert over.status == "over a latency limit"
    assert [one.network.name for one in over.over_limit] == ["other"]
    within = run_search([small, other], max_ms=[1e3, 1e3], **asked)
    assert (within.status, within.over_limit) == ("done", ())


def test_bad_options_are_named():
    assert weighted(["bert=2", "mm"])[1] == [2.0, 1.0]
    with pytest.raises(ValueError, match="weight 'x' is not a number"):
        weighted(["bert=x"])
    assert latency_limits(["5", "b=2"], ["a", "b"]) == [5.0, 2.0]
    assert latency_limits([], ["a"]) == []
    with pytest.raises(ValueError, match="'c' is not one of a, b"):
        latency_limits(["c=1"], ["a", "b"])
    with pytest.raises(ValueError, match="must be above 0"):
        latency_limits(["0"], ["a"])


def test_the_same_network_twice_and_a_weight_of_nothing_are_refused(small):
    with pytest.raises(ValueError, match="'small' is given twice"):
        join_workloads([small, small], [1.0, 1.0])
    with pytest.raises(ValueError, match="weight = 0"):
        join_workloads([small], [0.0])


@pytest.mark.parametrize("grid", ["gemmini", "timeloop"])
def test_hardware_over_a_limit_gets_smaller_memories_and_other_hardware_stays(grid):
    machine = machine_of(grid, "simple")
    free, limits = Constraints(machine), Constraints(machine, max_area_mm2=1.0)
    drawn = free.sample(200, torch.Generator().manual_seed(0))
    kept = limits.within(drawn)
    possible = machine.area_mm2(drawn.map(torch.clone)) <= 1.0
    smallest = machine.template.hardware(16, machine.grid.low_kib, machine.grid.low_kib)
    for name, sizes in kept.sizes.items():
        assert (sizes <= drawn.sizes[name]).all()
        assert torch.equal(sizes[possible], drawn.sizes[name][possible])
    assert limits.allows(HardwareTensors.stack([smallest])).all()
    assert limits.allows(kept)[drawn.dim <= 16].all()


def test_designs_beyond_an_area_go_on_within_it(small, other):
    generator = torch.Generator().manual_seed(0)
    free = joint(small, other)
    large = free.constraints.largest.map(lambda size: size.expand(4).clone())
    points = construct(
        free.layers, each_layer(large), random_priorities((4, len(free.layers.size)), generator), MACHINE
    )
    area = MACHINE.area_mm2(smallest(free.tensors(points), free.layers, free.constraints)).min()
    limits = Constraints(MACHINE, fix_dim=4, max_area_mm2=0.4 * float(area))
    recorder = Recorder(replace(free, constraints=limits), 1000, lambda: 0.0)
    method = Gradient(GradientSettings(drawn=0))
    state = method.advance(GradientState(points.slots, points.rank, ()), recorder, generator)
    assert state.archive
    assert recorder.best_hardware is not None
    assert limits.allows(recorder.best_hardware)
