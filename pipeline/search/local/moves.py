"""Random small changes of integer mappings: the neighbourhood of the discrete searches.

A change moves a prime factor between two levels of a dimension, retiles a dimension into a different number of
(possibly ragged) DRAM tiles, refits a side of the array, or changes a loop order.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.machine import Machine
from pipeline.machine.space import MappingSpace
from pipeline.mapping import TENSORS
from pipeline.mapping_tensors import LayerTensors
from pipeline.search.local.construct import smallest_primes
from pipeline.search.orders import EVERY
from pipeline.search.points import Points, ceil_divide, fits, trim, with_dram_order
from pipeline.workload import DIMS

_FILL_STEPS = 12

_EMPTIED = 2
"""Factors that leave a tile at most where it does not fit any more because a tensor's tile covers other loops."""

_MOVED_OUT, _REBOUND, _RELEASED = 0.15, 0.2, 0.4
"""How often a loop moves out of all tiles but one, how often a tile covers another number of loops, and how many of
these are none."""


@dataclass(frozen=True, slots=True)
class Moves:
    """Draws changes for the layers of one workload on one machine."""

    machine: Machine
    size: Int[Tensor, "L 7"]
    """Layer sizes."""
    primes: Int[Tensor, " limit"]
    """Smallest prime factor of every number up to the largest size."""
    slots_of: Int[Tensor, "7 width"]
    """Open slots of each dimension, DRAM (as the number of slots) included, repeated to a common width."""

    @classmethod
    def of(cls, size: Int[Tensor, "L 7"], machine: Machine) -> "Moves":
        """The moves for layers of ``size``."""
        found = [[*machine.space.open_at(d), len(machine.space.slots)] for d in range(len(DIMS))]
        width = 60  # a multiple of every possible number of slots, so that a draw is uniform
        table = torch.tensor([(row * width)[:width] for row in found])
        return cls(machine, size, smallest_primes(int(size.max())), table)

    def propose(
        self, points: Points, dim: Int[Tensor, "*h"], count: int, generator: torch.Generator, layer: int | None = None
    ) -> Points:
        """``count`` changed copies [*b, L, count] of each mapping [*b, L]; ``dim`` [*b] is the array size.

        Each copy has one to three changes. With ``layer`` the points are of that layer alone, [*b].
        """
        size = self.size if layer is None else self.size[layer]
        size = size[..., None, :].expand(*points.slots.shape[:-1], count, len(DIMS))
        slots = points.slots[..., None, :].expand(*size.shape[:-1], points.slots.shape[-1]).clone()
        rank = points.rank[..., None, :, :].expand(*size.shape[:-1], *points.rank.shape[-2:]).clone()
        array = (dim[..., None, None] if layer is None else dim[..., None]).expand(size.shape[:-1])
        changes = torch.multinomial(torch.tensor([0.45, 0.4, 0.15]), slots[..., 0].numel(), True, generator=generator)
        changes = changes.reshape(size.shape[:-1])
        for turn in range(3):
            active = changes >= turn
            slots, rank = self._change(slots, rank, size, array, active, generator)
        if points.held is None:
            return Points(slots, rank)
        held = points.held[..., None, :].expand(*size.shape[:-1], len(TENSORS))
        rebound = self._rebound(Points(slots, rank, held), size, generator)
        return replace(rebound, slots=trim(rebound.slots, size, array, self.machine.space))

    def refill(
        self, points: Points, layers: LayerTensors, hardware: HardwareTensors, count: int, generator: torch.Generator
    ) -> Points:
        """``count`` copies [b, L, count] of each mapping [b, L] with a part of the tile emptied and filled anew.

        One to three slots lose their factors; then random dimensions grow by prime factors at random levels while
        the tile fits ``hardware`` [b, 1, 1]. A tile that fills its memories moves least.
        """
        space, shape = self.machine.space, (*points.slots.shape[:-1], count)
        slots = points.slots[..., None, :].expand(*shape, points.slots.shape[-1])
        size = self.size[:, None, :].expand(*shape, len(DIMS))
        busy = (slots > 1).to(torch.float64) + 1e-9
        busy[..., list(space.spatial)] *= 0.2
        emptied = torch.multinomial(busy.reshape(-1, busy.shape[-1]), 3, generator=generator).reshape(*shape, 3)
        keep = torch.rand(*shape, 3, generator=generator) < torch.tensor([0.0, 0.4, 0.7])
        slots = slots.scatter(-1, emptied, torch.where(keep, slots.gather(-1, emptied), 1))
        slots = trim(slots, size, hardware.dim.long().expand(shape), space)
        rank = points.rank[..., None, :, :].expand(*shape, *points.rank.shape[-2:])
        known = EVERY[torch.randint(len(EVERY), shape, generator=generator)]
        reorder = torch.rand(shape, generator=generator) < 0.3
        rank = with_dram_order(rank, torch.where(reorder[..., None], known, rank[..., -1, :]))
        filled = Points(slots, rank)
        if points.held is not None:
            held = points.held[..., None, :].expand(*shape, len(TENSORS))
            filled = self._rebound(Points(slots, rank, held), size, generator)
            for _ in range(_EMPTIED):
                filled = self._emptied(filled, layers, hardware, generator)
        for _ in range(_FILL_STEPS):
            filled = replace(filled, slots=self._grow(filled, layers, hardware, size, generator))
        return replace(filled, slots=trim(filled.slots, size, hardware.dim.long().expand(shape), space))

    def _emptied(
        self, points: Points, layers: LayerTensors, hardware: HardwareTensors, generator: torch.Generator
    ) -> Points:
        """The mappings that fit, and the others with one factor less in their tiles."""
        ok = fits(points.tensors(layers, self.machine.space), layers, hardware, self.machine)
        slot = _one_of(points.slots > 1, generator)[..., None]
        return replace(points, slots=torch.where(ok[..., None], points.slots, points.slots.scatter(-1, slot, 1)))

    def _grow(
        self,
        points: Points,
        layers: LayerTensors,
        hardware: HardwareTensors,
        size: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        left = outer_factors(points.slots, size, self.machine.space)
        which = torch.multinomial(
            ((left > 1).to(torch.float64) + 1e-9).reshape(-1, len(DIMS)), 1, generator=generator
        ).reshape(left.shape[:-1])
        slot = _pick(self.slots_of[which], generator)[..., None]
        inner = slot != points.slots.shape[-1]
        slot = torch.where(inner, slot, 0)
        prime = torch.where(inner, self.primes[left.gather(-1, which[..., None])], 1)
        grown = points.slots.scatter(-1, slot, points.slots.gather(-1, slot) * prime)
        ok = fits(replace(points, slots=grown).tensors(layers, self.machine.space), layers, hardware, self.machine)
        return torch.where(ok[..., None], grown, points.slots)

    def shrink(self, slots: Tensor, dim: Int[Tensor, "*b"], generator: torch.Generator) -> Tensor:
        """Designs [*b, L, slots] with one tile factor of every layer divided by its smallest prime."""
        space, size = self.machine.space, self.size.expand(*slots.shape[:-1], len(DIMS))
        busy = (slots > 1).to(torch.float64)
        busy[..., list(space.spatial)] *= 0.1  # a smaller array is the last resort
        flat = (busy + 1e-9).reshape(-1, busy.shape[-1])
        index = torch.multinomial(flat, 1, generator=generator).reshape(*slots.shape[:-1], 1)
        factor = slots.gather(-1, index)
        smaller = slots.scatter(-1, index, ceil_divide(factor, self.primes[factor]))
        return trim(smaller, size, dim[..., None], space)

    def _change(
        self, slots: Tensor, rank: Tensor, size: Tensor, dim: Tensor, active: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        space = self.machine.space
        weights = torch.tensor(space.move_shares)
        kind = torch.multinomial(weights, active.numel(), True, generator=generator).reshape(active.shape)
        busy = dim_with_work(size, generator)
        outer = outer_factors(slots, size, space)
        changed = torch.where((kind == 0)[..., None], self._move(slots, outer, busy, generator), slots)
        changed = torch.where((kind == 1)[..., None], self._retile(slots, outer, size, busy, generator), changed)
        changed = torch.where((kind == 2)[..., None], self._array(slots, size, dim, generator), changed)
        changed = trim(torch.where(active[..., None], changed, slots), size, dim, space)
        reorder = (active & (kind == 3))[..., None, None]
        return changed, torch.where(reorder, self._order(rank, busy, generator), rank)

    def _move(self, slots: Tensor, outer: Tensor, which: Tensor, generator: torch.Generator) -> Tensor:
        """Move a prime factor of dimension ``which`` from one level to another."""
        choices = self.slots_of[which]
        source = _pick(choices, generator)
        target = _pick(choices, generator)
        padded = torch.cat([slots, outer.gather(-1, which[..., None])], -1)
        factor = padded.gather(-1, source[..., None])
        prime = self.primes[factor]
        bold = torch.rand(prime.shape, generator=generator) < 0.2
        prime = torch.where(bold, torch.randint(2, 4, prime.shape, generator=generator), prime)
        smaller = ceil_divide(factor, prime)
        result = padded.scatter(-1, source[..., None], smaller)
        result = result.scatter(-1, target[..., None], result.gather(-1, target[..., None]) * prime)
        return result[..., :-1]

    def _retile(self, slots: Tensor, outer: Tensor, size: Tensor, which: Tensor, generator: torch.Generator) -> Tensor:
        """Split dimension ``which`` into another number of DRAM tiles of nearly equal size."""
        choices = self.slots_of[which]
        slot = _pick(choices, generator)
        at_dram = slot == slots.shape[-1]
        slot = torch.where(at_dram, 0, slot)[..., None]
        tiles = outer.gather(-1, which[..., None])
        step = torch.randint(0, 4, tiles.shape, generator=generator)
        new_tiles = torch.stack([tiles - 1, tiles + 1, tiles * 2, ceil_divide(tiles, 2)], -1).gather(
            -1, step[..., None]
        )
        extent = size.gather(-1, which[..., None])
        owned = slots.gather(-1, slot)
        inside = (inner_products(slots, self.machine.space).gather(-1, which[..., None]) // owned).clamp(min=1)
        left = ceil_divide(extent, inside)
        factor = ceil_divide(left, new_tiles[..., 0].clamp(min=1))
        return torch.where(at_dram[..., None], slots, slots.scatter(-1, slot, factor.clamp(min=1)))

    def _array(self, slots: Tensor, size: Tensor, dim: Tensor, generator: torch.Generator) -> Tensor:
        """Refit one side of the array and keep the tile about as large."""
        space = self.machine.space
        loop = (torch.rand(dim.shape, generator=generator) * len(space.spatial)).long()
        slot = torch.tensor(space.spatial)[loop][..., None]
        inner = torch.tensor(space.partners)[loop][..., None]
        extent = size.gather(-1, torch.tensor(space.hierarchy.spatial_dims)[loop][..., None])
        side = torch.minimum(extent, dim[..., None])
        folds = ceil_divide(extent, side)
        even = ceil_divide(extent, folds)
        power = 2 ** torch.floor(torch.log2(side.to(torch.float64))).long()
        step = torch.randint(0, 4, side.shape, generator=generator)
        new = torch.cat([side, even, power, (slots.gather(-1, slot) // 2).clamp(min=1)], -1).gather(-1, step)
        tile = slots.gather(-1, slot) * slots.gather(-1, inner)
        return slots.scatter(-1, slot, new).scatter(-1, inner, ceil_divide(tile, new))

    def _rebound(self, points: Points, size: Tensor, generator: torch.Generator) -> Points:
        """Give a tensor another boundary in some of the mappings [*b] of layers of ``size`` [*b, 7].

        Either its tile covers another number of loops, or none; or a loop inside moves out to become the innermost of
        the DRAM loops, and this tile alone goes on to cover it, with all there is of the dimension: others shrink.
        """
        space, shape = self.machine.space, size.shape[:-1]
        assert points.held is not None
        levels = space.hierarchy.levels - 2
        below = len(DIMS) * torch.tensor([levels - space.hierarchy.home(tensor) for tensor in TENSORS])
        able = torch.tensor([TENSORS.index(tensor) for tensor in space.own_tiles])
        tensor = able[torch.randint(len(able), shape, generator=generator)][..., None]
        kind = torch.rand(shape, generator=generator)[..., None]

        outer = outer_factors(points.slots, size, space)
        turning = _one_of(outer > 1, generator)[..., None]
        places = below[tensor] + len(DIMS) - points.rank[..., -1, :].gather(-1, turning)
        none = torch.rand(shape, generator=generator)[..., None] < _RELEASED
        other = points.held.scatter(-1, tensor, torch.where(none, 0, places))

        temporal = [index for index in space.open if not space.slots[index].spatial and space.slots[index].level > 0]
        slot = torch.tensor(temporal)[_one_of(points.slots[..., temporal] > 1, generator)][..., None]
        dim = space.dim_of_slot[slot]
        emptied = points.slots.scatter(-1, slot, 1)
        old = points.rank[..., -1, :]
        innermost = (2 * old).scatter(-1, dim, 2 * len(DIMS)).argsort(-1).argsort(-1)
        longer = torch.minimum(torch.maximum(points.held, below) + 1, below + len(DIMS))
        covers = (points.held > below).scatter(-1, tensor, True)
        longer = torch.where(covers, longer, points.held)

        moved, rebound = kind < _MOVED_OUT, (kind >= _MOVED_OUT) & (kind < _MOVED_OUT + _REBOUND)
        return Points(
            torch.where(moved, emptied, points.slots),
            with_dram_order(points.rank, torch.where(moved, innermost, old)),
            torch.where(moved, longer, torch.where(rebound, other, points.held)),
        )

    def _order(self, rank: Tensor, which: Tensor, generator: torch.Generator) -> Tensor:
        """Move the loop over ``which`` to another place at one level, or take one of the orders that matter."""
        levels = torch.tensor(self.machine.space.ordered_levels)
        level = levels[torch.randint(len(levels), which.shape, generator=generator)][..., None, None]
        level = level.expand(*which.shape, 1, len(DIMS))
        old = rank.gather(-2, level)[..., 0, :]
        place = torch.randint(0, len(DIMS), which.shape, generator=generator)[..., None] * 2
        forward = place >= 2 * old.gather(-1, which[..., None])
        keyed = (2 * old).scatter(-1, which[..., None], torch.where(forward, place + 1, place - 1))
        moved = keyed.argsort(-1).argsort(-1)
        known = EVERY[torch.randint(len(EVERY), which.shape, generator=generator)]
        whole = torch.rand(which.shape, generator=generator)[..., None] < 0.3
        return rank.scatter(-2, level, torch.where(whole, known, moved)[..., None, :])


def dim_with_work(size: Int[Tensor, "*b 7"], generator: torch.Generator) -> Int[Tensor, "*b"]:
    """A random dimension of each layer that is larger than one (any, where none is)."""
    weight = (size > 1).to(torch.float64) + 1e-9
    flat = weight.reshape(-1, len(DIMS))
    return torch.multinomial(flat, 1, generator=generator).reshape(size.shape[:-1])


def _one_of(can: Bool[Tensor, "*b n"], generator: torch.Generator) -> Int[Tensor, "*b"]:
    """A random place of those that can be chosen (any, where none can)."""
    flat = (can.to(torch.float64) + 1e-9).reshape(-1, can.shape[-1])
    return torch.multinomial(flat, 1, generator=generator).reshape(can.shape[:-1])


def inner_products(slots: Int[Tensor, "*b slots"], space: MappingSpace) -> Int[Tensor, "*b 7"]:
    """Product of the inner factors of each dimension."""
    columns = []
    for d in range(len(DIMS)):
        mine = [slots[..., index] for index, slot in enumerate(space.slots) if slot.dim == d]
        total = mine[0]
        for factor in mine[1:]:
            total = total * factor
        columns.append(total)
    return torch.stack(columns, -1)


def outer_factors(
    slots: Int[Tensor, "*b slots"], size: Int[Tensor, "*b 7"], space: MappingSpace
) -> Int[Tensor, "*b 7"]:
    """DRAM factor of each dimension: what remains, rounded up."""
    return ceil_divide(size, inner_products(slots, space))


def _pick(choices: Int[Tensor, "*b width"], generator: torch.Generator) -> Int[Tensor, "*b"]:
    index = torch.randint(choices.shape[-1], choices.shape[:-1], generator=generator)
    return choices.gather(-1, index[..., None])[..., 0]
