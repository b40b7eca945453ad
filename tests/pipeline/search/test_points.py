"""The tensor form of mappings agrees with the integer contracts."""

from dataclasses import replace

import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.capacity import check_fits, smallest_hardware
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import machine_of
from pipeline.machine.timeloop.capacity import tile_words
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.search.constraints import Constraints
from pipeline.search.driver import search
from pipeline.search.local.construct import construct, constructive_starts, random_priorities, smallest_primes
from pipeline.search.local.moves import Moves
from pipeline.search.local.vary import fit
from pipeline.search.methods.default import Default
from pipeline.search.methods.genetic import Genetic
from pipeline.search.methods.gradient import Gradient
from pipeline.search.methods.random_search import (
    compositions,
    prime_powers,
    ragged_mappings,
    random_mappings,
    valid_mappings,
)
from pipeline.search.orders import EVERY, THREE
from pipeline.search.points import Points, each_layer, fits, points_of, smallest
from pipeline.search.problem import Problem, Recorder
from pipeline.workload import Layer, load_workload
from tests.machines import MACHINES, TIMELOOP


def designs(problem, count, seed=0):
    """Constructive designs on random hardware, and that hardware."""
    generator = torch.Generator().manual_seed(seed)
    hardware = problem.constraints.sample(count, generator)
    priorities = random_priorities((count, len(problem.counts)), generator)
    return construct(problem.layers, each_layer(hardware), priorities, problem.machine), hardware


def mappings_of(points: Points, problem) -> list[list[Mapping]]:
    """Designs [n, L] as mappings; constructing them checks that they are legal."""
    tensors = problem.tensors(points)
    entries = problem.workload.layers
    return [[tensors.mapping(e.layer, (i, j)) for j, e in enumerate(entries)] for i in range(len(points.slots))]


@pytest.mark.parametrize("name", MACHINES)
def test_constructed_mappings_are_legal_and_fit(problem_on, name):
    problem = problem_on(name)
    points, hardware = designs(problem, 20)
    ok = fits(problem.tensors(points), problem.layers, each_layer(hardware), problem.machine)
    for design, fitting, dim, scratchpad, accumulator in zip(
        mappings_of(points, problem), ok, hardware.dim, hardware.scratchpad_kib, hardware.accumulator_kib, strict=True
    ):
        for mapping, fine in zip(design, fitting, strict=True):
            assert mapping.is_exact
            if fine:
                need = smallest_hardware([mapping], problem.machine, dim=int(dim))
                assert need.scratchpad_kib <= scratchpad
                assert need.accumulator_kib <= accumulator


@pytest.mark.parametrize("name", MACHINES)
def test_smallest_hardware_of_a_batch_is_that_of_the_integer_rule(problem_on, name):
    problem = problem_on(name)
    points, _ = designs(problem, 30, seed=1)
    sizes = smallest(problem.tensors(points), problem.layers, problem.constraints)
    least = problem.constraints.dims[0]
    for index, design in enumerate(mappings_of(points, problem)):
        spatial = max(max(m.spatial) for m in design)
        expected = smallest_hardware(design, problem.machine, dim=least if spatial <= least else None)
        found = (sizes.dim[index], sizes.scratchpad_kib[index], sizes.accumulator_kib[index])
        assert found == (expected.dim, expected.scratchpad_kib, expected.accumulator_kib)
        for mapping in design:
            check_fits(mapping, expected, problem.machine)


@pytest.mark.parametrize("name", MACHINES)
def test_moves_give_legal_mappings(problem_on, name):
    problem = problem_on(name)
    generator = torch.Generator().manual_seed(2)
    points, hardware = designs(problem, 4, seed=2)
    moves = Moves.of(problem.size, problem.machine)
    changed = moves.propose(points, hardware.dim.long(), 50, generator)
    filled = moves.refill(points, problem.layers[:, None], each_layer(hardware, 2), 50, generator)
    for drawn in (changed, filled):
        tensors = problem.tensors(drawn, problem.layers[:, None])
        seen = set()
        for design in range(4):
            for layer, entry in enumerate(problem.workload.layers):
                seen |= {str(tensors.mapping(entry.layer, (design, layer, copy))) for copy in range(50)}
        assert len(seen) > 50  # many different ones


