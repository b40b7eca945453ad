"""Every way to cut a layer into tiles, in blocks of bounded size.

The extents of a tile decide what it costs; how an extent is split into array and loops does not, so each extent is
listed once, on as many rows and columns of the array as divide it.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int

from pipeline.machine.space import MappingSpace
from pipeline.search.points import Points
from pipeline.workload import DIMS, Layer

EXACT, EVEN = "exact", "even"
SPACES = {EXACT: "all exact tilings", EVEN: "all exact and evenly ragged tilings"}
"""What is gone through, in words.

Exact tiles are of equal size. Evenly ragged ones cut a dimension into as many tiles of ceil(size / tiles), or into
tiles of a whole number of array blocks; the last tile is smaller.
"""


@dataclass(frozen=True, slots=True)
class Tilings:
    """All combinations of tile extents of one layer, indexed from 0 to ``len`` - 1."""

    size: tuple[int, ...]
    """Of the layer, in the order of ``DIMS``."""
    options: tuple[tuple[int, ...], ...]
    """Extents that a tile may have in each dimension."""

    @classmethod
    def of(cls, layer: Layer, dim: int, space: str) -> "Tilings":
        """The tilings of ``layer`` on an array of ``dim``. Raises ValueError for an unknown ``space``."""
        if space not in SPACES:
            raise ValueError(f"tilings {space!r}: not one of {', '.join(SPACES)}")
        sizes = tuple(layer.sizes)
        return cls(sizes, tuple(tuple(extents(size, dim, space)) for size in sizes))

    def __len__(self) -> int:
        return math.prod(len(option) for option in self.options)

    def block(self, start: int, rows: int) -> Int[np.ndarray, "block 7"]:
        """The extents of up to ``rows`` tilings from number ``start`` on."""
        shape = tuple(len(option) for option in self.options)
        index = np.unravel_index(np.arange(start, min(start + rows, len(self))), shape)
        return np.stack([np.array(option)[at] for option, at in zip(self.options, index, strict=True)], -1)

    def loops(self, extent: Int[np.ndarray, "block 7"]) -> Int[np.ndarray, "block 7"]:
        """How many tiles each dimension is cut into."""
        tiles: np.ndarray = -(-np.array(self.size) // extent)
        return tiles


def extents(size: int, dim: int, space: str) -> list[int]:
    """Extents of a tile that ``space`` has for a dimension of ``size``, smallest first."""
    if space == EXACT:
        return [d for d in range(1, size + 1) if size % d == 0]
    even = {-(-size // tiles) for tiles in range(1, size + 1)}
    return sorted(even | set(range(dim, size, dim)))


def points_of(
    extent: Int[np.ndarray, "block 7"], rank: Int[np.ndarray, "block 7"], dim: int, space: MappingSpace
) -> Points:
    """Tiles of ``extent`` with DRAM loops in the order ``rank`` as mappings of the search."""
    slots = torch.ones(len(extent), len(space.slots), dtype=torch.long)
    sides = _largest_divisors(int(extent.max(initial=1)), dim)
    for d in range(len(DIMS)):
        left = torch.from_numpy(extent[:, d])
        for at in space.open_at(d):
            if space.slots[at].spatial:
                slots[:, at], left = sides[left], left // sides[left]
        for at in space.open_at(d):
            if not space.slots[at].spatial:
                slots[:, at] = left
    ranks = torch.arange(len(DIMS)).expand(len(extent), space.hierarchy.levels, len(DIMS)).clone()
    ranks[:, -1] = torch.from_numpy(rank)
    return Points(slots, ranks)


def _largest_divisors(limit: int, most: int) -> Int[torch.Tensor, " numbers"]:
    """Largest divisor of every number up to ``limit`` that is at most ``most``."""
    found = torch.ones(limit + 1, dtype=torch.long)
    for divisor in range(2, min(limit, most) + 1):
        found[divisor::divisor] = divisor
    return found
