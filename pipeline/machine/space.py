"""What a search may choose on a machine: the factors of a mapping, the orders that matter, the sizes that are built."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.mapping import Hierarchy
from pipeline.workload import DIMS, C, K, N, P, Q


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a factor below DRAM."""

    level: int
    dim: int
    """Place in ``DIMS``."""
    spatial: bool = False


@dataclass(frozen=True)
class MappingSpace:
    """The inner factors of a mapping and how a search goes about them; the DRAM factor is what remains.

    Raises ValueError where a spatial dimension has no open temporal slot: moves keep a tile's extent with it.
    """

    hierarchy: Hierarchy
    slots: tuple[Slot, ...]
    """From the inside out."""
    open: tuple[int, ...]
    """Those that a search fills; the others stay 1."""
    ordered_levels: tuple[int, ...]
    """Levels whose loop order makes a difference."""
    fill_levels: tuple[int, ...]
    """Levels whose tile a constructive mapping fills, in this order."""
    move_shares: tuple[float, float, float, float]
    """How often a local search moves a factor, retiles a dimension, refits a side of the array, changes an order."""
    own_tiles: str = ""
    """Tensors (letters of ``WIO``) whose tile may cover loops outside its level too; others have the level's tile."""

    def __post_init__(self) -> None:
        for index, partner in zip(self.spatial, self.partners, strict=True):
            if partner is None:
                raise ValueError(f"mapping space: spatial {DIMS[self.slots[index].dim]} has no open temporal slot")

    @cached_property
    def spatial(self) -> tuple[int, ...]:
        """Index of the slot of each spatial loop, in the order of ``hierarchy.spatial``."""
        return tuple(self.slots.index(Slot(level, DIMS.index(dim), True)) for level, dim in self.hierarchy.spatial)

    @cached_property
    def partners(self) -> tuple[int | None, ...]:
        """For each spatial loop the innermost open temporal slot of its dimension."""
        temporal = [index for index in self.open if not self.slots[index].spatial]
        same = [[i for i in temporal if self.slots[i].dim == self.slots[at].dim] for at in self.spatial]
        return tuple(indices[0] if indices else None for indices in same)

    @cached_property
    def dim_of_slot(self) -> Int[Tensor, " slots"]:
        """Dimension of each slot."""
        return torch.tensor([slot.dim for slot in self.slots])

    @property
    def is_tiled_once(self) -> bool:
        """Whether a mapping is one tile, the array and the order of the DRAM loops."""
        temporal = [[at for at in self.open_at(d) if not self.slots[at].spatial] for d in range(len(DIMS))]
        return all(len(slots) == 1 for slots in temporal) and self.ordered_levels == (self.hierarchy.levels - 1,)

    def open_at(self, dim: int) -> list[int]:
        """Open slots of a dimension."""
        return [index for index in self.open if self.slots[index].dim == dim]


@dataclass(frozen=True, slots=True)
class SizeGrid:
    """Sizes of hardware that are built."""

    dims: tuple[int, ...]
    """Array sizes that a search builds, ascending, each the first times a power of two."""
    fixed_dims: tuple[int, ...] | range
    """Array sizes that a search can be told to keep, ascending."""
    low_kib: float
    high_kib: float
    powers_of_two: bool
    """Memories are ``low_kib`` times powers of two; otherwise whole KiB."""

    def round_up(self, kib: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Physical KiB rounded up to what is built."""
        slack = 1.0 - 1e-9  # a footprint that is whole up to rounding errors stays what it is
        if self.powers_of_two:
            return self.low_kib * 2.0 ** torch.ceil(torch.log2((kib * slack / self.low_kib).clamp(min=1.0)))
        return torch.ceil(kib * slack).clamp(min=self.low_kib)

    def draw(self, count: int, limit_kib: float, generator: torch.Generator) -> Float[Tensor, " count"]:
        """Memory sizes up to a limit, log-uniform."""
        low, high = math.log2(self.low_kib), math.log2(limit_kib)
        if self.powers_of_two:
            steps = torch.randint(math.floor(high - low + 1e-9) + 1, (count,), generator=generator)
            return self.low_kib * 2.0 ** steps.to(torch.float64)
        uniform = torch.rand(count, generator=generator, dtype=torch.float64)
        return torch.round(2.0 ** (low + (high - low) * uniform))


def four_level_slots() -> tuple[Slot, ...]:
    """The slots of registers, accumulator and scratchpad with C and K spatial.

    Registers hold one weight per element, so only loops that do not touch weights (P, Q, N) go to L0.
    """
    return (
        *(Slot(0, dim) for dim in (P, Q, N)),
        Slot(1, C, spatial=True),
        *(Slot(1, dim) for dim in range(len(DIMS))),
        Slot(2, K, spatial=True),
        *(Slot(2, dim) for dim in range(len(DIMS))),
    )
