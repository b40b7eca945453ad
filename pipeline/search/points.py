"""The discrete space of mappings as tensors: slots, legal factors, the hardware that mappings need.

A mapping is its inner factors (every level but DRAM); the DRAM factor of a dimension is what remains, rounded up.
A vector of inner factors has one entry per slot of the machine's ``MappingSpace``, so moves are arithmetic on a long
tensor [..., slots].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine import capacity
from pipeline.machine.machine import Machine
from pipeline.machine.space import MappingSpace, Slot
from pipeline.mapping import TENSORS
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.search.constraints import Constraints
from pipeline.workload import DIMS

Slots = Int[Tensor, "*b slots"]
Ranks = Int[Tensor, "*b levels 7"]
Structure = Mapping[str, Tensor]
"""Parts of the structure of hardware by name, batched as the hardware is."""


@dataclass(frozen=True, slots=True)
class Points:
    """Integer mappings: inner factors and loop orders."""

    slots: Int[Tensor, "*b slots"]
    """Inner factors in the order of the space's slots."""
    rank: Int[Tensor, "*b levels 7"]
    """Position of each dimension in the loop order of its level, 0 = outermost."""

    held: Int[Tensor, "*b 3"] | None = None
    """Places outside its level that each tensor's tile covers (``MappingTensors.held``); None: none."""

    def __getitem__(self, index: object) -> "Points":
        held = None if self.held is None else self.held[index]  # type: ignore[index]
        return Points(self.slots[index], self.rank[index], held)  # type: ignore[index]

    @property
    def places_held(self) -> Int[Tensor, "*b 3"]:
        """``held`` in numbers."""
        return torch.zeros(*self.slots.shape[:-1], len(TENSORS), dtype=torch.long) if self.held is None else self.held

    def tensors(self, layers: LayerTensors, space: MappingSpace) -> MappingTensors:
        """As float64 factors of all levels."""
        factors = tensors_of(self.slots.to(torch.float64), layers.size, self.rank, space, ceil=True)
        if self.held is None or not bool(self.held.any()):
            return factors
        return MappingTensors(factors.temporal, factors.spatial, factors.rank, self.held)

    def copies(self, count: int) -> "Points":
        """``count`` times the same, on a new first dimension."""
        return self.map(lambda part: part.expand(count, *part.shape))

    def gather(self, index: Int[Tensor, "*b"]) -> "Points":
        """The point that ``index`` picks on the last batch dimension."""
        batch = index.dim()

        def picked(part: Tensor) -> Tensor:
            inner = part.shape[batch + 1 :]
            at = index[(..., None, *(None,) * len(inner))].expand(*index.shape, 1, *inner)
            return part.gather(batch, at).squeeze(batch)

        return self.map(picked)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Points":
        """Every part changed."""
        return Points(change(self.slots), change(self.rank), None if self.held is None else change(self.held))


def concatenate(points: list[Points], dim: int) -> Points:
    """Points joined on batch dimension ``dim`` (not negative)."""
    even = all(p.held is None for p in points)
    held = None if even else torch.cat([p.places_held for p in points], dim)
    return Points(torch.cat([p.slots for p in points], dim), torch.cat([p.rank for p in points], dim), held)


def where(condition: Bool[Tensor, "*b"], yes: Points, no: Points) -> Points:
    """``yes`` where the condition holds, else ``no``."""
    even = yes.held is None and no.held is None
    return Points(
        torch.where(condition[..., None], yes.slots, no.slots),
        torch.where(condition[..., None, None], yes.rank, no.rank),
        None if even else torch.where(condition[..., None], yes.places_held, no.places_held),
    )


def with_dram_order(rank: Int[Tensor, "*b levels 7"], order: Int[Tensor, "*#b 7"]) -> Ranks:
    """A copy of loop orders with those of the DRAM loops changed."""
    changed = rank.clone()
    changed[..., -1, :] = order
    return changed


def tensors_of(
    slots: Float[Tensor, "*b slots"], size: Float[Tensor, "*l 7"], rank: Ranks, space: MappingSpace, *, ceil: bool
) -> MappingTensors:
    """Factors of all levels: DRAM takes what remains of each dimension (rounded up with ``ceil``)."""
    inner = [_factors(slots, level, space) for level in range(space.hierarchy.levels - 1)]
    ones = torch.ones_like(slots[..., 0])
    at = dict(zip(space.hierarchy.spatial_dims, space.spatial, strict=True))
    lanes = torch.stack([slots[..., at[dim]] if dim in at else ones for dim in range(len(DIMS))], -1)
    covered = inner[0]
    for factors in (*inner[1:], lanes):
        covered = covered * factors
    outer = size / covered
    if ceil:
        outer = torch.ceil(outer - 1e-9)
    return MappingTensors(torch.stack([*inner, outer], -2), slots[..., list(space.spatial)], rank)


