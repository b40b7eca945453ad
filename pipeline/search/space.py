"""The discrete space of mappings as tensors: slots, legal factors, loop orders, the hardware that mappings need.

A mapping is its inner factors (every level but DRAM); the DRAM factor of a dimension is what remains, rounded up.
A vector of inner factors has one entry per slot of ``SLOTS``, so moves are arithmetic on a long tensor [..., 19].
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors, Platform
from pipeline.machine.capacity import footprint_kib
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.search.constraints import Constraints, round_kib
from pipeline.workload import DIMS

R, S, P, Q, C, K, N = range(len(DIMS))
SPATIAL_C, SPATIAL_K = 4, 5
"""Positions of the two spatial slots among the levels of a slot (L0..L3 are 0..3)."""

SLOTS: tuple[tuple[int, int], ...] = (
    *((0, dim) for dim in (P, Q, N)),
    (SPATIAL_C, C),
    *((1, dim) for dim in range(len(DIMS))),
    (SPATIAL_K, K),
    *((2, dim) for dim in range(len(DIMS))),
)
"""Inner slots as (level, dimension) from the inside out. Registers hold one weight per element, so only loops that
do not touch weights (P, Q, N) go to L0."""

SLOT_DIM = torch.tensor([dim for _, dim in SLOTS])
C_SLOT = SLOTS.index((SPATIAL_C, C))
K_SLOT = SLOTS.index((SPATIAL_K, K))

OPEN_SLOTS: dict[Platform, tuple[int, ...]] = {
    "timeloop": tuple(range(len(SLOTS))),
    "rtl": tuple(index for index, (level, _) in enumerate(SLOTS) if level in (1, SPATIAL_C, SPATIAL_K)),
}
"""Slots that a search fills. Inside a tile the RTL's own order rules, so on ``rtl`` a tile is L1 and the array."""

SEARCHED_LEVELS: dict[Platform, tuple[int, ...]] = {"timeloop": (1, 2, 3), "rtl": (3,)}
"""Levels whose loop order makes a difference."""

Slots = Int[Tensor, "*b 19"]
Ranks = Int[Tensor, "*b 4 7"]


@dataclass(frozen=True, slots=True)
class Points:
    """Integer mappings: inner factors and loop orders."""

    slots: Int[Tensor, "*b 19"]
    """Inner factors in the order of ``SLOTS``."""
    rank: Int[Tensor, "*b 4 7"]
    """Position of each dimension in the loop order of its level, 0 = outermost."""

    def __getitem__(self, index: object) -> "Points":
        return Points(self.slots[index], self.rank[index])  # type: ignore[index]

    def tensors(self, layers: LayerTensors) -> MappingTensors:
        """As float64 factors of all levels."""
        return tensors_of(self.slots.to(torch.float64), layers.size, self.rank, ceil=True)

    def gather(self, index: Int[Tensor, "*b"]) -> "Points":
        """The point that ``index`` picks on the last batch dimension."""
        slots = self.slots.gather(-2, index[..., None, None].expand(*index.shape, 1, self.slots.shape[-1]))
        rank = self.rank.gather(-3, index[..., None, None, None].expand(*index.shape, 1, *self.rank.shape[-2:]))
        return Points(slots.squeeze(-2), rank.squeeze(-3))


def concatenate(points: list[Points], dim: int) -> Points:
    """Points joined on batch dimension ``dim`` (not negative)."""
    return Points(torch.cat([p.slots for p in points], dim), torch.cat([p.rank for p in points], dim))


def where(condition: Bool[Tensor, "*b"], yes: Points, no: Points) -> Points:
    """``yes`` where the condition holds, else ``no``."""
    return Points(
        torch.where(condition[..., None], yes.slots, no.slots),
        torch.where(condition[..., None, None], yes.rank, no.rank),
    )


def tensors_of(
    slots: Float[Tensor, "*b 19"], size: Float[Tensor, "*l 7"], rank: Ranks, *, ceil: bool
) -> MappingTensors:
    """Factors of all levels: DRAM takes what remains of each dimension (rounded up with ``ceil``)."""
    inner = [_factors(slots, level) for level in range(3)]
    ones = torch.ones_like(slots[..., C_SLOT])
    spatial = torch.stack(
        [slots[..., C_SLOT] if d == C else slots[..., K_SLOT] if d == K else ones for d in range(7)], -1
    )
    outer = size / (inner[0] * inner[1] * inner[2] * spatial)
    if ceil:
        outer = torch.ceil(outer - 1e-9)
    temporal = torch.stack([*inner, outer], -2)
    return MappingTensors(temporal, slots[..., [C_SLOT, K_SLOT]], rank)


