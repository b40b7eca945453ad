"""The exhaustive search for learned models, against trying every mapping with the model."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import AnalyticalModel, Latency
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import MappingTensors
from pipeline.search.driver import search
from pipeline.search.exhaustive import shortlist
from pipeline.search.exhaustive.tilings import EXACT
from pipeline.search.methods import shortlist as method
from pipeline.search.methods.exhaustive import Exhaustive
from pipeline.search.methods.shortlist import Shortlist
from pipeline.search.problem import Problem, join_workloads
from tests.pipeline.search.toys import CONV, MACHINE, MATMUL, SMALL, SPILLS, all_costs, every_mapping, network


@dataclass(frozen=True)
class Warped:
    """A model that disagrees with the machine by up to half, differently for every tile."""

    machine: Machine = MACHINE
    name: str = "warped"

    def __call__(self, layers, mappings, hardware):
        cycles = self.machine.latency(layers, mappings, hardware)
        tile = (mappings.temporal[..., :-1, :].prod(-2).log() * torch.arange(1, 8)).sum(-1)
        return Latency(cycles * (1 + 0.5 * torch.sin(3 * tile + hardware.sizes["scratchpad_kib"])))


def every_cost(model, layer, kib):
    """(cycles, energy) of every exact mapping on memories of ``kib``."""
    extent, _ = every_mapping(layer, 4, EXACT)
    rows = np.repeat(extent, len(SPILLS), 0), np.tile(SPILLS, (len(extent), 1))
    return all_costs(layer, 4, np.array(kib), *rows, model)


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
    result = solved(Problem(network("toy", (CONV, 2), (MATMUL, 1)), Warped(), SMALL))
    assert result.edp == pytest.approx(best_of_all(Warped(), (CONV, 2), (MATMUL, 1)), rel=1e-6)
    assert result.log_bound == -math.inf


def test_a_model_that_agrees_with_the_machine_gets_the_certified_optimum():
    joined, shares = join_workloads([network("a", (CONV, 1)), network("b", (MATMUL, 2))], [2.0, 1.0])
    problem = Problem(joined, AnalyticalModel(MACHINE), SMALL, networks=shares)
    certified = search(problem, Exhaustive(), "exhaustive", evaluations=1, seed=0)
    assert solved(problem).edp == pytest.approx(certified.edp)


def test_the_model_and_not_the_machine_decides():
    problem = Problem(network("toy", (CONV, 2), (MATMUL, 1)), Warped(), SMALL)
    own = search(replace(problem, model=AnalyticalModel(MACHINE)), Exhaustive(), "exhaustive", evaluations=1, seed=0)
    hardware, layers = HardwareTensors.stack([own.hardware]), problem.layers
    judged = problem.totals(problem.costs(MappingTensors.stack(own.mappings), layers, hardware))
    assert solved(problem).edp < 0.99 * float(judged.cycles * judged.energy_uj)


def test_of_all_mappings_of_a_layer_one_in_a_hundred_is_listed():
    ranked = shortlist.Ranked(np.arange(50.0), np.zeros((50, 7), int), np.zeros((50, 7), int), seen=1234)
    assert ranked.shortlist().shape == (2, 13, 7)
