"""The problem that every method solves, its judge, and the count of evaluations.

Counting, the same for every method: one evaluation is one model call on one mapping of every unique layer on one
hardware. A candidate that changes a single layer is one layer evaluation, and (unique layers) of them make one
evaluation. Forward with backward counts once. Candidates that do not fit their hardware are not counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.choices import OBJECTIVES, Objective
from pipeline.hardware import HardwareTensors
from pipeline.machine.cost import cost
from pipeline.machine.latency import AnalyticalModel, LatencyModel
from pipeline.machine.machine import Machine, MachineChoice
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.search.constraints import Constraints
from pipeline.search.points import Points, align, each_layer, fits, smallest
from pipeline.workload import Workload


@dataclass(frozen=True, slots=True)
class Costs:
    """What mappings cost, per layer and without repeat counts."""

    cycles: Float[Tensor, "*b"]
    energy_uj: Float[Tensor, "*b"]

    def gather(self, index: Int[Tensor, "*b"]) -> "Costs":
        """The costs that ``index`` picks on the last dimension."""
        picked = (x.gather(-1, index[..., None]).squeeze(-1) for x in (self.cycles, self.energy_uj))
        return Costs(*picked)


@dataclass(frozen=True, slots=True)
class Network:
    """One of the networks that share the hardware. Raises ValueError when its weight or limit is not above 0."""

    name: str
    layers: int
    """How many of the problem's layers are its own; they follow those of the networks before it."""
    weight: float = 1.0
    """Its part in the objective, the weighted geometric mean over the networks."""
    max_cycles: float = math.inf
    """The longest that one run of it may take."""

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ValueError(f"workload {self.name!r}: weight = {self.weight}: must be above 0")
        if not self.max_cycles > 0:
            raise ValueError(f"workload {self.name!r}: latency limit = {self.max_cycles} cycles: must be above 0")


def join_workloads(workloads: Sequence[Workload], weights: Sequence[float]) -> tuple[Workload, tuple[Network, ...]]:
    """Several networks as one workload, layers named ``network/layer``, and where each one's layers are.

    Raises ValueError when two have the same name.
    """
    names = [workload.name for workload in workloads]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"workload {name!r} is given twice")
    networks = tuple(Network(w.name, len(w.layers), weight) for w, weight in zip(workloads, weights, strict=True))
    if len(workloads) == 1:
        return workloads[0], networks
    layers = [replace(entry, name=f"{w.name}/{entry.name}") for w in workloads for entry in w.layers]
    return Workload("+".join(names), "; ".join(w.source for w in workloads), tuple(layers)), networks