def _factors(slots: Float[Tensor, "*b slots"], level: int, space: MappingSpace) -> Float[Tensor, "*b 7"]:
    at = {slot.dim: index for index, slot in enumerate(space.slots) if slot.level == level and not slot.spatial}
    ones = torch.ones_like(slots[..., 0])
    return torch.stack([slots[..., at[dim]] if dim in at else ones for dim in range(len(DIMS))], -1)


def points_of(mappings: MappingTensors, space: MappingSpace) -> Points:
    """Integer mappings in the form of this module. Loops that have no slot move to the next level that has one."""
    temporal, spatial = mappings.temporal.round().long(), mappings.spatial.round().long()
    columns = []
    for index, slot in enumerate(space.slots):
        if slot.spatial:
            columns.append(spatial[..., space.spatial.index(index)])
            continue
        factor = temporal[..., slot.level, slot.dim]
        for level in reversed(range(slot.level)):
            if Slot(level, slot.dim) in space.slots:
                break
            factor = factor * temporal[..., level, slot.dim]
        columns.append(factor)
    return Points(torch.stack(columns, -1), mappings.rank)


def trim(slots: Slots, size: Int[Tensor, "*l 7"], dim: Int[Tensor, "*h"], space: MappingSpace) -> Slots:
    """The nearest legal (possibly ragged) inner factors: from the inside out, none exceeds what remains.

    ``dim`` is the array size, which limits spatial factors; slots that the machine does not search become 1.
    """
    remaining = size.expand(*slots.shape[:-1], len(DIMS)).clone()
    limit = dim.long()
    result = []
    for index, slot in enumerate(space.slots):
        if index not in space.open:
            result.append(torch.ones_like(remaining[..., slot.dim]))
            continue
        factor = torch.minimum(slots[..., index].clamp(min=1), remaining[..., slot.dim])
        if slot.spatial:
            factor = torch.minimum(factor, limit)
        remaining[..., slot.dim] = ceil_divide(remaining[..., slot.dim], factor)
        result.append(factor)
    return torch.stack(result, -1)


def ceil_divide(number: Tensor, by: Tensor | int) -> Tensor:
    """The quotient of positive integers, rounded up."""
    return (number + by - 1) // by


def align(layers: LayerTensors, mappings: MappingTensors) -> LayerTensors:
    """``layers`` with leading dimensions of one, as many as ``mappings`` have more."""
    return layers[(None,) * (mappings.spatial.dim() - layers.stride.dim())]


def fits(
    mappings: MappingTensors, layers: LayerTensors, hardware: HardwareTensors, machine: Machine
) -> Bool[Tensor, "*b"]:
    """Whether each mapping fits its hardware."""
    return capacity.fits(machine, align(layers, mappings), mappings, hardware)


def each_layer(hardware: HardwareTensors, extra: int = 1) -> HardwareTensors:
    """Hardware [*b] with ``extra`` trailing dimensions of one, to broadcast over layers (and candidates)."""
    return hardware[(..., *(None,) * extra)]


def smallest(
    mappings: MappingTensors, layers: LayerTensors, constraints: Constraints, structure: Structure | None = None
) -> HardwareTensors:
    """The smallest hardware [*b] that fits all layers of each design [*b, layers]; a fixed one is kept.

    Mappings do not imply a structure: it is ``structure``, or that with which a search begins.
    """
    shape, machine = mappings.spatial.shape[:-2], constraints.machine
    if constraints.fixed is not None:
        return constraints.fixed_as(tuple(shape))
    dim = torch.full(shape, float(constraints.fix_dim or 0), dtype=torch.float64)
    if constraints.fix_dim is None:
        # Larger than what is built: no such hardware is allowed.
        dims = torch.tensor([*constraints.dims, 2 * constraints.dims[-1]], dtype=torch.float64)
        place = torch.searchsorted(dims, mappings.spatial.amax((-1, -2)).contiguous() - 1e-9)
        dim = dims[place.clamp(max=len(dims) - 1)]
    need = machine.footprint_kib(align(layers, mappings), mappings, dim[..., None])
    sizes = {"dim": dim} | {size: machine.grid.round_up(kib.amax(-1)) for size, kib in need.items()}
    chosen = constraints.first_structure(tuple(shape)) if structure is None else structure
    return HardwareTensors(sizes | dict(chosen))


def structure_of(hardware: HardwareTensors, constraints: Constraints) -> Structure:
    """The parts of the structure that ``constraints`` leave to the search."""
    return {name: hardware.sizes[name] for name in constraints.structure}
