"""What every mapping of a layer costs on hardware of any size, as a few numbers each.

With the array fixed, words and cycles of a mapping do not depend on how large the memories are, except that the
smallest scratchpad which holds the tile may be slower: inputs and weights then share a bank (one twice as large has
banks of its own for each). Energy is linear in both sizes. So a few numbers say what a mapping costs on any hardware.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from pipeline.hardware import ACCUMULATOR, SCRATCHPAD, HardwareTensors
from pipeline.machine.latency import LatencyModel
from pipeline.mapping import LayerTensors
from pipeline.search.constraints import Constraints
from pipeline.search.exhaustive.orders import distinct_ranks
from pipeline.search.exhaustive.tilings import Tilings, points_of
from pipeline.workload import DIMS, Layer

BLOCK = 4096
"""Mappings that are judged at once."""

DIRECTIONS = 24
"""Weightings of the columns whose minima are compared with every mapping when dominated ones are dropped."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Mappings of one layer on an array of one size and what they cost; all arrays have one row a mapping."""

    extent: Int[np.ndarray, "rows 7"]
    """Of a tile."""
    rank: Int[np.ndarray, "rows 7"]
    """Position of each DRAM loop, 0 = outermost."""
    need: Float[np.ndarray, "rows 2"]
    """Smallest scratchpad and accumulator that are built and hold the tile, in physical KiB."""
    cost: Float[np.ndarray, "rows 5"]
    """Cycles on the smallest scratchpad, cycles on any larger one, energy in microjoule at no memory size, and what a
    KiB of scratchpad and one of accumulator add to it."""

    def __len__(self) -> int:
        return len(self.cost)

    def __getitem__(self, rows: Any) -> "Columns":
        return Columns(self.extent[rows], self.rank[rows], self.need[rows], self.cost[rows])

    @classmethod
    def join(cls, parts: list["Columns"]) -> "Columns":
        """All rows of ``parts``."""
        if not parts:
            none = np.zeros((0, len(DIMS)), dtype=np.int64)
            return cls(none, none, np.zeros((0, 2)), np.zeros((0, 5)))
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("extent", "rank", "need", "cost")))

    def on(self, scratchpad_kib: float, accumulator_kib: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows that fit memories of these sizes with their cycles and energy in microjoule."""
        rows = np.flatnonzero((self.need[:, 0] <= scratchpad_kib) & (self.need[:, 1] <= accumulator_kib))
        cost = self.cost[rows]
        cycles = np.where(self.need[rows, 0] == scratchpad_kib, cost[:, 0], cost[:, 1])
        return rows, cycles, cost[:, 2] + scratchpad_kib * cost[:, 3] + accumulator_kib * cost[:, 4]


@dataclass(frozen=True, slots=True)
class Costing:
    """Judges mappings of one layer on an array of ``dim``."""

    layer: Layer
    model: LatencyModel
    constraints: Constraints
    dim: int
    cached: bool
    """Whether there is a cache below the accelerator, so that every loop order may cost differently."""

    def enumerate(self, space: str, advance: Callable[[int], None] = lambda _: None) -> Columns:
        """Every mapping of ``space`` that fits the largest memories and no other beats; ``advance`` counts tilings."""
        kept = Columns.join([])
        tilings = Tilings.of(self.layer, self.dim, space)
        for block in tilings.blocks(BLOCK):
            extent, rank = self._ordered(block[self._fits(block)], tilings, ragged=space != "exact")
            kept = undominated(Columns.join([kept, *(self.judge(extent[at], rank[at]) for at in _slices(len(extent)))]))
            advance(len(block))
        return kept

    def _ordered(
        self, extent: Int[np.ndarray, "block 7"], tilings: Tilings, ragged: bool
    ) -> tuple[Int[np.ndarray, "rows 7"], Int[np.ndarray, "rows 7"]]:
        """Each tiling once for every order that makes a difference, and these orders."""
        turns = tilings.loops(extent) > 1
        extents, ranks = [extent[:0]], [extent[:0]]
        for key in np.unique(turns, axis=0):
            rows = extent[(turns == key).all(1)]
            orders = distinct_ranks(tuple(key.tolist()), self.cached, ragged)
            extents.append(np.repeat(rows, len(orders), 0))
            ranks.append(np.tile(orders, (len(rows), 1)))
        return np.concatenate(extents), np.concatenate(ranks)

    def _fits(self, extent: Int[np.ndarray, "block 7"]) -> Bool[np.ndarray, " block"]:
        need = self._need(extent, np.tile(np.arange(len(DIMS)), (len(extent), 1)))
        limits = self.constraints.limits_kib
        return (need[:, 0] <= limits[SCRATCHPAD.size]) & (need[:, 1] <= limits[ACCUMULATOR.size])

    def _need(self, extent: Int[np.ndarray, "rows 7"], rank: Int[np.ndarray, "rows 7"]) -> Float[np.ndarray, "rows 2"]:
        layers = LayerTensors.stack([self.layer])
        machine = self.model.machine
        mappings = points_of(extent, rank, self.dim, machine.space).tensors(layers, machine.space)
        dim = torch.tensor([float(self.dim)], dtype=torch.float64)
        sizes = machine.footprint_kib(layers, mappings, dim)
        need = torch.stack([sizes[SCRATCHPAD.size], sizes[ACCUMULATOR.size]], -1)
        if self.constraints.fixed is None:
            need = machine.grid.round_up(need)
        return need.numpy()

    def judge(self, extent: Int[np.ndarray, "rows 7"], rank: Int[np.ndarray, "rows 7"]) -> Columns:
        """What these mappings cost."""
        need = self._need(extent, rank)
        layers = LayerTensors.stack([self.layer])[torch.zeros(len(extent), dtype=torch.long)]
        machine = self.model.machine
        mappings = points_of(extent, rank, self.dim, machine.space).tensors(layers, machine.space)
        dim = torch.full((len(extent),), float(self.dim), dtype=torch.float64)
        fixed = self.constraints.fixed
        built = torch.from_numpy(need)
        if fixed is not None:
            built = torch.tensor([[fixed.scratchpad_kib, fixed.accumulator_kib]], dtype=torch.float64).expand_as(built)
        small, large = (_sizes(dim, scale * built[:, 0], built[:, 1]) for scale in (1, 2))
        zero, one = torch.zeros_like(dim), torch.ones_like(dim)
        with torch.no_grad():
            cycles = [self.model(layers, mappings, hardware).cycles for hardware in (small, large)]
            words = machine.words(layers, mappings, small)
            base, with_scratchpad, with_accumulator = (
                machine.energy(words, _sizes(dim, *sizes)).total for sizes in ((zero, zero), (one, zero), (zero, one))
            )
        if fixed is not None:
            cycles[1] = cycles[0]
        parts = [*cycles, base, with_scratchpad - base, with_accumulator - base]
        return Columns(extent, rank, need, torch.stack([p.expand(len(extent)) for p in parts], -1).numpy())


def _sizes(dim: torch.Tensor, scratchpad_kib: torch.Tensor, accumulator_kib: torch.Tensor) -> HardwareTensors:
    return HardwareTensors({"dim": dim, SCRATCHPAD.size: scratchpad_kib, ACCUMULATOR.size: accumulator_kib})


def _slices(rows: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, rows, BLOCK))


def undominated(columns: Columns) -> Columns:
    """``columns`` without (most of) the mappings that another one beats on every hardware that they fit.

    A mapping is dropped only when one that needs no more of either memory costs no more in any column, and less in one:
    then no hardware and no weighting of cycles and energy prefers it. Equal ones stay, but for exact copies.
    """
    both = np.concatenate([columns.need, columns.cost], 1)
    if len(both) == 0:
        return columns
    logs = np.log(both + 1e-300)
    generator = np.random.default_rng(0)
    weights = generator.dirichlet(np.full(both.shape[1], 0.3), DIRECTIONS)
    keep = np.ones(len(both), dtype=bool)
    for best in np.unique((logs @ weights.T).argmin(0)):
        judge = both[best]
        keep &= ~((both >= judge).all(1) & (both > judge).any(1))
    _, first = np.unique(both[keep], axis=0, return_index=True)
    return columns[np.flatnonzero(keep)[first]]