def test_moves_of_mappings_with_tiles_of_a_tensors_own_give_legal_ones(problem_on):
    problem = problem_on()
    generator = torch.Generator().manual_seed(2)
    points, hardware = designs(problem, 4, seed=2)
    points = replace(points, held=points.places_held)
    moves, found = Moves.of(problem.size, problem.machine), []
    for _ in range(3):
        changed = moves.propose(points, hardware.dim.long(), 30, generator)
        filled = moves.refill(points, problem.layers[:, None], each_layer(hardware, 2), 30, generator)
        for drawn in (changed, filled):
            tensors = problem.tensors(drawn, problem.layers[:, None])
            for layer, entry in enumerate(problem.workload.layers):
                found += [tensors.mapping(entry.layer, (0, layer, copy)) for copy in range(30)]
        points = changed[:, :, 0]
    for tensor in range(3):
        assert sum(mapping.held[tensor] > 0 for mapping in found) > 10


def test_a_loop_that_moves_out_shrinks_all_tiles_but_one(problem_on, monkeypatch):
    monkeypatch.setattr("pipeline.search.local.moves._MOVED_OUT", 1.0)
    problem = problem_on()
    points, _ = designs(problem, 40, seed=5)
    points = replace(points, held=points.places_held)
    moves, generator = Moves.of(problem.size, problem.machine), torch.Generator().manual_seed(5)
    moved = moves._rebound(points, problem.size.expand(40, 2, 7), generator)
    before, after = (torch.stack(tile_words(problem.layers, problem.tensors(p)), -1) for p in (points, moved))
    keeps = moved.held > 0
    assert (keeps.sum(-1) == 1).all()
    assert (after >= before)[keeps].all()
    assert (after <= before)[~keeps].all()
    assert (after < before)[~keeps].sum() > 40


def test_machines_with_one_tile_a_level_search_no_other(problem_on):
    assert problem_on("timeloop").own_tiles
    assert not problem_on("gemmini").own_tiles
    assert not replace(problem_on("timeloop"), one_tile=True).own_tiles


def test_refilled_tiles_fit_when_the_mapping_fitted(problem_on):
    problem = problem_on(fixed=(16, 32.0, 16.0))
    generator = torch.Generator().manual_seed(3)
    points, hardware = designs(problem, 4, seed=3)
    assert fits(problem.tensors(points), problem.layers, each_layer(hardware), problem.machine).all()
    moves = Moves.of(problem.size, problem.machine)
    filled = moves.refill(points, problem.layers[:, None], each_layer(hardware, 2), 100, generator)
    aligned = problem.layers[:, None]
    assert fits(problem.tensors(filled, aligned), aligned, each_layer(hardware, 2), problem.machine).all()


@pytest.mark.parametrize("name", MACHINES)
def test_fit_shrinks_designs_to_smaller_hardware(problem_on, name):
    problem = problem_on(name)
    points, _hardware = designs(problem, 8, seed=4)
    small = problem_on(name, fixed=(4, 8.0, 8.0)).constraints.fixed_as((8,))
    fitted = fit(points, small, problem, torch.Generator().manual_seed(0))
    assert fits(problem.tensors(fitted), problem.layers, each_layer(small), problem.machine).all()
    mappings_of(fitted, problem)


def test_points_keep_a_mapping_with_loops_at_every_level(small):
    layer = small.layers[0].layer
    text = "L3[WIO] C2 K3 Q2 - L2[WI] P2 C2 K8X - L1[O] K2 S3 R3 Q7 C2 C4X - L0[W] P7"
    mapping = Mapping.parse(text, layer)
    tensors = MappingTensors.stack([mapping])
    layers = _layers(layer)
    back = points_of(tensors, TIMELOOP.space).tensors(layers, TIMELOOP.space).mapping(layer, 0)
    assert str(back) == str(mapping)


def test_loops_over_weights_in_registers_move_to_the_accumulator_level(small):
    layer = small.layers[1].layer
    mapping = Mapping.parse("L3[WIO] P30 - L2[WI] K5 K4X - L1[O] C16 C4X - L0[W] K2", layer)
    back = (
        points_of(MappingTensors.stack([mapping]), TIMELOOP.space)
        .tensors(_layers(layer), TIMELOOP.space)
        .mapping(layer, 0)
    )
    assert back.tile("K") == mapping.tile("K")
    assert back.factor(1, "K") == 2


def _layers(layer):
    return LayerTensors.stack([layer])


def test_random_mappings_are_uniform_over_factorisations():
    size = (1, 1, 1, 1, 1, 4, 1)  # K = 4 over L1, spatial, L2, L3: 10 ways
    points = random_mappings(size, 20_000, TIMELOOP.space, torch.Generator().manual_seed(0))
    _, counts = points.slots.unique(dim=0, return_counts=True)
    assert len(counts) == 10
    expected = 2_000.0
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    assert chi_squared < 27.9  # 99.9 % quantile at 9 degrees of freedom


