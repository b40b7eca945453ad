"""Mappings: how a layer is split over the levels of the memory hierarchy.

Four levels: L0 registers (weights), L1 accumulator (outputs), L2 scratchpad (weights, inputs), L3 DRAM (all).
Inside one level the temporal loops come first and the spatial loop is innermost: C is spatial at L1, K at L2.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.workload import DIMS, MAX_SIZE, Layer

LEVELS = 4
KEPT = ("W", "O", "WI", "WIO")
"""Tensors that levels L0 to L3 keep."""

SPATIAL = {1: "C", 2: "K"}
"""The dimension that is spatial at a level."""

MAX_TEXT = 4096

Loops = tuple[tuple[str, int], ...]
"""Temporal loops of one level as (dimension, factor), outermost first, factors above 1 only."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A legal mapping of ``layer``.

    ``loops[l]`` holds the temporal loops of level l; ``spatial_c`` unrolls C over array rows at L1, ``spatial_k``
    unrolls K over array columns at L2. Ragged mappings are legal: from the inside out, each factor is at most
    ceil(size / factors inside it), and the outermost makes the product reach the layer's size.
    Raises ValueError that names the offending level and factor otherwise.
    """

    layer: Layer
    loops: tuple[Loops, Loops, Loops, Loops]
    spatial_c: int = 1
    spatial_k: int = 1

    def __post_init__(self) -> None:
        if len(self.loops) != LEVELS:
            raise ValueError(f"mapping has {len(self.loops)} levels, needs {LEVELS}")
        for level, loops in enumerate(self.loops):
            seen: set[str] = set()
            for dim, factor in loops:
                if dim not in DIMS:
                    raise ValueError(f"mapping L{level}: unknown dimension {dim!r}")
                if dim in seen:
                    raise ValueError(f"mapping L{level}: dimension {dim} occurs twice")
                if not isinstance(factor, int) or factor < 2:
                    raise ValueError(f"mapping L{level}: factor {dim}{factor!r} is not an integer above 1")
                seen.add(dim)
        for name in ("spatial_c", "spatial_k"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"mapping {name} = {value!r} is not an integer of at least 1")
        for dim, size in zip(DIMS, self.layer.sizes, strict=True):
            self._check_cover(dim, size)

    def _check_cover(self, dim: str, size: int) -> None:
        remaining = size
        for level, factor, spatial in self.chain(dim):
            if factor > remaining:
                where = f"L{level} {dim}{factor}{'X' if spatial else ''}"
                raise ValueError(f"mapping {where}: exceeds what remains of {dim} = {size} ({remaining})")
            remaining = math.ceil(remaining / factor)
        if remaining != 1:
            raise ValueError(f"mapping does not cover {dim} = {size}: factor {remaining} is missing")

    def chain(self, dim: str) -> list[tuple[int, int, bool]]:
        """The factors of ``dim`` from the inside out as (level, factor, is spatial), ones included."""
        result: list[tuple[int, int, bool]] = []
        for level in range(LEVELS):
            if SPATIAL.get(level) == dim:
                result.append((level, self.spatial_c if dim == "C" else self.spatial_k, True))
            result.append((level, self.factor(level, dim), False))
        return result

    def factor(self, level: int, dim: str) -> int:
        """Temporal factor of ``dim`` at ``level``."""
        return dict(self.loops[level]).get(dim, 1)

    def tile(self, dim: str, level: int = 2) -> int:
        """Extent of ``dim`` in one tile of ``level``: its loops, the spatial ones and all inside (at most the size).

        ``tile(dim)`` is the tile that DRAM loops hand to the accelerator.
        """
        size = self.layer.sizes[DIMS.index(dim)]
        return min(size, math.prod(factor for at, factor, _ in self.chain(dim) if at <= level))

    @property
    def is_exact(self) -> bool:
        """Whether every factor divides what it splits (no ragged tile)."""
        return all(
            math.prod(factor for _, factor, _ in self.chain(dim)) == size
            for dim, size in zip(DIMS, self.layer.sizes, strict=True)
        )

    def __str__(self) -> str:
        parts = []
        for level in reversed(range(LEVELS)):
            loops = " ".join(f"{dim}{factor}" for dim, factor in self.loops[level]) or "N1"
            spatial = {1: self.spatial_c, 2: self.spatial_k}.get(level, 1)
            if spatial > 1:
                loops += f" {SPATIAL[level]}{spatial}X"
            parts.append(f"L{level}[{KEPT[level]}] {loops}")
        return " - ".join(parts)

    @classmethod
    def parse(cls, text: str, layer: Layer) -> "Mapping":
        """Read the text form, for example ``L3[WIO] K8 Q28 - L2[WI] N1 K4X - L1[O] C3 P7 C3X - L0[W] P16``.

        Raises ValueError that names the offending part.
        """
        if len(text) > MAX_TEXT:
            raise ValueError(f"mapping text has {len(text)} characters, at most {MAX_TEXT} are read")
        parts = [part.strip() for part in text.split(" - ")]
        if len(parts) != LEVELS:
            raise ValueError(f"mapping {text[:200]!r}: has {len(parts)} levels, needs L3 - L2 - L1 - L0")
        loops: list[Loops] = []
        spatial = {"C": 1, "K": 1}
        for level, part in zip(range(LEVELS), reversed(parts), strict=True):
            temporal = []
            for dim, factor, is_spatial in _parse_level(part, level):
                if is_spatial:
                    spatial[dim] = factor
                elif factor > 1:
                    temporal.append((dim, factor))
            loops.append(tuple(temporal))
        return cls(layer, (loops[0], loops[1], loops[2], loops[3]), spatial["C"], spatial["K"])


def _parse_level(part: str, level: int) -> Iterable[tuple[str, int, bool]]:
    head, *tokens = part.split()
    expected = f"L{level}[{KEPT[level]}]"
    if head != expected:
        raise ValueError(f"mapping: found {head[:40]!r} where {expected} belongs")
    if not tokens:
        raise ValueError(f"mapping {expected}: no loops; an empty level is written N1")
    for token in tokens:
        match = re.fullmatch(r"([RSPQCKN])([1-9][0-9]{0,6})(X?)", token, re.ASCII)
        if match is None or int(match[2]) > MAX_SIZE:
            raise ValueError(f"mapping {expected}: {token[:40]!r} is not a loop such as K8 or K4X")
        dim, factor, is_spatial = match[1], int(match[2]), bool(match[3])
        if is_spatial and SPATIAL.get(level) != dim:
            raise ValueError(f"mapping {expected}: {token} cannot be spatial (only C at L1 and K at L2 can)")
        yield dim, factor, is_spatial


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

    temporal: Float[Tensor, "*b 4 7"]
    """Temporal factor of level L0..L3 and dimension in the order of ``DIMS``."""
    spatial: Float[Tensor, "*b 2"]
    """Spatial factors (C at L1, K at L2)."""
    rank: Int[Tensor, "*b 4 7"]
    """Position of each dimension in the loop order of its level, 0 = outermost; a permutation of 0..6."""

    @classmethod
    def stack(cls, mappings: Sequence[Mapping]) -> "MappingTensors":
        """Mappings [B] as float64 factors and int64 ranks; loops of factor 1 are placed outermost."""
        temporal = [[[m.factor(level, dim) for dim in DIMS] for level in range(LEVELS)] for m in mappings]
        rank = [[_ranks(loops) for loops in m.loops] for m in mappings]
        return cls(
            temporal=torch.tensor(temporal, dtype=torch.float64).reshape(-1, LEVELS, len(DIMS)),
            spatial=_pairs([(m.spatial_c, m.spatial_k) for m in mappings]),
            rank=torch.tensor(rank, dtype=torch.int64).reshape(-1, LEVELS, len(DIMS)),
        )

    def mapping(self, layer: Layer, index: int | tuple[int, ...]) -> Mapping:
        """The mapping of ``layer`` at ``index``; its factors must be integers up to rounding errors."""
        temporal = self.temporal[index].round().long().tolist()
        spatial = self.spatial[index].round().long().tolist()
        ranks = self.rank[index].tolist()
        loops = []
        for factors, order in zip(temporal, ranks, strict=True):
            outermost_first = sorted(range(len(DIMS)), key=order.__getitem__)
            loops.append(tuple((DIMS[d], factors[d]) for d in outermost_first if factors[d] > 1))
        return Mapping(layer, (loops[0], loops[1], loops[2], loops[3]), spatial[0], spatial[1])

    def __getitem__(self, index: object) -> "MappingTensors":
        return MappingTensors(self.temporal[index], self.spatial[index], self.rank[index])  # type: ignore[index]


def _pairs(values: Sequence[tuple[int, int]]) -> Float[Tensor, "b 2"]:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 2)


def _ranks(loops: Loops) -> list[int]:
    present = [dim for dim, _ in loops]
    order = [dim for dim in DIMS if dim not in present] + present
    return [order.index(dim) for dim in DIMS]
