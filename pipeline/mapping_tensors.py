"""Layers and mappings as batches of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.mapping import FOUR_LEVELS, TENSORS, Hierarchy, Loops, Mapping
from pipeline.workload import DIMS, Layer


@dataclass(frozen=True, slots=True)
class LayerTensors:
    """Layers as tensors, batched on the leading dimensions ``*b``."""

    size: Float[Tensor, "*b 7"]
    """Sizes in the order of ``DIMS``."""
    stride: Float[Tensor, "*b 2"]
    """Strides (W, H)."""
    dilation: Float[Tensor, "*b 2"]
    """Dilations (W, H)."""

    @classmethod
    def stack(cls, layers: Sequence[Layer]) -> "LayerTensors":
        """Layers [B] as float64 tensors."""
        return cls(
            size=torch.tensor([layer.sizes for layer in layers], dtype=torch.float64).reshape(-1, len(DIMS)),
            stride=_pairs([(layer.stride_w, layer.stride_h) for layer in layers]),
            dilation=_pairs([(layer.dilation_w, layer.dilation_h) for layer in layers]),
        )

    def __getitem__(self, index: object) -> "LayerTensors":
        return LayerTensors(self.size[index], self.stride[index], self.dilation[index])  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class MappingTensors:
    """Mappings as tensors, batched on the leading dimensions ``*b``; factors may be real numbers (relaxed)."""

    temporal: Float[Tensor, "*b levels 7"]
    """Temporal factor of each level, inner first, and dimension in the order of ``DIMS``."""
    spatial: Float[Tensor, "*b loops"]
    """Spatial factors in the order of ``Hierarchy.spatial``."""
    rank: Int[Tensor, "*b levels 7"]
    """Position of each dimension in the loop order of its level, 0 = outermost; a permutation of 0..6."""
    held: Int[Tensor, "*b 3"] | None = None
    """How many places of the loop orders outside its home level, innermost first, the tile of each of ``TENSORS``
    covers too, seven a level; None: every tile is that of its level."""

    @classmethod
    def stack(cls, mappings: Sequence[Mapping]) -> "MappingTensors":
        """Mappings [B] of one hierarchy as float64 factors and int64 ranks; loops of factor 1 are placed outermost."""
        hierarchy = mappings[0].hierarchy if mappings else FOUR_LEVELS
        levels, lanes = hierarchy.levels, len(hierarchy.spatial)
        temporal = [[[m.factor(level, dim) for dim in DIMS] for level in range(levels)] for m in mappings]
        rank = [[_ranks(loops) for loops in m.loops] for m in mappings]
        return cls(
            temporal=torch.tensor(temporal, dtype=torch.float64).reshape(-1, levels, len(DIMS)),
            spatial=torch.tensor([m.spatial for m in mappings], dtype=torch.float64).reshape(-1, lanes),
            rank=torch.tensor(rank, dtype=torch.int64).reshape(-1, levels, len(DIMS)),
            held=torch.tensor([_places_held(m) for m in mappings]) if any(any(m.held) for m in mappings) else None,
        )

    def mapping(self, layer: Layer, index: int | tuple[int, ...], hierarchy: Hierarchy = FOUR_LEVELS) -> Mapping:
        """The mapping of ``layer`` at ``index``; its factors must be integers up to rounding errors."""
        temporal = self.temporal[index].round().long().tolist()
        spatial = self.spatial[index].round().long().tolist()
        ranks = self.rank[index].tolist()
        loops = []
        for factors, order in zip(temporal, ranks, strict=True):
            outermost_first = sorted(range(len(DIMS)), key=order.__getitem__)
            loops.append(tuple((DIMS[d], factors[d]) for d in outermost_first if factors[d] > 1))
        return Mapping(
            layer, tuple(loops), tuple(spatial), hierarchy, tuple(self[index].loops_held(hierarchy).tolist())
        )

    def loops_held(self, hierarchy: Hierarchy) -> Int[Tensor, "*b 3"]:
        """How many loops of more than one turn outside its level each tensor's tile covers (``Mapping.held``)."""
        if self.held is None:
            return torch.zeros(*self.spatial.shape[:-1], len(TENSORS), dtype=torch.long)
        homes = map(hierarchy.home, TENSORS)
        inside = [covered(places, self.rank, home) for places, home in zip(self.held.unbind(-1), homes, strict=True)]
        return torch.stack([(mask & (self.temporal > 1)).sum((-2, -1)) for mask in inside], -1)

    def tile(self, hierarchy: Hierarchy) -> Float[Tensor, "*b 7"]:
        """Product of all factors inside the DRAM loops, which may exceed the layer's size."""
        lanes = torch.ones_like(self.temporal[..., 0, :])
        for index, dim in enumerate(hierarchy.spatial_dims):
            lanes[..., dim] = self.spatial[..., index]
        return self.temporal[..., :-1, :].prod(-2) * lanes

    def __getitem__(self, index: object) -> "MappingTensors":
        held = None if self.held is None else self.held[index]  # type: ignore[index]
        return MappingTensors(self.temporal[index], self.spatial[index], self.rank[index], held)  # type: ignore[index]


def covered(places: Int[Tensor, "*b"], rank: Int[Tensor, "*b levels 7"], home: int) -> Bool[Tensor, "*b levels 7"]:
    """Which loops lie in the innermost ``places`` of the loop orders outside level ``home``, seven a level."""
    levels = torch.arange(rank.shape[-2])
    left = places[..., None] - len(DIMS) * (levels - home - 1)
    return (rank >= len(DIMS) - left[..., None]) & (levels > home)[:, None]


def _pairs(values: Sequence[tuple[int, int]]) -> Float[Tensor, "b 2"]:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 2)


def _ranks(loops: Loops) -> list[int]:
    present = [dim for dim, _ in loops]
    order = [dim for dim in DIMS if dim not in present] + present
    return [order.index(dim) for dim in DIMS]


def _places_held(mapping: Mapping) -> list[int]:
    """``Mapping.held`` in places of loop orders, where a level has seven and its loops the innermost of them."""
    places = []
    for tensor, count in zip(TENSORS, mapping.held, strict=True):
        level, left, whole = mapping.hierarchy.home(tensor) + 1, count, 0
        while left > len(mapping.loops[level]):
            level, left, whole = level + 1, left - len(mapping.loops[level]), whole + len(DIMS)
        places.append(whole + left)
    return places