@pytest.mark.parametrize("name", MACHINES)
def test_ragged_mappings_are_legal_and_hold_factors_that_do_not_divide(name):
    layer = Layer(R=3, S=3, P=29, Q=14, C=27, K=35)
    points = ragged_mappings(layer.sizes, 200, MACHINES[name].space, torch.Generator().manual_seed(0))
    tensors = points.tensors(LayerTensors.stack([layer])[0], MACHINES[name].space)
    mappings = [tensors.mapping(layer, index) for index in range(200)]  # an illegal one cannot be constructed
    assert sum(not mapping.is_exact for mapping in mappings) > 100


def test_random_search_and_the_pool_of_the_bayesian_one_go_ragged(problem_on):
    problem = problem_on("gemmini", fixed=(16, 64.0, 64.0))
    recorder = Recorder(problem, 100, clock=lambda: 0.0)
    hardware = problem.constraints.sample(1, torch.Generator().manual_seed(0))
    points = valid_mappings(problem, 0, hardware, 100, torch.Generator().manual_seed(0), recorder)
    tensors = problem.tensors(points, problem.layers[0])
    exact = [tensors.mapping(problem.workload.layers[0].layer, index).is_exact for index in range(100)]
    assert 10 < sum(exact) < 90


def test_draws_that_do_not_fit_are_counted_up_to_the_last_one_needed(problem_on):
    problem = problem_on("gemmini", fixed=(16, 16.0, 16.0))
    hardware = problem.constraints.sample(1, torch.Generator().manual_seed(0))

    def drawn(count):
        recorder = Recorder(problem, 100, clock=lambda: 0.0)
        return valid_mappings(problem, 0, hardware, count, torch.Generator().manual_seed(0), recorder), recorder.invalid

    few, invalid_few = drawn(5)
    many, invalid_many = drawn(50)
    assert torch.equal(few.slots, many.slots[:5])
    assert 0 < invalid_few < invalid_many


def test_genetic_and_gradient_search_start_from_the_same_designs(problem_on):
    states = []
    for method in (Gradient(), Genetic()):
        recorder = Recorder(problem_on("gemmini"), 1000, clock=lambda: 0.0)
        states.append(method.begin(recorder, torch.Generator().manual_seed(3)))
        assert recorder.evaluations + recorder.invalid / 2 == 64
    gradient, genetic = states
    shared = 12
    assert len(gradient.slots) >= shared
    assert torch.equal(genetic.slots[:shared], gradient.slots[:shared])
    assert torch.equal(genetic.rank[:shared], gradient.rank[:shared])


@pytest.mark.parametrize("method", [Gradient(), Genetic()])
def test_no_search_that_has_starts_ends_worse_than_the_default_tiler(method):
    machine, workload = machine_of("rtl/output_stationary"), load_workload("bert")
    problem = Problem(workload, AnalyticalModel(machine), Constraints(machine, fixed=machine.default_hardware))
    default = search(problem, Default(), "default", evaluations=1, seed=0)
    assert search(problem, method, "few", evaluations=16, seed=0).edp <= default.edp
    random = constructive_starts(Recorder(problem, 16, clock=lambda: 0.0), 2, torch.Generator(), 2, tiler=False)[1]
    assert random.min().exp() > 1.05 * default.edp


@pytest.mark.parametrize("limits", [{"fix_dim": 4, "max_area_mm2": 0.4}, {"max_kib": {"scratchpad_kib": 24.0}}])
def test_the_tiler_starts_on_hardware_that_keeps_the_limits(problem_on, limits):
    problem = problem_on("gemmini", **limits)
    near, free = problem.constraints.default, problem.machine.default_hardware
    assert problem.constraints.allows(HardwareTensors.stack([near]))[0]
    assert near != free
    assert near.dim == limits.get("fix_dim", free.dim)


def test_compositions_are_all_and_add_up():
    table = compositions(5, 3)
    assert len(table) == 21  # binomial(7, 2)
    assert len({tuple(row) for row in table.tolist()}) == 21
    assert (table.sum(1) == 5).all()


@pytest.mark.parametrize("number", [1, 2, 97, 360, 570, 3072])
def test_prime_tables_agree_with_division(number):
    product = 1
    for prime, power in prime_powers(number):
        product *= prime**power
        assert all(prime % d for d in range(2, prime))
    assert product == number
    least = next((d for d in range(2, number + 1) if number % d == 0), 1)
    assert int(smallest_primes(4000)[number]) == least


def test_orders_are_permutations():
    for rank in (*THREE, *EVERY):
        assert sorted(rank.tolist()) == list(range(7))
    assert len(EVERY.unique(dim=0)) == len(EVERY) == 36
