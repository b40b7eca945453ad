"""What every mapping of a layer costs on hardware of any size, as a few numbers each.

With the array fixed, words and cycles of a mapping do not depend on how large the memories are, except that the
smallest scratchpad which holds the tile may be slower: inputs and weights then share a bank (one twice as large has
banks of its own for each). Energy is linear in all sizes. So a few numbers say what a mapping costs on any hardware.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.latency import LatencyModel
from pipeline.machine.machine import Bounds
from pipeline.machine.system import MEMORY_SYSTEMS
from pipeline.machine.words import Words
from pipeline.mapping_tensors import LayerTensors
from pipeline.search.constraints import Constraints
from pipeline.search.exhaustive.hull import Hull, lower_hull
from pipeline.search.exhaustive.orders import distinct_ranks
from pipeline.search.exhaustive.tilings import EXACT, Tilings, points_of
from pipeline.workload import DIMS, Layer

BLOCK = 4096
"""Mappings that are judged at once."""

TILINGS = 32768
"""Tilings that are looked at at once."""

MOST_ROWS = 200_000
"""Mappings that are kept before those that others beat are dropped."""

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

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        """All arrays, as a checkpoint keeps them."""
        return tuple(torch.from_numpy(part) for part in self.parts)

    @classmethod
    def of_tensors(cls, parts: Sequence[torch.Tensor]) -> "Columns":
        """From ``tensors``."""
        return cls(*(part.numpy() for part in parts))

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

    def enumerate(
        self,
        layer: Layer,
        space: str,
        hardware: Sequence[Hardware],
        advance: Callable[[int], None] = lambda _: None,
    ) -> Columns:
        """The mappings of ``space`` of which the hull on any ``hardware`` is made, and some more.

        A tiling is left out when what it costs at least (``Bounds``), and a mapping when what it costs, lies on or
        above the hull of the exact tilings on every hardware that holds it: it is then no corner of any hull, and
        without it every hull is the same. ``advance`` counts tilings.
        """
        tilings = Tilings.of(layer, self.dim, space)
        known = None
        if space != EXACT:
            columns = self.enumerate(layer, EXACT, hardware, advance)
            known = Frontier.of(columns, hardware)
        kept = [columns] if known is not None else []

        def some(start: int) -> Columns | None:
            return self._block(layer, tilings, tilings.block(start, TILINGS), known)

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for found in pool.map(some, range(0, len(tilings), TILINGS)):
                advance(min(TILINGS, len(tilings)))
                kept += [] if found is None else [found]
                if sum(map(len, kept)) > MOST_ROWS:
                    kept = [undominated(Columns.join(kept))]
        return undominated(Columns.join(kept))

    def _block(
        self, layer: Layer, tilings: Tilings, extent: Int[np.ndarray, "block 7"], known: "Frontier | None"
    ) -> Columns | None:
        """The mappings of these tilings that ``known`` has no better ones for; None where there are none."""
        one = LayerTensors.stack([layer])
        extent, need = self.held(one, extent)
        if known is not None and len(extent):
            extent = extent[self._promising(one, extent, need, known)]
        if len(extent) == 0:
            return None
        columns = self.in_every_order(one, tilings, extent)
        if known is not None:
            columns = columns[known.below(columns.need, columns.cycles, columns.energy)]
        return undominated(columns)

    def held(
        self, one: LayerTensors, extent: Int[np.ndarray, "block 7"]
    ) -> tuple[Int[np.ndarray, "rows 7"], Float[np.ndarray, "rows memories"]]:
        """Those tiles of layer ``one`` [1] that the largest memories hold, and the smallest ones that do."""
        need = self.need(one[torch.zeros(len(extent), dtype=torch.long)], extent)
        fits = (need <= self.largest * (1 + 1e-9)).all(1)
        return extent[fits], need[fits]

    def in_every_order(self, one: LayerTensors, tilings: Tilings, extent: Int[np.ndarray, "block 7"]) -> Columns:
        """What these tilings of layer ``one`` [1] cost in every order that makes a difference."""
        extent, rank = self._ordered(extent, tilings)
        layers = one[torch.zeros(len(extent), dtype=torch.long)]
        return Columns.join([self.judge(layers[at], extent[at], rank[at]) for at in _slices(len(extent))])

    def _promising(
        self,
        one: LayerTensors,
        extent: Int[np.ndarray, "block 7"],
        need: Float[np.ndarray, "block memories"],
        known: "Frontier",
    ) -> Bool[np.ndarray, " block"]:
        """Whether a tiling's least costs are below the hull of what is ``known`` on any hardware."""
        machine = self.constraints.machine
        if not isinstance(machine, Bounds):
            return np.ones(len(extent), dtype=bool)
        layers = one[torch.zeros(len(extent), dtype=torch.long)]
        rank = np.tile(np.arange(len(DIMS)), (len(extent), 1))
        mappings = points_of(extent, rank, self.dim, machine.space).tensors(layers, machine.space)
        with torch.no_grad():
            least = machine.least(layers, mappings, self._built(torch.from_numpy(need)))
        cycles = np.repeat(least.cycles.expand(len(extent)).numpy()[:, None], 2, 1)
        return known.below(need, cycles, self._energy(least.words, len(extent)))

    def _ordered(
        self, extent: Int[np.ndarray, "block 7"], tilings: Tilings
    ) -> tuple[Int[np.ndarray, "rows 7"], Int[np.ndarray, "rows 7"]]:
        """Each tiling once for every order that makes a difference, and these orders."""
        turns = tilings.loops(extent) > 1
        uneven = (np.array(tilings.size) % extent != 0).any(1)
        extents, ranks = [extent[:0]], [extent[:0]]
        for ragged, *key in np.unique(np.c_[uneven, turns], axis=0):
            rows = extent[(turns == key).all(1) & (uneven == ragged)]
            orders = distinct_ranks(tuple(map(bool, key)), self.cached, bool(ragged))
            extents.append(np.repeat(rows, len(orders), 0))
            ranks.append(np.tile(orders, (len(rows), 1)))
        return np.concatenate(extents), np.concatenate(ranks)

    @property
    def largest(self) -> Float[np.ndarray, " memories"]:
        """The largest memories in physical KiB."""
        return np.array(list(self.constraints.limits_kib.values()))

    def need(self, layers: LayerTensors, extent: Int[np.ndarray, "rows 7"]) -> Float[np.ndarray, "rows memories"]:
        """Smallest memories that are built and hold the tiles, in physical KiB."""
        machine = self.constraints.machine
        rank = np.tile(np.arange(len(DIMS)), (len(extent), 1))
        mappings = points_of(extent, rank, self.dim, machine.space).tensors(layers, machine.space)
        dim = torch.tensor([float(self.dim)], dtype=torch.float64)
        sizes = machine.footprint_kib(layers, mappings, dim)
        need = torch.stack([sizes[name] for name in self.constraints.limits_kib], -1)
        if self.constraints.fixed is not None:
            only = torch.tensor(self.constraints.fixed.values[1:], dtype=torch.float64)
            return torch.where(need <= only * (1 + 1e-9), only, torch.inf).numpy()
        return machine.grid.round_up(need).numpy()

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
        both = torch.stack([part.expand(rows) for part in (cycles[0], cycles[-1])], -1)
        return Columns(extent, rank, need.numpy(), both.numpy(), self._energy(words, rows))

    def _energy(self, words: Words, rows: int) -> Float[np.ndarray, "rows terms"]:
        """Energy of words in microjoule: at no memory size, then what a KiB of each memory adds."""
        memories = len(self.constraints.limits_kib)
        sizes = torch.cat([torch.zeros(1, memories), torch.eye(memories)]).to(torch.float64)
        with torch.no_grad():
            built = (self._built(one.expand(rows, memories)) for one in sizes)
            none, *others = (self.constraints.machine.energy(words, one).total.expand(rows) for one in built)
        return torch.stack([none, *(one - none for one in others)], -1).numpy()

    def _built(self, kib: Float[torch.Tensor, "rows memories"]) -> HardwareTensors:
        fixed = self.constraints.fixed
        same = {"dim": self.dim} | ({} if fixed is None else fixed.changed)
        sizes = dict(zip(self.constraints.limits_kib, kib.unbind(-1), strict=True))
        numbers = {name: torch.full((len(kib),), float(number), dtype=torch.float64) for name, number in same.items()}
        return HardwareTensors(numbers | sizes)


