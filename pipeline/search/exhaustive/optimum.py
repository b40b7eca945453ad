"""The best hardware with the best mappings of every layer, over a whole space.

For one hardware the layers are independent but for their sums, which ``hull`` combines exactly. The hardware is one
of a few hundred: array sizes times powers of two of both memories. Each is tried.

Several networks on one hardware: the objective is sum_n w_n (a log C_n + b log E_n), the logarithm of the weighted
geometric mean of the networks' objectives. C_n and E_n depend on the hardware and on network n's own mappings, so
with the hardware fixed term n is minimised over variables that no other term has: the minimum of the sum is the sum
of the minima. (A layer that two networks share may be mapped differently in each.) So the best shared hardware is the
one whose weighted sum of the networks' own minima is least. That would not hold for the sum of the networks' EDPs
with one common total, or with a limit on what all networks take together; limits on the latency of each network keep
it, with the bound of ``hull``.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.latency import LatencyModel
from pipeline.mapping import LayerTensors, Mapping
from pipeline.search.constraints import Constraints
from pipeline.search.exhaustive.columns import Columns, Costing
from pipeline.search.exhaustive.hull import Best, Hull, best_sum, lower_hull
from pipeline.search.exhaustive.tilings import Tilings, points_of
from pipeline.workload import Layer, Workload


@dataclass(frozen=True, slots=True)
class Network:
    """A network to map, what it weighs, and how long it may take."""

    workload: Workload
    weight: float = 1.0
    max_cycles: float = np.inf


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best of each network on one hardware."""

    hardware: Hardware
    area_mm2: float
    log_score: float
    """Weighted mean over the networks of a log(cycles) + b log(energy in microjoule)."""
    bound: float
    """No mappings of the space on this hardware score less."""
    networks: tuple[Best, ...]
    """Choices are indices into the columns of this array size."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The best of the space, and the best on every hardware of it."""

    best: Optimum
    mappings: tuple[tuple[Mapping, ...], ...]
    """Of the best, one for each unique layer of each network."""
    bound: float
    """No design of the space scores less."""
    hardware: tuple[Optimum, ...]
    """The best of each hardware on which all networks can be mapped within the limits."""
    tilings: int
    """Tilings that were looked at, each in every order that makes a difference."""


@dataclass(frozen=True, slots=True)
class Exhaustive:
    """The space that is searched and what judges it."""

    networks: tuple[Network, ...]
    model: LatencyModel
    constraints: Constraints
    weights: tuple[float, float] = (1.0, 1.0)
    """Exponents of cycles and energy."""
    space: str = "exact"
    cached: bool = False

    def tilings(self) -> int:
        """How many tilings there are."""
        return sum(len(Tilings.of(layer, dim, self.space)) for dim in self.constraints.dims for layer in self._layers())

    def run(self, advance: Callable[[int], None] = lambda _: None) -> Certificate:
        """Go through all of it. Raises ValueError where nothing fits within the limits."""
        found: list[Optimum] = []
        best: Optimum | None = None
        mappings: tuple[tuple[Mapping, ...], ...] = ()
        for dim in self.constraints.dims:
            columns = {layer: self._costing(layer, dim).enumerate(self.space, advance) for layer in self._layers()}
            here = [one for hardware in self._hardware(dim) if (one := self._on(hardware, columns)) is not None]
            found += here
            leader = min(here, key=lambda one: one.log_score, default=None)
            if leader is not None and (best is None or leader.log_score < best.log_score):
                best, mappings = leader, self._mappings(leader, columns)
        if best is None:
            names = ", ".join(network.workload.name for network in self.networks)
            raise ValueError(f"exhaustive search of {names}: no design keeps the limits")
        return Certificate(best, mappings, min(one.bound for one in found), tuple(found), self.tilings())

    def _layers(self) -> list[Layer]:
        return list(dict.fromkeys(entry.layer for network in self.networks for entry in network.workload.layers))

    def _costing(self, layer: Layer, dim: int) -> Costing:
        return Costing(layer, self.model, self.constraints, dim, self.cached)

    def _hardware(self, dim: int) -> list[Hardware]:
        """Everything that may be built with an array of ``dim``."""
        limits = self.constraints
        if limits.fixed is not None:
            return [limits.fixed]
        machine = self.model.machine
        sizes = [machine.grid.low_kib * 2**step for step in range(40)]
        memories = [[kib for kib in sizes if kib <= limit] for limit in limits.limits_kib.values()]
        every = [machine.template.hardware(dim, *kib) for kib in itertools.product(*memories)]
        allowed = limits.allows(HardwareTensors.stack(every)).tolist()
        return [hardware for hardware, ok in zip(every, allowed, strict=True) if ok]

    def _on(self, hardware: Hardware, columns: dict[Layer, Columns]) -> Optimum | None:
        """The best on one hardware; None where a network cannot be mapped within the limits."""
        hulls: dict[Layer, Hull] = {}
        for layer, table in columns.items():
            rows, cycles, energy = table.on(hardware.scratchpad_kib, hardware.accumulator_kib)
            if len(rows) == 0:
                return None
            corners = lower_hull(cycles, energy)
            hulls[layer] = Hull(rows[corners.index], corners.cycles, corners.energy_uj)
        found = []
        for network in self.networks:
            entries = network.workload.layers
            counts = np.array([float(entry.count) for entry in entries])
            one = best_sum([hulls[entry.layer] for entry in entries], counts, self.weights, network.max_cycles)
            if one is None:
                return None
            found.append(one)
        with torch.no_grad():
            area = float(self.model.machine.area_mm2(HardwareTensors.stack([hardware])))
        score, bound = (self._mean([getattr(one, name) for one in found]) for name in ("log_score", "bound"))
        return Optimum(hardware, area, score, bound, tuple(found))

    def _mean(self, scores: Sequence[float]) -> float:
        weights = [network.weight for network in self.networks]
        return sum(w * s for w, s in zip(weights, scores, strict=True)) / sum(weights)

    def _mappings(self, optimum: Optimum, columns: dict[Layer, Columns]) -> tuple[tuple[Mapping, ...], ...]:
        return tuple(
            tuple(
                self._mapping(entry.layer, columns[entry.layer][[row]], optimum.hardware.dim)
                for entry, row in zip(network.workload.layers, best.choice, strict=True)
            )
            for network, best in zip(self.networks, optimum.networks, strict=True)
        )

    def _mapping(self, layer: Layer, row: Columns, dim: int) -> Mapping:
        space = self.model.machine.space
        points = points_of(row.extent, row.rank, dim, space)
        return points.tensors(LayerTensors.stack([layer]), space).mapping(layer, 0, space.hierarchy)