OVER_LIMIT = 20.0
"""How much steeper the objective rises with the cycles of a network that is over its limit."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Networks to map, the model that judges, and what may be built.

    Several networks share the hardware, each layer has a mapping of its own, and the objective is the weighted
    geometric mean of the networks' objectives.
    """

    workload: Workload
    """Layers of all networks."""
    model: LatencyModel
    constraints: Constraints
    objective: Objective = "edp"
    networks: tuple[Network, ...] = ()
    """Whose layers they are; empty: all of one network."""
    one_tile: bool = False
    """Whether a level has one tile for all tensors though the machine could keep them apart."""
    layers: LayerTensors = field(init=False)
    """Layers [L]."""
    counts: Float[Tensor, " L"] = field(init=False)
    """Repeat counts [L]."""
    owner: Int[Tensor, " L"] = field(init=False)
    """Which network each layer is of."""

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective {self.objective!r} is not one of {', '.join(OBJECTIVES)}")
        if self.model.machine != self.constraints.machine:
            asked, known = (MachineChoice.of(item.machine) for item in (self.constraints, self.model))
            raise ValueError(f"model is for {known}, the search for {asked}")
        entries = self.workload.layers
        if not self.networks:
            object.__setattr__(self, "networks", (Network(self.workload.name, len(entries)),))
        owner = [n for n, network in enumerate(self.networks) for _ in range(network.layers)]
        if len(owner) != len(entries):
            raise ValueError(f"networks have {len(owner)} layers, workload {self.workload.name!r} has {len(entries)}")
        object.__setattr__(self, "owner", torch.tensor(owner))
        object.__setattr__(self, "layers", LayerTensors.stack([entry.layer for entry in entries]))
        object.__setattr__(self, "counts", torch.tensor([float(entry.count) for entry in entries], dtype=torch.float64))

    @property
    def machine(self) -> Machine:
        """What mappings mean."""
        return self.constraints.machine

    @property
    def own_tiles(self) -> bool:
        """Whether tensors may have tiles of their own. Not where a learned model judges: it does not see them."""
        able = bool(self.machine.space.own_tiles) and isinstance(self.model, AnalyticalModel)
        return able and not self.one_tile

    @property
    def weights(self) -> tuple[float, float]:
        """Exponents of total cycles and total energy in the objective."""
        return OBJECTIVES[self.objective]

    def tensors(self, points: Points, layers: LayerTensors | None = None) -> MappingTensors:
        """Factors of all levels of designs [*b, L]; of other shapes with the ``layers`` that they go with."""
        return points.tensors(self.layers if layers is None else layers, self.machine.space)

    @property
    def size(self) -> Int[Tensor, "L 7"]:
        """Layer sizes as integers."""
        return self.layers.size.long()

    def costs(self, mappings: MappingTensors, layers: LayerTensors, hardware: HardwareTensors) -> Costs:
        """Cycles and energy of each mapping, differentiable; ``layers`` and ``hardware`` broadcast."""
        layers = align(layers, mappings)
        found = cost(self.model, layers, mappings, hardware)
        cycles, energy = found.cycles, found.energy_uj
        return Costs(cycles.expand_as(cycles + energy), energy.expand_as(cycles + energy))

    @property
    def shares(self) -> Float[Tensor, " networks"]:
        """Weights of the networks; they add up to one."""
        weights = torch.tensor([network.weight for network in self.networks], dtype=torch.float64)
        return weights / weights.sum()

    def each_network(self, costs: Costs) -> Costs:
        """Costs of every network [*b, networks] from those of all layers [*b, L]."""
        part = (self.owner == torch.arange(len(self.networks))[:, None]) * self.counts
        return Costs(costs.cycles @ part.T, costs.energy_uj @ part.T)

    def totals(self, costs: Costs) -> Costs:
        """Costs of the network [*b] from those of its layers [*b, L]; of several the weighted geometric means.

        Where a network is over its limit, the cycles are as much larger as makes the objective rise steeply.
        """
        if len(self.networks) == 1 and self.networks[0].max_cycles == math.inf:
            return Costs((costs.cycles * self.counts).sum(-1), (costs.energy_uj * self.counts).sum(-1))
        each, shares = self.each_network(costs), self.shares
        log_cycles = self._raised(each.cycles.log(), self._log_limits)
        return Costs((log_cycles @ shares).exp(), (each.energy_uj.log() @ shares).exp())

    def _raised(self, log_cycles: Tensor, log_limits: Tensor) -> Tensor:
        """``log_cycles``, larger where they are over their limits."""
        return log_cycles + OVER_LIMIT / self.weights[0] * torch.relu(log_cycles - log_limits)

    @property
    def _log_limits(self) -> Float[Tensor, " networks"]:
        return torch.tensor([math.log(network.max_cycles) for network in self.networks], dtype=torch.float64)

    def log_score(self, totals: Costs) -> Float[Tensor, "*b"]:
        """Logarithm of the objective at ``totals``."""
        cycles, energy = self.weights
        return cycles * totals.cycles.log() + energy * totals.energy_uj.log()

    def slopes(self, costs: Costs) -> tuple[Float[Tensor, "*b L"], Float[Tensor, "*b L"]]:
        """What a cycle and a microjoule of each layer add to the objective at ``costs`` [*b, L]."""
        each = self.each_network(costs)
        a, b = self.weights
        steep = a + OVER_LIMIT * (each.cycles.log() > self._log_limits)
        return (self.shares * steep / each.cycles)[..., self.owner], (self.shares * b / each.energy_uj)[..., self.owner]

    def change(self, costs: Costs, others: Costs) -> Float[Tensor, "*b L M"]:
        """What is added to the logarithm of the objective at ``costs`` [*b, L] if a layer costs ``others`` [*b, L, M].

        The other layers stay as they are.
        """
        each, count, limits = self.each_network(costs), self.counts[:, None], self._log_limits[self.owner, None]
        a, b = self.weights

        def score(cycles: Tensor, energy_uj: Tensor) -> Tensor:
            return a * self._raised(cycles.log(), limits) + b * energy_uj.log()

        cycles, energy_uj = each.cycles[..., self.owner, None], each.energy_uj[..., self.owner, None]
        more_cycles = count * (others.cycles - costs.cycles[..., None])
        more_energy_uj = count * (others.energy_uj - costs.energy_uj[..., None])
        after = score(cycles + more_cycles, energy_uj + more_energy_uj)
        return self.shares[self.owner, None] * (after - score(cycles, energy_uj))

    def choose(self, costs: Costs, valid: Bool[Tensor, "*b L M"]) -> Int[Tensor, "*b L"]:
        """The candidate of each layer that makes the objective best, from candidates [*b, L, M] on one hardware.

        Cycles and energy are sums over a network's layers, so at given totals each layer's choice is a weighted sum;
        the weights follow from the totals. Start from each layer's own best; stop when the choice stays.
        """
        a, b = self.weights
        blocked = torch.where(valid, 0.0, torch.inf)
        index = (a * costs.cycles.log() + b * costs.energy_uj.log() + blocked).argmin(-1)
        best, best_score = index, self.log_score(self.totals(costs.gather(index)))
        for _ in range(8):
            per_cycle, per_uj = self.slopes(costs.gather(index))
            slope = per_cycle[..., None] * costs.cycles + per_uj[..., None] * costs.energy_uj
            new = (slope + blocked).argmin(-1)
            if torch.equal(new, index):
                break
            index = new
            score = self.log_score(self.totals(costs.gather(index)))
            better = score < best_score
            best, best_score = torch.where(better[..., None], index, best), torch.where(better, score, best_score)
        return best


