"""The exhaustive search for learned models, against trying every mapping with the model."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.cost import cost
from pipeline.machine.latency import AnalyticalModel, Latency
from pipeline.machine.machine import Machine, machine_of
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.search.constraints import Constraints
from pipeline.search.driver import search
from pipeline.search.exhaustive import shortlist
from pipeline.search.exhaustive.tilings import EXACT, Tilings, points_of
from pipeline.search.methods import shortlist as method
from pipeline.search.methods.exhaustive import Exhaustive
from pipeline.search.methods.shortlist import Shortlist
from pipeline.search.points import fits
from pipeline.search.problem import Problem, join_workloads
from pipeline.workload import Layer, Workload, WorkloadLayer

MACHINE = machine_of("gemmini", "simple")
CONV = Layer(R=3, S=1, P=6, Q=2, C=20, K=8, N=1)
MATMUL = Layer(R=1, S=1, P=24, Q=1, C=40, K=36, N=1)
LIMITS = Constraints(MACHINE, fix_dim=4, max_kib={"scratchpad_kib": 8.0, "accumulator_kib": 8.0})
SPILLS = np.array([np.argsort(o) for o in [(6, 3, 2, 5, 4, 1, 0), (4, 6, 3, 2, 5, 1, 0), (0, 6, 3, 2, 5, 4, 1)]])


@dataclass(frozen=True)
class Warped:
    """A model that disagrees with the machine by up to half, differently for every tile."""

    machine: Machine = MACHINE
    name: str = "warped"

    def __call__(self, layers, mappings, hardware):
        cycles = self.machine.latency(layers, mappings, hardware)
        tile = (mappings.temporal[..., :-1, :].prod(-2).log() * torch.arange(1, 8)).sum(-1)
        return Latency(cycles * (1 + 0.5 * torch.sin(3 * tile + hardware.sizes["scratchpad_kib"])))


def network(name, *layers):
    return Workload(name, "test", tuple(WorkloadLayer(f"layer{i}", layer, n) for i, (layer, n) in enumerate(layers)))


def every_cost(model, layer, kib):
    """(cycles, energy) of every exact mapping on memories of ``kib``."""
    extent = Tilings.of(layer, 4, EXACT).block(0, 100_000)
    rows = points_of(np.repeat(extent, len(SPILLS), 0), np.tile(SPILLS, (len(extent), 1)), 4, MACHINE.space)
    layers = LayerTensors.stack([layer])
    mappings, built = rows.tensors(layers, MACHINE.space), HardwareTensors.stack([MACHINE.template.hardware(4, *kib)])
    ok = fits(mappings, layers, built, MACHINE)
    found = cost(model, layers, mappings, built)
    return torch.stack([found.cycles, found.energy_uj], -1)[ok].numpy()


def best_of_all(model, *layers):
    """The lowest EDP of two layers over all their mappings and all memories."""
    found = math.inf
    for kib in ((4.0, 4.0), (4.0, 8.0), (8.0, 4.0), (8.0, 8.0)):
        first, second = (n * every_cost(model, layer, kib) for layer, n in layers)
        if len(first) and len(second):
            found = min(found, (first[:, None] + second[None]).prod(-1).min())
    return found


def solved(problem):
    return search(problem, Shortlist(), "exhaustive-learned", evaluations=1, seed=0)


def test_with_a_shortlist_of_everything_the_model_finds_its_own_best_of_all(monkeypatch):
    monkeypatch.setattr(shortlist, "SHARE", 1.0)
    monkeypatch.setattr(shortlist, "MOST", 10**6)
    monkeypatch.setattr(method, "HARDWARE", 100)
    result = solved(Problem(network("toy", (CONV, 2), (MATMUL, 1)), Warped(), LIMITS))
    assert result.edp == pytest.approx(best_of_all(Warped(), (CONV, 2), (MATMUL, 1)), rel=1e-6)
    assert result.log_bound == -math.inf


def test_a_model_that_agrees_with_the_machine_gets_the_certified_optimum():
    joined, shares = join_workloads([network("a", (CONV, 1)), network("b", (MATMUL, 2))], [2.0, 1.0])
    problem = Problem(joined, AnalyticalModel(MACHINE), LIMITS, networks=shares)
    certified = search(problem, Exhaustive(), "exhaustive", evaluations=1, seed=0)
    assert solved(problem).edp == pytest.approx(certified.edp)


def test_the_model_and_not_the_machine_decides():
    problem = Problem(network("toy", (CONV, 2), (MATMUL, 1)), Warped(), LIMITS)
    own = search(replace(problem, model=AnalyticalModel(MACHINE)), Exhaustive(), "exhaustive", evaluations=1, seed=0)
    hardware, layers = HardwareTensors.stack([own.hardware]), problem.layers
    judged = problem.totals(problem.costs(MappingTensors.stack(own.mappings), layers, hardware))
    assert solved(problem).edp < 0.99 * float(judged.cycles * judged.energy_uj)


def test_of_all_mappings_of_a_layer_one_in_a_hundred_is_listed():
    ranked = shortlist.Ranked(np.arange(50.0), np.zeros((50, 7), int), np.zeros((50, 7), int), seen=1234)
    assert ranked.shortlist().shape == (2, 13, 7)
