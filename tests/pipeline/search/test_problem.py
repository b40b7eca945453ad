"""Choice, counting and judging."""

from itertools import product

import pytest
import torch

from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.search.points import each_layer, smallest
from pipeline.search.problem import Costs, Problem, Recorder
from tests.pipeline.search.test_points import designs


def recorder_of(problem, budget=100):
    return Recorder(problem, budget, clock=lambda: 0.0)


@pytest.mark.parametrize("objective", ["edp", "latency", "energy", "ed2p"])
def test_choice_is_close_to_the_best_of_all_combinations(problem_on, objective):
    base = problem_on()
    problem = Problem(base.workload, base.model, base.constraints, objective)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(30):
        draw = torch.rand(2, 2, 8, generator=generator, dtype=torch.float64)
        costs = Costs(draw[0].exp() * 1e5, draw[1].exp() * 1e2)
        valid = torch.rand(2, 8, generator=generator) < 0.8
        valid[:, 0] = True
        scores = [
            float(problem.log_score(problem.totals(costs.gather(torch.tensor(pair)))))
            for pair in product(range(8), repeat=2)
            if valid[0, pair[0]] and valid[1, pair[1]]
        ]
        choice = problem.choose(costs, valid)
        assert valid.gather(1, choice[:, None]).all()
        found = float(problem.log_score(problem.totals(costs.gather(choice))))
        losses.append(found - min(scores))
    assert max(losses) < 0.1  # the best of all is at most 10 % lower
    assert sum(losses) / len(losses) < 0.01


def test_designs_are_judged_on_the_smallest_hardware(problem_on):
    problem = problem_on()
    points, _ = designs(problem, 3)
    recorder = recorder_of(problem)
    score, _totals, hardware = recorder.designs(points)
    tensors = problem.tensors(points)
    expected = smallest(tensors, problem.layers, problem.constraints)
    assert torch.equal(hardware.scratchpad_kib, expected.scratchpad_kib)
    costs = problem.costs(tensors, problem.layers, each_layer(expected))
    edp = (costs.cycles * problem.counts).sum(-1) * (costs.energy_uj * problem.counts).sum(-1)
    assert torch.allclose(score.exp(), edp)
    assert recorder.best_log_score == float(score.min())
    assert torch.equal(recorder.best.slots, points.slots[score.argmin()])


def test_one_evaluation_is_one_mapping_of_every_layer(problem_on):
    problem = problem_on()
    points, _hardware = designs(problem, 3)
    recorder = recorder_of(problem)
    recorder.designs(points)
    assert recorder.evaluations == 3
    big = problem.constraints.largest
    recorder.candidates(points[0], problem.layers, big)
    assert recorder.evaluations == 4


def test_candidates_that_do_not_fit_are_not_counted(problem_on):
    problem = problem_on()
    points, _ = designs(problem, 2)
    recorder = recorder_of(problem)
    tiny = problem_on(fixed=(128, 1.0, 1.0)).constraints.fixed_as((1,))
    points = type(points)(points.slots.clone(), points.rank)
    points.slots[..., :] = 1
    points.slots[:, :, 4:11] = problem.size  # the whole layer in one tile
    _, valid = recorder.candidates(points, problem.layers, tiny)
    assert not valid.any()
    assert recorder.evaluations == 0
    assert recorder.invalid == 4


def test_the_judge_agrees_with_single_calls_of_the_model(problem_on):
    problem = problem_on("gemmini")
    points, _ = designs(problem, 2)
    _score, totals, hardware = recorder_of(problem).designs(points)
    tensors = problem.tensors(points)
    cycles = 0.0
    for index, entry in enumerate(problem.workload.layers):
        mapping = tensors.mapping(entry.layer, (0, index))
        single = problem.model(LayerTensors.stack([entry.layer]), MappingTensors.stack([mapping]), hardware[:1])
        cycles += entry.count * float(single.cycles)
    assert float(totals.cycles[0]) == pytest.approx(cycles)
