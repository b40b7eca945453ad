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
from pipeline.search.exhaustive.columns import Columns, Costing
from pipeline.search.exhaustive.hull import Best, Hull, best_sum, lower_hull
from pipeline.search.exhaustive.tilings import SPACES, Tilings, points_of
from pipeline.search.points import Points, concatenate
from pipeline.search.problem import Problem
from pipeline.workload import Layer


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
class Exhaustive:
    """The space that is gone through: all mappings of ``tilings`` for ``problem`` on everything that may be built.

    Raises ValueError for a machine whose mappings are not one tile, the array and an order of the DRAM loops.
    """

    problem: Problem
    tilings: str = "exact"

    def __post_init__(self) -> None:
        if self.tilings not in SPACES:
            raise ValueError(f"tilings {self.tilings!r}: not one of {', '.join(SPACES)}")
        if not self.problem.machine.space.is_tiled_once:
            raise ValueError(
                f"method exhaustive: mappings of {self.problem.machine.name} have tiles inside tiles, too many to try"
            )

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Different layers of all networks."""
        return tuple(dict.fromkeys(entry.layer for entry in self.problem.workload.layers))

    def count(self) -> int:
        """How many tilings there are, over all array sizes."""
        dims = self.problem.constraints.dims
        return sum(len(Tilings.of(layer, dim, self.tilings)) for dim in dims for layer in self.layers)

    def columns(self, layer: Layer, dim: int, advance: Callable[[int], None] = lambda _: None) -> Columns:
        """The mappings of ``layer`` on an array of ``dim`` that no other beats on everything that may be built."""
        costing = Costing(self.problem.model, self.problem.constraints, dim)
        return costing.enumerate(layer, self.tilings, self.hardware(dim), advance)

    def hardware(self, dim: int) -> list[Hardware]:
        """Everything that may be built with an array of ``dim``."""
        limits, grid = self.problem.constraints, self.problem.machine.grid
        if limits.fixed is not None:
            return [limits.fixed]
        sizes = [[kib for kib in _doubled(grid.low_kib) if kib <= limit] for limit in limits.limits_kib.values()]
        every = [limits.machine.template.hardware(dim, *kib) for kib in itertools.product(*sizes)]
        allowed = limits.allows(HardwareTensors.stack(every)).tolist()
        return [hardware for hardware, ok in zip(every, allowed, strict=True) if ok]

    @staticmethod
    def hulls(hardware: Hardware, columns: dict[Layer, Columns]) -> dict[Layer, Hull] | None:
        """What each layer can cost on one hardware; None where one does not fit."""
        hulls: dict[Layer, Hull] = {}
        for layer, table in columns.items():
            rows, cycles, energy = table.on(hardware)
            if len(rows) == 0:
                return None
            corners = lower_hull(cycles, energy)
            hulls[layer] = Hull(rows[corners.index], corners.cycles, corners.energy_uj)
        return hulls

    def on(self, hardware: Hardware, columns: dict[Layer, Columns]) -> Optimum | None:
        """The best on one hardware; None where a network cannot be mapped within the limits."""
        hulls = self.hulls(hardware, columns)
        if hulls is None:
            return None
        entries, found, start = self.problem.workload.layers, [], 0
        for network in self.problem.networks:
            own = entries[start : start + network.layers]
            start += network.layers
            counts = np.array([float(entry.count) for entry in own])
            one = best_sum([hulls[entry.layer] for entry in own], counts, self.problem.weights, network.max_cycles)
            if one is None:
                return None
            found.append(one)
        with torch.no_grad():
            area = float(self.problem.machine.area_mm2(HardwareTensors.stack([hardware])))
        score, bound = (self._mean([getattr(one, name) for one in found]) for name in ("log_score", "bound"))
        return Optimum(hardware, area, score, bound, tuple(found))

    def on_each(self, dim: int, columns: Sequence[Columns]) -> dict[int, Optimum]:
        """The best on every ``hardware(dim)`` that can be mapped, by its place; ``columns`` are those of ``layers``."""
        tables = dict(zip(self.layers, columns, strict=True))
        found = {at: self.on(hardware, tables) for at, hardware in enumerate(self.hardware(dim))}
        return {at: one for at, one in found.items() if one is not None}

    def points(self, optimum: Optimum, columns: Sequence[Columns]) -> Points:
        """The mappings of ``optimum``, one for each of the problem's layers [L], from ``columns`` of ``layers``."""
        tables = dict(zip(self.layers, columns, strict=True))
        rows = [row for best in optimum.networks for row in best.choice]
        space = self.problem.machine.space
        picked = [tables[entry.layer][[row]] for entry, row in zip(self.problem.workload.layers, rows, strict=True)]
        return concatenate([points_of(one.extent, one.rank, optimum.hardware.dim, space) for one in picked], 0)

    def _mean(self, scores: Sequence[float]) -> float:
        return float(np.dot(self.problem.shares.numpy(), scores))


def _doubled(least: float) -> list[float]:
    return [least * 2**step for step in range(40)]
