"""Searches that move the structure of the hardware."""

import json
from itertools import pairwise

import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import machine_of
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.search.constraints import Constraints
from pipeline.search.local.archive import Archive, archive_of
from pipeline.search.local.construct import constructive_starts
from pipeline.search.local.refinement import RefinementSettings, advanced
from pipeline.search.points import Points, smallest
from pipeline.search.problem import Problem, Recorder
from pipeline.stages.search import run_search, structures
from pipeline.table import Row, read_table, rows_of
from pipeline.workload import Layer, Workload, WorkloadLayer

SOC = machine_of("gemmini")
CHOICES = {"reads_in_flight": (4, 8, 16, 32), "bus_bytes": (16, 32), "array_slots": (4, 6)}


def test_a_search_moves_the_structure_and_its_files_have_it(small, tmp_path):
    choices = {"reads_in_flight": (2, 4, 8)}
    result = run_search(
        small,
        method="gradient",
        evaluations=600,
        model=AnalyticalModel(SOC),
        seed=0,
        fix_dim=16,
        structure=choices,
        out=tmp_path,
    )
    # It begins at 8, next to the default; fewer reads in flight are slower.
    assert result.hardware.changed == {"reads_in_flight": 8}
    for row in rows_of(read_table(tmp_path / "mappings.csv"), SOC.template):
        assert isinstance(row, Row)
        assert row.hardware == result.hardware
    design = json.loads((tmp_path / "design.json").read_text())
    assert design["hardware"] == {"id": result.hardware.id} | result.hardware.sizes
    assert design["hardware"]["reads_in_flight"] == 8


def after_steps(workload: Workload, steps: int) -> tuple[Problem, Archive, HardwareTensors, list[dict[str, int]]]:
    """Archive and hardware after some steps of refinement, and the structures on the way."""
    problem = Problem(workload, AnalyticalModel(SOC), Constraints(SOC, fix_dim=16, structure=CHOICES))
    recorder = Recorder(problem, 2000, clock=lambda: 0.0)
    generator = torch.Generator().manual_seed(1)
    points, _ = constructive_starts(recorder, 20, generator, 20)
    best = smallest(problem.tensors(points), problem.layers, problem.constraints)
    archive, best = archive_of(points, best, problem), best[:1]
    way = [best.hardware(0, SOC.template).changed]
    for _ in range(steps):
        archive, best = advanced(archive, best, recorder, RefinementSettings(), generator)
        way.append(best.hardware(0, SOC.template).changed)
    assert recorder.best_hardware is not None
    assert recorder.best_log_score <= float(archive.assembled(best, problem)[1]) + 0.2
    return problem, archive, best, way


def test_refinement_moves_through_structures_step_by_step(small):
    *_, way = after_steps(small, 12)
    names = list(CHOICES)
    places = [[CHOICES[name].index(one.get(name, int(SOC.default_hardware[name]))) for name in names] for one in way]
    changed = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairwise(places)]
    assert sum(changed) > 0
    assert max(changed) <= 2
    assert way[-1]["reads_in_flight"] == 32  # more are never slower


def test_what_is_known_after_the_structure_changed_is_what_the_model_says_on_it(small):
    problem, archive, best, way = after_steps(small, 12)
    assert way[-1] != way[0]
    costs, valid = archive.costs_on(best, problem)
    known = Points(archive.slots, archive.rank)
    there = best.map(lambda size: size.expand(archive.cycles.shape))
    judged = problem.costs(problem.tensors(known, problem.layers[:, None]), problem.layers[:, None], there)
    assert valid.sum() > 20
    assert (judged.cycles <= costs.cycles[0] * (1 + 1e-9))[valid[0]].all()
    close = (judged.cycles / costs.cycles[0] - 1).abs() < 1e-9
    assert close[valid[0]].double().mean() > 0.8  # the others fill the memory that they were judged on


def test_hardware_that_is_fixed_keeps_its_structure_whatever_searches():
    layer = Layer(R=1, S=1, P=4, Q=1, C=4, K=6)
    workload = Workload("tiny", "test", (WorkloadLayer("layer", layer, 1),))
    hardware = SOC.template.hardware(4, 16, 16).restructured({"reads_in_flight": 1, "tiles_in_flight": 1})
    methods = ("gradient", "random", "exhaustive", "default")
    for method in methods:
        found = run_search(
            workload, method=method, evaluations=60, model=AnalyticalModel(SOC), seed=0, fix_hardware=hardware
        )
        assert found.hardware == hardware
        sizes = HardwareTensors.stack([hardware])
        cycles = SOC.latency(LayerTensors.stack([layer]), MappingTensors.stack(found.mappings), sizes)
        assert found.cycles == pytest.approx(float(cycles))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"structure": {"buss": (16,)}}, "hardware of gemmini has no buss; it has bus_bytes"),
        (
            {"structure": {"bus_bytes": (32, 16)}},
            r"structure bus_bytes = \[32, 16\]: must be numbers in ascending order",
        ),
        ({"structure": {"bus_bytes": ()}}, r"structure bus_bytes = \[\]: must be numbers in ascending order"),
        ({"structure": {"bus_bytes": (16,)}, "fix_hardware": (16, 256.0, 64.0)}, "cannot be combined"),
        (
            {"structure": {"bus_bytes": (16,)}, "method": "random"},
            "method random: only gradient searches the structure",
        ),
    ],
)
def test_a_choice_of_structures_that_is_not_possible_is_named(small, options, message):
    with pytest.raises(ValueError, match=message):
        run_search(
            small, **{"method": "gradient", "evaluations": 10, "model": AnalyticalModel(SOC), "seed": 0} | options
        )


def test_structures_are_read_from_the_command_line():
    assert structures(["bus_bytes=16,32", "array_slots=6"]) == {"bus_bytes": (16, 32), "array_slots": (6,)}
    with pytest.raises(ValueError, match=r"--structure bus_bytes=x: expected AXIS=N,N,... such as"):
        structures(["bus_bytes=x"])