@dataclass(frozen=True, slots=True)
class Frontier:
    """The hulls of one layer on every hardware of one array size."""

    kib: Float[np.ndarray, "hardware memories"]
    terms: Float[np.ndarray, "hardware terms"]
    """What the energy terms of a mapping are multiplied by."""
    hulls: tuple[Hull | None, ...]
    """None where nothing fits."""

    @classmethod
    def of(cls, columns: Columns, hardware: Sequence[Hardware]) -> "Frontier":
        """The hulls of ``columns``."""
        fitting = [columns.on(one) for one in hardware]
        hulls = (lower_hull(cycles, energy) if len(rows) else None for rows, cycles, energy in fitting)
        kib = np.array([one.values[1:] for one in hardware])
        return cls(kib, np.c_[np.ones(len(kib)), kib], tuple(hulls))

    def below(
        self,
        need: Float[np.ndarray, "rows memories"],
        cycles: Float[np.ndarray, "rows 2"],
        energy: Float[np.ndarray, "rows terms"],
    ) -> Bool[np.ndarray, " rows"]:
        """Whether (cycles, energy) lies below the hull on any hardware that is as large as ``need``."""
        found = np.zeros(len(need), dtype=bool)
        order = np.lexsort(need.T)
        need, cycles, energy = need[order], cycles[order], energy[order]
        new = np.ones(len(need), dtype=bool)
        new[1:] = (need[1:] != need[:-1]).any(1)
        for start, end in itertools.pairwise([*np.flatnonzero(new).tolist(), len(need)]):
            least, group = need[start], slice(start, end)
            for at in np.flatnonzero((least <= self.kib * (1 + 1e-9)).all(1)).tolist():
                found[group] |= self._below(at, cycles[group, int(least[0] != self.kib[at, 0])], energy[group])
        return found[np.argsort(order)]

    def _below(
        self, at: int, cycles: Float[np.ndarray, " rows"], energy: Float[np.ndarray, "rows terms"]
    ) -> Bool[np.ndarray, " rows"]:
        """Whether rows lie below the hull on one hardware."""
        hull = self.hulls[at]
        if hull is None:
            return np.ones(len(cycles), dtype=bool)
        least = np.interp(cycles, hull.cycles, hull.energy_uj, left=np.inf)
        below: Bool[np.ndarray, " rows"] = energy @ self.terms[at] < least
        return below


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