@dataclass(slots=True)
class Recorder:
    """Counts evaluations and keeps the best design so far."""

    problem: Problem
    budget: int
    clock: Any
    """Returns seconds since the search began (earlier runs of an interrupted search included)."""
    layer_evaluations: int = 0
    invalid: int = 0
    """Layer candidates that did not fit."""
    best_log_score: float = float("inf")
    best: Points | None = None
    """Mappings of the best design, [L]."""
    best_hardware: HardwareTensors | None = None
    """The hardware that it was judged on."""
    trace: list[tuple[float, float, float, float]] = field(default_factory=list)
    """(evaluations, seconds, total cycles, total energy in microjoule) of each new best."""
    log_bound: float = float("-inf")
    """Logarithm of the objective that no design of the space is below, where the method knows one."""
    space: str = ""
    """All that this bound is for, in words."""
    progress: str = ""
    """How far a method is that does not go by evaluations."""

    @property
    def evaluations(self) -> float:
        """Evaluations so far."""
        return self.layer_evaluations / len(self.problem.workload.layers)

    @property
    def left(self) -> float:
        """Evaluations left."""
        return self.budget - self.evaluations

    def count(self, designs: int) -> None:
        """Count evaluations of whole designs."""
        self.layer_evaluations += designs * len(self.problem.workload.layers)

    def candidates(
        self,
        points: Points,
        layers: LayerTensors,
        hardware: HardwareTensors,
        wanted: Bool[Tensor, "*b"] | None = None,
    ) -> tuple[Costs, Bool[Tensor, "*b"]]:
        """Evaluate single-layer candidates; those that do not fit or are not ``wanted`` are marked and not counted."""
        mappings = self.problem.tensors(points, layers)
        valid = fits(mappings, layers, hardware, self.problem.machine)
        wanted = torch.ones_like(valid) if wanted is None else wanted
        self.layer_evaluations += int((valid & wanted).sum())
        self.invalid += int((~valid & wanted).sum())
        valid = valid & wanted
        with torch.no_grad():
            return self.problem.costs(mappings, layers, hardware), valid

    def designs(
        self, points: Points, hardware: HardwareTensors | None = None
    ) -> tuple[Float[Tensor, "*b"], Costs, HardwareTensors]:
        """Judge whole designs [*b, L] on ``hardware`` [*b], else on the smallest that fits them; keep the best.

        Returns the logarithm of the objective (infinite where a limit is broken), the totals and the hardware.
        """
        problem = self.problem
        mappings = problem.tensors(points)
        if hardware is None:
            hardware = smallest(mappings, problem.layers, problem.constraints)
        each = each_layer(hardware)
        valid = problem.constraints.allows(hardware)
        valid = valid & fits(mappings, problem.layers, each, problem.machine).all(-1)
        self.count(int(valid.sum()))
        self.invalid += int((~valid).sum()) * len(problem.workload.layers)
        with torch.no_grad():
            totals = problem.totals(problem.costs(mappings, problem.layers, each))
            score = torch.where(valid, problem.log_score(totals), torch.inf)
        self._keep(points, score, totals, hardware)
        return score, totals, hardware

    def _keep(self, points: Points, score: Tensor, totals: Costs, hardware: HardwareTensors) -> None:
        flat = score.reshape(-1)
        index = int(flat.argmin())
        if not flat[index] < self.best_log_score:
            return
        self.best_log_score = float(flat[index])
        batch = score.dim()
        self.best = points.map(lambda part: part.reshape(-1, *part.shape[batch:])[index].clone())
        self.best_hardware = hardware.map(lambda size: size.reshape(-1)[index].clone())
        cycles, energy = totals.cycles.reshape(-1)[index], totals.energy_uj.reshape(-1)[index]
        self.trace.append((self.evaluations, self.clock(), float(cycles), float(energy)))

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        best = None if self.best is None else {f.name: getattr(self.best, f.name) for f in fields(Points)}
        return {
            "layer_evaluations": self.layer_evaluations,
            "invalid": self.invalid,
            "best_log_score": self.best_log_score,
            "best": best,
            "best_hardware": None if self.best_hardware is None else self.best_hardware.sizes,
            "log_bound": self.log_bound,
            "space": self.space,
            "trace": list(self.trace),
            "seconds": self.clock(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""
        self.layer_evaluations, self.invalid = state["layer_evaluations"], state["invalid"]
        self.best_log_score = state["best_log_score"]
        self.best = None if state["best"] is None else Points(**state["best"])
        self.best_hardware = None if state["best_hardware"] is None else HardwareTensors(state["best_hardware"])
        self.log_bound, self.space = state["log_bound"], state["space"]
        self.trace = [tuple(row) for row in state["trace"]]
