"""Refinement that remembers: what it knows is what the model says, and nothing is judged twice."""

from dataclasses import replace

import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.search.local.archive import archive_of, names_of, pruned
from pipeline.search.local.construct import constructive_starts
from pipeline.search.local.moves import Moves
from pipeline.search.local.refinement import RefinementSettings, advanced, promising
from pipeline.search.points import Points, each_layer, fits, smallest
from pipeline.search.problem import Costs, Recorder

STARTS = 20


def some_steps(problem, steps=6):
    """The archive after a few steps, and the recorder."""
    recorder = Recorder(problem, 1000, clock=lambda: 0.0)
    generator = torch.Generator().manual_seed(3)
    points, _ = constructive_starts(recorder, STARTS, generator, STARTS)
    hardware = smallest(problem.tensors(points), problem.layers, problem.constraints)
    archive, best = archive_of(points, hardware, problem), hardware[:1]
    for _ in range(steps):
        archive, best = advanced(archive, best, recorder, RefinementSettings(), generator)
    return archive, best, recorder


@pytest.mark.parametrize("name", ["timeloop", "gemmini"])
def test_what_is_known_on_other_hardware_is_what_the_model_says_there(problem_on, name):
    problem = problem_on(name, fix_dim=8)
    archive, *_ = some_steps(problem)
    sizes = [problem.machine.template.hardware(8, s, a) for s, a in ((8, 8), (32, 16), (64, 256), (1024, 64))]
    hardware = HardwareTensors.stack(sizes)
    costs, valid = archive.costs_on(hardware, problem)
    assert valid.any(-1).any(-1).sum() > 1
    count = len(sizes)
    every = Points(archive.slots, archive.rank, archive.held).copies(count)
    layers, each = problem.layers[:, None], each_layer(hardware, 2)
    mappings = problem.tensors(every, layers)
    assert fits(mappings, layers, each, problem.machine)[valid].all()
    judged = problem.costs(mappings, layers, each)
    assert torch.allclose(judged.energy_uj[valid], costs.energy_uj[valid])
    # What fills the scratchpad may be faster on a larger one; all else takes as long.
    loose = valid & ((archive.need[..., 0] % 1 > 0) | torch.tensor(name == "timeloop"))
    assert loose.any()
    assert torch.allclose(judged.cycles[loose], costs.cycles[loose])
    assert (judged.cycles <= costs.cycles * (1 + 1e-9))[valid].all()


@pytest.mark.parametrize("name", ["timeloop", "gemmini"])
def test_no_candidate_is_judged_twice(problem_on, name):
    problem = problem_on(name, fix_dim=8)
    archive, _, recorder = some_steps(problem)
    hardware = HardwareTensors.stack([problem.machine.template.hardware(8, 2048, 2048)])
    there = hardware.map(lambda size: size.expand(archive.cycles.shape))
    names = names_of(Points(archive.slots, archive.rank, archive.held), there, problem)
    drawn = torch.isfinite(archive.cycles)
    drawn[:, :STARTS] = False
    for layer in range(names.shape[0]):
        rows = [*zip(names[layer].tolist(), archive.need[layer, :, 0].tolist(), strict=True)]
        mine = [row for row, known in zip(rows, drawn[layer].tolist(), strict=True) if known]
        assert len(set(mine)) == len(mine) > 20
        assert not set(mine) & set(rows[:STARTS])
    assert recorder.evaluations < STARTS + 6 * 2 * 6


@pytest.mark.parametrize("name", ["timeloop", "gemmini"])
def test_what_waits_would_not_have_made_a_known_design_better(problem_on, name):
    problem = problem_on(name, fix_dim=8)
    generator = torch.Generator().manual_seed(3)
    best = HardwareTensors.stack([problem.machine.template.hardware(8, 64, 64)])
    start, _ = constructive_starts(Recorder(problem, 1000, clock=lambda: 0.0), 20, generator, 20)
    archive, each = archive_of(start[-1:], best, problem), each_layer(best, 2)
    near, _ = archive.assembled(best, problem)
    near = near if problem.own_tiles else replace(near, held=None)
    drawn = Moves.of(problem.size, problem.machine).propose(near, best.dim.long(), 60, generator)
    known, valid = archive.costs_on(best, problem)
    now = known.gather(problem.choose(known, valid))
    may, mappings = promising(drawn, best, now, problem), problem.tensors(drawn, problem.layers[:, None])
    fitting = fits(mappings, problem.layers[:, None], each, problem.machine)
    assert not may[~fitting].any()
    judged = problem.costs(mappings, problem.layers[:, None], each)
    before = problem.log_score(problem.totals(now))
    for layer in range(len(problem.counts)):
        for place in torch.nonzero(fitting[0, layer]).flatten().tolist():
            swapped = Costs(now.cycles.clone(), now.energy_uj.clone())
            swapped.cycles[0, layer] = judged.cycles[0, layer, place]
            swapped.energy_uj[0, layer] = judged.energy_uj[0, layer, place]
            better = problem.log_score(problem.totals(swapped)) < before - 1e-12
            assert may[0, layer, place] or not better
    assert 0.05 < may[fitting].double().mean() < 0.98


def test_orders_of_loops_that_do_not_turn_and_shares_of_the_array_make_no_other_mapping(problem_on):
    problem = problem_on("gemmini", fix_dim=8)
    space = problem.machine.space
    slots = torch.ones(2, 3, len(space.slots), dtype=torch.long)
    spatial, inner = space.spatial[0], space.partners[0]
    slots[:, 0, spatial], slots[:, 1, inner] = 4, 4
    slots[:, 2, spatial] = 8
    rank = torch.arange(7).expand(2, 3, space.hierarchy.levels, 7).clone()
    rank[1] = rank[1].flip(-1)
    hardware = HardwareTensors.stack([problem.machine.template.hardware(8, 64, 64)]).map(lambda x: x.expand(2, 3))
    names = names_of(Points(slots, rank), hardware, problem)
    assert (names[:, 0] == names[:, 1]).all()
    assert (names[:, 0] != names[:, 2]).all()


def test_pruning_leaves_every_layer_a_mapping_that_fits_the_hardware_of_the_best_design(problem_on):
    problem = problem_on("gemmini", fix_dim=8)
    archive, *_ = some_steps(problem, steps=20)
    small = HardwareTensors.stack([problem.machine.template.hardware(8, 8, 8)])
    points, score = archive.assembled(small, problem)
    assert torch.isfinite(score).all()
    kept = pruned(archive, points, small, 8, problem)
    assert kept.cycles.shape[1] == 8
    again, same = kept.assembled(small, problem)
    assert same == pytest.approx(score)
    assert torch.equal(again.slots, points.slots)
