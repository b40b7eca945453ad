"""What every mapping of a layer costs on hardware of any size, as a few numbers each.

With the array fixed, words and cycles of a mapping do not depend on how large the memories are, except that the
smallest scratchpad which holds the tile may be slower: inputs and weights then share a bank (one twice as large has
banks of its own for each). Energy is linear in all sizes. So a few numbers say what a mapping costs on any hardware.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.latency import LatencyModel
from pipeline.machine.system import MEMORY_SYSTEMS
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
    need: Float[np.ndarray, "rows memories"]
    """Smallest memories that are built and hold the tile, in physical KiB."""
    cycles: Float[np.ndarray, "rows 2"]
    """On the smallest memory of the first kind, and on any larger one."""
    energy: Float[np.ndarray, "rows terms"]
    """In microjoule: at no memory size, then what a KiB of each memory adds."""

    def __len__(self) -> int:
        return len(self.cycles)

    def __getitem__(self, rows: Any) -> "Columns":
        return Columns(*(part[rows] for part in self.parts))

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        """All arrays."""
        return self.extent, self.rank, self.need, self.cycles, self.energy

    @classmethod
    def join(cls, tables: list["Columns"]) -> "Columns":
        """All rows of ``tables``."""
        return cls(*(np.concatenate(parts) for parts in zip(*(table.parts for table in tables), strict=True)))

    def on(self, hardware: Hardware) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows that fit ``hardware`` (of the same array size) with their cycles and energy in microjoule."""
        kib = np.array(hardware.values[1:])
        rows = np.flatnonzero((self.need <= kib * (1 + 1e-9)).all(1))
        tight = self.need[rows, 0] == kib[0]
        cycles = np.where(tight, self.cycles[rows, 0], self.cycles[rows, 1])
        return rows, cycles, self.energy[rows] @ np.r_[1.0, kib]


@dataclass(frozen=True, slots=True)
class Costing:
    """Judges mappings on an array of ``dim``; each row has its own layer."""

    model: LatencyModel
    constraints: Constraints
    dim: int

    @property
    def cached(self) -> bool:
        """Whether there is a cache below the accelerator, so that every loop order may cost differently."""
        return MEMORY_SYSTEMS[self.constraints.machine.memory].cache is not None

    def enumerate(self, layer: Layer, space: str, advance: Callable[[int], None] = lambda _: None) -> Columns:
        """Every mapping of ``space`` that fits the largest memories and no other beats; ``advance`` counts mappings."""
        tilings, one = Tilings.of(layer, self.dim, space), LayerTensors.stack([layer])
        kept: list[Columns] = []
        for block in tilings.blocks(BLOCK):
            here = block[self.fits(one[torch.zeros(len(block), dtype=torch.long)], block)]
            extent, rank = self._ordered(here, tilings, ragged=space != "exact")
            layers = one[torch.zeros(len(extent), dtype=torch.long)]
            found = [self.judge(layers[at], extent[at], rank[at]) for at in _slices(len(extent))]
            kept = [undominated(Columns.join([*kept, *found]))]
            advance(len(extent))
        return kept[0]

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

    def fits(
        self,
        layers: LayerTensors,
        extent: Int[np.ndarray, "rows 7"],
        kib: Float[np.ndarray, "#rows memories"] | None = None,
    ) -> Bool[np.ndarray, " rows"]:
        """Whether tiles fit memories of ``kib``, by default the largest."""
        limits = np.array([list(self.constraints.limits_kib.values())]) if kib is None else kib
        fits: Any = (self.need(layers, extent) <= limits * (1 + 1e-9)).all(1)
        return np.asarray(fits)

    def need(self, layers: LayerTensors, extent: Int[np.ndarray, "rows 7"]) -> Float[np.ndarray, "rows memories"]:
        """Smallest memories that are built and hold the tiles, in physical KiB."""
        machine = self.constraints.machine
        rank = np.tile(np.arange(len(DIMS)), (len(extent), 1))
        mappings = points_of(extent, rank, self.dim, machine.space).tensors(layers, machine.space)
        dim = torch.tensor([float(self.dim)], dtype=torch.float64)
        sizes = machine.footprint_kib(layers, mappings, dim)
        need = torch.stack([sizes[name] for name in self.constraints.limits_kib], -1)
        return (need if self.constraints.fixed is not None else machine.grid.round_up(need)).numpy()

    def judge(
        self,
        layers: LayerTensors,
        extent: Int[np.ndarray, "rows 7"],
        rank: Int[np.ndarray, "rows 7"],
        kib: Float[np.ndarray, "rows memories"] | None = None,
    ) -> Columns:
        """What these mappings cost. With ``kib`` the model is asked once, at memories of these sizes."""
        machine, rows = self.constraints.machine, len(extent)
        mappings = points_of(extent, rank, self.dim, machine.space).tensors(layers, machine.space)
        need = torch.from_numpy(self.need(layers, extent))
        fixed = self.constraints.fixed
        small = need if fixed is None else torch.tensor(fixed.values[1:], dtype=torch.float64).expand_as(need)
        asked = (small, small if fixed is not None else 2 * small) if kib is None else (torch.from_numpy(kib),)
        with torch.no_grad():
            cycles = [self.model(layers, mappings, self._built(sizes)).cycles for sizes in asked]
            words = machine.words(layers, mappings, self._built(small))
            sizes = torch.cat([torch.zeros(1, need.shape[1]), torch.eye(need.shape[1])]).to(torch.float64)
            energy = [machine.energy(words, self._built(one.expand_as(need))).total for one in sizes]
        energy = [energy[0], *(one - energy[0] for one in energy[1:])]
        columns = (cycles[0], cycles[-1]), energy
        table = [torch.stack([part.expand(rows) for part in parts], -1).numpy() for parts in columns]
        return Columns(extent, rank, need.numpy(), *table)

    def _built(self, kib: Float[torch.Tensor, "rows memories"]) -> HardwareTensors:
        sizes = dict(zip(self.constraints.limits_kib, kib.unbind(-1), strict=True))
        return HardwareTensors({"dim": torch.full((len(kib),), float(self.dim), dtype=torch.float64)} | sizes)


def _slices(rows: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, max(rows, 1), BLOCK))


def undominated(columns: Columns) -> Columns:
    """``columns`` without (most of) the mappings that another one beats on every hardware that they fit.

    A mapping is dropped only when one that needs no more of either memory costs no more in any column, and less in one:
    then no hardware and no weighting of cycles and energy prefers it. Equal ones stay, but for exact copies.
    """
    both = np.concatenate([columns.need, columns.cycles, columns.energy], 1)
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