def _factors(slots: Float[Tensor, "*b 19"], level: int) -> Float[Tensor, "*b 7"]:
    at = {dim: index for index, (where_, dim) in enumerate(SLOTS) if where_ == level}
    ones = torch.ones_like(slots[..., 0])
    return torch.stack([slots[..., at[dim]] if dim in at else ones for dim in range(len(DIMS))], -1)


def points_of(mappings: MappingTensors) -> Points:
    """Integer mappings in the form of this module. L0 loops over R, S, C and K have no slot and move to L1."""
    temporal = mappings.temporal.round().long()
    columns = []
    for level, dim in SLOTS:
        if level in (SPATIAL_C, SPATIAL_K):
            columns.append(mappings.spatial[..., level - SPATIAL_C].round().long())
        elif level == 1 and (0, dim) not in SLOTS:
            columns.append(temporal[..., 0, dim] * temporal[..., 1, dim])
        else:
            columns.append(temporal[..., level, dim])
    return Points(torch.stack(columns, -1), mappings.rank)


def trim(slots: Slots, size: Int[Tensor, "*l 7"], dim: Int[Tensor, "*h"], platform: Platform) -> Slots:
    """The nearest legal (possibly ragged) inner factors: from the inside out, none exceeds what remains.

    ``dim`` is the array size, which limits both spatial factors; slots that the platform does not search become 1.
    """
    remaining = size.expand(*slots.shape[:-1], len(DIMS)).clone()
    limit = dim.long()
    result = []
    for index, (_, d) in enumerate(SLOTS):
        if index not in OPEN_SLOTS[platform]:
            result.append(torch.ones_like(remaining[..., d]))
            continue
        factor = torch.minimum(slots[..., index].clamp(min=1), remaining[..., d])
        if index in (C_SLOT, K_SLOT):
            factor = torch.minimum(factor, limit)
        remaining[..., d] = ceil_divide(remaining[..., d], factor)
        result.append(factor)
    return torch.stack(result, -1)


def ceil_divide(number: Tensor, by: Tensor | int) -> Tensor:
    """The quotient of positive integers, rounded up."""
    return (number + by - 1) // by


def align(layers: LayerTensors, mappings: MappingTensors) -> LayerTensors:
    """``layers`` with leading dimensions of one, as many as ``mappings`` have more."""
    return layers[(None,) * (mappings.spatial.dim() - layers.stride.dim())]


def fits(mappings: MappingTensors, layers: LayerTensors, hardware: HardwareTensors, platform: Platform) -> Tensor:
    """Whether each mapping fits its hardware (bool ``*b``)."""
    scratchpad, accumulator = footprint_kib(align(layers, mappings), mappings, hardware.dim, platform)
    slack = 1.0 + 1e-9
    return (
        (mappings.spatial.amax(-1) <= hardware.dim)
        & (scratchpad <= hardware.scratchpad_kib * slack)
        & (accumulator <= hardware.accumulator_kib * slack)
    )


def smallest(mappings: MappingTensors, layers: LayerTensors, constraints: Constraints) -> HardwareTensors:
    """The smallest hardware [*b] that fits all layers of each design [*b, layers]; a fixed one is kept."""
    shape = mappings.spatial.shape[:-2]
    if constraints.fixed is not None:
        return constraints.fixed_as(tuple(shape))
    dim = torch.full(shape, float(constraints.fix_dim or 0), dtype=torch.float64)
    if constraints.fix_dim is None:
        spatial = mappings.spatial.amax((-1, -2)).clamp(min=float(constraints.dims[0]))
        dim = 2.0 ** torch.ceil(torch.log2(spatial) - 1e-9)
    aligned = align(layers, mappings)
    scratchpad, accumulator = footprint_kib(aligned, mappings, dim[..., None], constraints.platform)
    return HardwareTensors(
        dim,
        round_kib(scratchpad.amax(-1), constraints.platform),
        round_kib(accumulator.amax(-1), constraints.platform),
    )
