"""Exhaustive search against brute force over spaces small enough to try every combination."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.choices import Memory
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import machine_of
from pipeline.mapping_tensors import LayerTensors
from pipeline.search.constraints import Constraints
from pipeline.search.driver import search
from pipeline.search.exhaustive.columns import Costing
from pipeline.search.exhaustive.hull import best_sum, lower_hull
from pipeline.search.exhaustive.optimum import Exhaustive as Space
from pipeline.search.exhaustive.orders import distinct_ranks
from pipeline.search.exhaustive.tilings import EVEN, EXACT, Tilings, points_of
from pipeline.search.methods.exhaustive import Exhaustive
from pipeline.search.problem import Problem, join_workloads
from pipeline.search.result import SearchResult
from pipeline.workload import Layer, Workload
from tests.pipeline.search.toys import (
    CONV,
    EIGHT,
    MACHINE,
    MATMUL,
    MODEL,
    SMALL,
    SPILLS,
    all_costs,
    every_mapping,
    network,
)


def solve(
    *networks: tuple[Workload, float, float], constraints: Constraints = SMALL, space: str = EXACT
) -> SearchResult:
    """The optimum for networks given with weight and largest cycles."""
    joined, shares = join_workloads([w for w, _, _ in networks], [weight for _, weight, _ in networks])
    shares = tuple(replace(s, max_cycles=limit) for s, (_, _, limit) in zip(shares, networks, strict=True))
    problem = Problem(joined, MODEL, constraints, "edp", shares)
    return search(problem, Exhaustive(space), "exhaustive", evaluations=1, seed=0)


def brute_force(
    layers: list[tuple[Layer, int]], kib: tuple[float, float], space: str = EXACT, ranks: np.ndarray = SPILLS
) -> np.ndarray:
    """Totals of every combination of tilings and orders."""
    totals = np.zeros((1, 2))
    for layer, count in layers:
        extent, _ = every_mapping(layer, 4, space)
        rows = np.repeat(extent, len(ranks), 0), np.tile(ranks, (len(extent), 1))
        one = np.unique(all_costs(layer, 4, np.array(kib), *rows).round(9), axis=0)
        totals = (totals[:, None] + count * one[None]).reshape(-1, 2)
    return totals


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_the_best_sum_of_random_sets_is_that_of_trying_all(seed: int) -> None:
    generator = np.random.default_rng(seed)
    sets = [generator.integers(1, 30, (generator.integers(1, 7), 2)).astype(float) for _ in range(3)]
    counts = generator.integers(1, 4, 3).astype(float)
    weights = (float(generator.integers(1, 3)), float(generator.integers(1, 3)))
    limit = float(generator.integers(20, 200))
    combinations = list(itertools.product(*sets))
    totals = np.array([sum(n * np.array(x) for n, x in zip(counts, c, strict=True)) for c in combinations])
    scores = weights[0] * np.log(totals[:, 0]) + weights[1] * np.log(totals[:, 1])
    hulls = [lower_hull(s[:, 0], s[:, 1]) for s in sets]
    free = best_sum(hulls, counts, weights)
    assert free is not None
    assert free.log_score == pytest.approx(scores.min())
    chosen = sum(n * s[i] for n, s, i in zip(counts, sets, free.choice, strict=True))
    assert chosen == pytest.approx([free.cycles, free.energy_uj])
    limited = best_sum(hulls, counts, weights, limit)
    if limited is None:
        assert totals[:, 0].min() > limit
    else:
        best = scores[totals[:, 0] <= limit].min()
        assert limited.cycles <= limit
        assert limited.bound <= best + 1e-9 <= limited.log_score + 2e-9


SIZES = tuple(itertools.product((4.0, 8.0), repeat=2))


@pytest.mark.parametrize("layer", [CONV, MATMUL])
def test_one_network_is_solved_as_by_trying_every_combination(layer: Layer) -> None:
    layers = [(layer, 2), (Layer(R=1, S=1, P=4, Q=4, C=8, K=12, N=1), 3)]
    result = solve((network("toy", *layers), 1.0, math.inf))
    totals = [brute_force(layers, kib) for kib in SIZES]
    assert result.edp == pytest.approx(min(each.prod(1).min() for each in totals if len(each)))
    assert result.gap == pytest.approx(0.0, abs=1e-9)


RAGGED = (Layer(R=1, S=1, P=67, Q=1, C=37, K=41, N=1), Layer(R=3, S=1, P=43, Q=1, C=23, K=29, N=1))


@pytest.mark.parametrize("layer", [RAGGED[0], pytest.param(RAGGED[1], marks=pytest.mark.long)])
def test_with_ragged_tilings_a_network_is_solved_as_by_trying_every_tiling_in_every_order(layer: Layer) -> None:
    idle = tuple(d for d, size in enumerate(layer.sizes) if size == 1)
    active = [d for d, size in enumerate(layer.sizes) if size > 1]
    orders = np.array([np.argsort((*idle, *order)) for order in itertools.permutations(active)])
    result = solve((network("toy", (layer, 2)), 1.0, math.inf), space=EVEN)
    best = min(brute_force([(layer, 2)], kib, EVEN, orders).prod(1).min() for kib in SIZES)
    assert result.edp == pytest.approx(best)
    assert result.edp < solve((network("toy", (layer, 2)), 1.0, math.inf)).edp
    assert "evenly ragged tilings" in result.summary()


@pytest.mark.parametrize("layer", [CONV, MATMUL, *(pytest.param(one, marks=pytest.mark.long) for one in RAGGED)])
def test_what_is_left_out_changes_no_hull_on_any_hardware(layer: Layer) -> None:
    space = Space(Problem(network("toy", (layer, 1)), MODEL, Constraints(MACHINE, fix_dim=4)), EVEN)
    columns, costing = space.columns(layer, 4), Costing(MODEL, space.problem.constraints, 4)
    tilings = Tilings.of(layer, 4, EVEN)
    everything = costing._block(layer, tilings, tilings.block(0, len(tilings)), None)
    assert everything is not None
    for hardware in space.hardware(4)[::7]:
        (_, *mine), (_, *every) = columns.on(hardware), everything.on(hardware)
        kept, whole = lower_hull(*mine), lower_hull(*every)
        assert kept.cycles == pytest.approx(whole.cycles)
        assert kept.energy_uj == pytest.approx(whole.energy_uj)


@pytest.mark.parametrize("memory", ["simple", "soc"])
@given(seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=8)
def test_no_order_costs_less_than_the_least_of_a_tiling(memory: Memory, seed: int) -> None:
    generator, machine = np.random.default_rng(seed), machine_of("gemmini", memory)
    shapes = (CONV, MATMUL, *RAGGED, Layer(R=3, S=3, P=14, Q=9, C=70, K=48, N=2, stride_w=2, stride_h=2))
    layer = shapes[generator.integers(len(shapes))]
    rows = np.array([[generator.choice(option) for option in Tilings.of(layer, 8, EVEN).options] for _ in range(40)])
    rank = np.array([generator.permutation(7) for _ in rows])
    layers = LayerTensors.stack([layer] * len(rows))
    mappings = points_of(rows, rank, 8, machine.space).tensors(layers, machine.space)
    hardware = HardwareTensors.stack([machine.template.hardware(8, 2.0 ** generator.integers(2, 12), 64)] * len(rows))
    least = machine.least(layers, mappings, hardware)
    found = machine.cost(layers, mappings, hardware)
    assert (least.cycles <= found.cycles * (1 + 1e-9)).all()
    assert (machine.energy(least.words, hardware).total <= found.energy_uj * (1 + 1e-9)).all()


def test_a_limit_on_latency_gives_a_design_within_it_and_a_bound_below_the_best() -> None:
    layers = [(CONV, 2), (MATMUL, 1)]
    totals = np.concatenate([brute_force(layers, kib) for kib in SIZES])
    free = totals[totals.prod(1).argmin()]
    limit = (free[0] + totals[:, 0].min()) / 2
    assert limit < free[0]
    result = solve((network("toy", *layers), 1.0, limit))
    best = totals[totals[:, 0] <= limit].prod(1).min()
    assert result.cycles <= limit
    assert math.exp(result.log_bound) <= best * (1 + 1e-9) <= result.edp * (1 + 1e-8)


def test_shared_hardware_minimises_the_weighted_mean_of_the_networks_own_minima() -> None:
    result = solve((network("a", (CONV, 1)), 2.0, math.inf), (network("b", (MATMUL, 2)), 1.0, math.inf))
    own = [[brute_force([layer], kib) for layer in ((CONV, 1), (MATMUL, 2))] for kib in SIZES]
    scores = [(2 * np.log(a.prod(1)).min() + np.log(b.prod(1)).min()) / 3 for a, b in own if len(a) and len(b)]
    assert math.log(result.edp) == pytest.approx(min(scores))
    assert [one.network.name for one in result.each] == ["a", "b"]


def test_limits_that_leave_nothing_are_named() -> None:
    with pytest.raises(ValueError, match=r"toy.*no valid design"):
        solve((network("toy", (CONV, 1)), 1.0, 1.0))


def test_an_area_limit_leaves_out_larger_hardware() -> None:
    toy = network("toy", (CONV, 1), (MATMUL, 3))
    free = solve((toy, 1.0, math.inf))
    limits = Constraints(MACHINE, fix_dim=4, max_kib=EIGHT, max_area_mm2=free.area_mm2 * 0.999)
    limited = solve((toy, 1.0, math.inf), constraints=limits)
    assert limited.area_mm2 < free.area_mm2
    assert limited.edp > free.edp


@pytest.mark.parametrize("space", ["exact", "even"])
@pytest.mark.parametrize("layer", [CONV, MATMUL])
def test_the_orders_looked_at_cost_everything_that_all_permutations_cost(layer: Layer, space: str) -> None:
    extent, ranks = every_mapping(layer, 4, space)
    tilings = Tilings.of(layer, 4, space)
    generator = np.random.default_rng(0)
    for row in extent[generator.choice(len(extent), 6, replace=False)]:
        turns = tuple((tilings.loops(row[None])[0] > 1).tolist())
        chosen = distinct_ranks(turns, cached=False, ragged=space != "exact")
        large = np.array([2048.0, 2048.0])
        everything = all_costs(layer, 4, large, np.tile(row, (len(ranks), 1)), ranks)
        mine = all_costs(layer, 4, large, np.tile(row, (len(chosen), 1)), chosen)
        assert {tuple(x) for x in everything.round(6)} == {tuple(x) for x in mine.round(6)}


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=3)
def test_columns_give_the_cost_on_memories_of_any_size(seed: int) -> None:
    generator = np.random.default_rng(seed)
    layer = (CONV, MATMUL, Layer(R=3, S=3, P=14, Q=14, C=64, K=48, N=1))[seed % 3]
    rows = np.array([[generator.choice(option) for option in Tilings.of(layer, 8, "even").options] for _ in range(12)])
    rank = np.array([generator.permutation(7) for _ in range(12)])
    layers = LayerTensors.stack([layer] * len(rows))
    columns = Costing(MODEL, Constraints(MACHINE, fix_dim=8), 8).judge(layers, rows, rank)
    for scale in ((1, 1), (2, 1), (4, 8), (1, 64)):
        sizes = columns.need * scale
        built = [MACHINE.template.hardware(8, *kib) for kib in sizes.tolist()]
        found = [columns[[at]].on(hardware)[1:] for at, hardware in enumerate(built)]
        assert all_costs(layer, 8, sizes, rows, rank) == pytest.approx(np.array(found)[..., 0])


def test_a_machine_with_tiles_inside_tiles_is_refused() -> None:
    machine = machine_of("timeloop")
    problem = Problem(network("toy", (CONV, 1)), AnalyticalModel(machine), Constraints(machine))
    with pytest.raises(ValueError, match="timeloop have tiles inside tiles"):
        search(problem, Exhaustive(), "exhaustive", evaluations=1, seed=0)
