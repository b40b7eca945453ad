"""Exhaustive search against brute force over spaces small enough to try every combination."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.hardware import HardwareTensors
from pipeline.machine.cost import cost
from pipeline.machine.latency import AnalyticalModel
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.search.constraints import Constraints
from pipeline.search.exhaustive.columns import Columns, Costing
from pipeline.search.exhaustive.hull import best_sum, lower_hull
from pipeline.search.exhaustive.optimum import Exhaustive, Network
from pipeline.search.exhaustive.orders import distinct_ranks
from pipeline.search.exhaustive.tilings import Tilings, points_of
from pipeline.search.points import fits
from pipeline.workload import Layer, Workload, WorkloadLayer
from tests.machines import GEMMINI

MODEL = AnalyticalModel(GEMMINI)
CONV = Layer(R=3, S=1, P=6, Q=2, C=20, K=8, N=1)
MATMUL = Layer(R=1, S=1, P=24, Q=1, C=40, K=36, N=1)
EIGHT = {"scratchpad_kib": 8.0, "accumulator_kib": 8.0}
SMALL = Constraints(GEMMINI, fix_dim=4, max_kib=EIGHT)


def network(name: str, *layers: tuple[Layer, int]) -> Workload:
    entries = tuple(WorkloadLayer(f"layer{i}", layer, count) for i, (layer, count) in enumerate(layers))
    return Workload(name, "test", entries)


def every_mapping(layer: Layer, dim: int, space: str) -> tuple[np.ndarray, np.ndarray]:
    """All tilings in all 5040 loop orders."""
    extent = np.concatenate(list(Tilings.of(layer, dim, space).blocks(100_000)))
    ranks = np.array([np.argsort(order) for order in itertools.permutations(range(7))])
    return extent, ranks


def all_costs(layer: Layer, dim: int, kib: np.ndarray, extent: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """(cycles, energy) of the mappings on memories of ``kib`` [rows 2]; those that do not fit are left out."""
    layers = LayerTensors.stack([layer])
    mappings = points_of(extent, rank, dim, GEMMINI.space).tensors(layers, GEMMINI.space)
    sizes = torch.from_numpy(np.broadcast_to(kib, (len(extent), 2)).astype(float))
    dims = torch.full((len(extent),), float(dim), dtype=torch.float64)
    built = HardwareTensors(dict(zip(GEMMINI.template.sizes, (dims, *sizes.unbind(1)), strict=True)))
    ok = fits(mappings, layers, built, GEMMINI)
    found = cost(MODEL, layers[torch.zeros(len(extent), dtype=torch.long)], mappings, built)
    return torch.stack([found.cycles, found.energy_uj], -1)[ok].numpy()


def brute_force(layers: list[tuple[Layer, int]], kib: tuple[float, float]) -> np.ndarray:
    """Totals of every combination of exact tilings and orders."""
    totals = np.zeros((1, 2))
    for layer, count in layers:
        extent, _ = every_mapping(layer, 4, "exact")
        # Orders: C, R and S outside or inside the others, which is all that matters without a cache (tested below).
        ranks = np.array([np.argsort(o) for o in [(6, 3, 2, 5, 4, 1, 0), (4, 6, 3, 2, 5, 1, 0), (0, 6, 3, 2, 5, 4, 1)]])
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


@pytest.mark.parametrize("layer", [CONV, MATMUL])
def test_one_network_is_solved_as_by_trying_every_combination(layer: Layer) -> None:
    other = Layer(R=1, S=1, P=4, Q=4, C=8, K=12, N=1)
    layers = [(layer, 2), (other, 3)]
    exhaustive = Exhaustive((Network(network("toy", *layers)),), MODEL, SMALL)
    certificate = exhaustive.run()
    expected = {}
    for scratchpad, accumulator in itertools.product((4.0, 8.0), repeat=2):
        totals = brute_force(layers, (scratchpad, accumulator))
        if len(totals):
            expected[scratchpad, accumulator] = totals.prod(1).min()
    found = {
        (one.hardware.scratchpad_kib, one.hardware.accumulator_kib): math.exp(one.log_score)
        for one in certificate.hardware
    }
    assert found == pytest.approx(expected)
    assert math.exp(certificate.best.log_score) == pytest.approx(min(expected.values()))
    assert certificate.bound == certificate.best.log_score


def test_the_mappings_of_the_optimum_cost_what_it_says() -> None:
    workload = network("toy", (CONV, 2), (MATMUL, 1))
    certificate = Exhaustive((Network(workload),), MODEL, SMALL).run()
    hardware = certificate.best.hardware
    (mappings,) = certificate.mappings
    layers = LayerTensors.stack([CONV, MATMUL])
    found = cost(MODEL, layers, MappingTensors.stack(mappings), HardwareTensors.stack([hardware] * 2))
    counts = torch.tensor([2.0, 1.0], dtype=torch.float64)
    assert float((found.cycles * counts).sum()) == pytest.approx(certificate.best.networks[0].cycles)
    assert float((found.energy_uj * counts).sum()) == pytest.approx(certificate.best.networks[0].energy_uj)


def test_shared_hardware_minimises_the_weighted_mean_of_the_networks_own_minima() -> None:
    first, second = network("a", (CONV, 1)), network("b", (MATMUL, 2))
    joint = Exhaustive((Network(first, 2.0), Network(second, 1.0)), MODEL, SMALL).run()
    expected = min(
        (
            2 * np.log(brute_force([(CONV, 1)], sizes).prod(1)).min()
            + np.log(brute_force([(MATMUL, 2)], sizes).prod(1)).min()
        )
        / 3
        for sizes in itertools.product((4.0, 8.0), repeat=2)
        if len(brute_force([(CONV, 1)], sizes)) and len(brute_force([(MATMUL, 2)], sizes))
    )
    assert joint.best.log_score == pytest.approx(expected)


def test_limits_that_leave_nothing_are_named() -> None:
    workload = network("toy", (CONV, 1))
    with pytest.raises(ValueError, match="toy: no design keeps the limits"):
        Exhaustive((Network(workload, max_cycles=1.0),), MODEL, SMALL).run()


def test_an_area_limit_leaves_out_larger_hardware() -> None:
    networks = (Network(network("toy", (CONV, 1))),)
    free = Exhaustive(networks, MODEL, SMALL).run()
    areas = sorted(one.area_mm2 for one in free.hardware)
    limit = (areas[0] + areas[1]) / 2
    limits = Constraints(GEMMINI, fix_dim=4, max_kib=EIGHT, max_area_mm2=limit)
    assert [one.area_mm2 for one in Exhaustive(networks, MODEL, limits).run().hardware] == areas[:1]


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
    columns = Costing(layer, MODEL, Constraints(GEMMINI, fix_dim=8), 8, cached=False).judge(rows, rank)
    for scale in ((1, 1), (2, 1), (4, 8), (1, 64)):
        sizes = columns.need * scale
        found = [columns[[at]].on(*sizes[at].tolist())[1:] for at in range(len(columns))]
        assert all_costs(layer, 8, sizes, rows, rank) == pytest.approx(np.array(found)[..., 0])


def test_energy_is_linear_in_the_sizes_of_the_memories() -> None:
    layers = LayerTensors.stack([MATMUL])
    mapping = points_of(np.array([[1, 1, 8, 1, 20, 12, 1]]), np.arange(7)[None], 4, GEMMINI.space).tensors(
        layers, GEMMINI.space
    )

    def energy(scratchpad: float, accumulator: float) -> float:
        sizes = (torch.tensor([x], dtype=torch.float64) for x in (4.0, scratchpad, accumulator))
        hardware = HardwareTensors(dict(zip(GEMMINI.template.sizes, sizes, strict=True)))
        return float(GEMMINI.energy(GEMMINI.words(layers, mapping, hardware), hardware).total)

    assert energy(8, 4) - energy(4, 4) == pytest.approx(energy(12, 4) - energy(8, 4))
    assert energy(4, 8) - energy(4, 4) == pytest.approx(energy(4, 12) - energy(4, 8))


def test_an_empty_table_joins() -> None:
    assert len(Columns.join([])) == 0
