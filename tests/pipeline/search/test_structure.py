"""Searches that move the structure of the hardware."""

import json
from itertools import product

import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import machine_of
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.search.constraints import Constraints
from pipeline.search.local.construct import construct, random_priorities
from pipeline.search.local.refine import restructured
from pipeline.search.points import smallest
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


def test_a_step_is_the_best_of_all_single_steps(small):
    constraints = Constraints(SOC, fix_dim=16, structure=CHOICES)
    problem = Problem(small, AnalyticalModel(SOC), constraints)
    recorder = Recorder(problem, 1000, clock=lambda: 0.0)
    generator = torch.Generator().manual_seed(0)
    hardware = constraints.sample(5, generator)
    each = hardware[:, None]
    points = construct(problem.layers, each, random_priorities((5, len(problem.counts)), generator), SOC)
    own = smallest(problem.tensors(points), problem.layers, constraints, {n: hardware.sizes[n] for n in CHOICES})
    score, _, _ = recorder.designs(points, own)
    _, found = restructured(points, own, score, recorder)
    for index in range(5):
        now = {name: int(own.sizes[name][index]) for name in CHOICES}
        scores = {}
        for numbers in product(*CHOICES.values()):
            other = dict(zip(CHOICES, numbers, strict=True))
            places = [abs(CHOICES[name].index(other[name]) - CHOICES[name].index(now[name])) for name in CHOICES]
            if sum(places) <= 1:
                changed = own.replaced({n: torch.full((5,), float(v), dtype=torch.float64) for n, v in other.items()})
                scores[numbers] = float(recorder.designs(points, changed)[0][index])
        chosen = tuple(int(found[name][index]) for name in CHOICES)
        assert scores[chosen] == min(scores.values())


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
