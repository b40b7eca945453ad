"""Mappings: how a layer is split over the levels of a memory hierarchy.

Inside one level the temporal loops come first and the spatial loops are innermost.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.workload import DIMS, MAX_SIZE, Layer


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Memory levels from the inside out, the outermost being DRAM, and the loops that run in parallel.

    Raises ValueError that names a level, tensor or dimension which cannot be.
    """

    keeps: tuple[str, ...]
    """Tensors that each level keeps: letters of ``WIO`` for weights, inputs, outputs."""
    spatial: tuple[tuple[int, str], ...]
    """Level and dimension of each spatial loop, from the inside out; each dimension is spatial once at most."""

    def __post_init__(self) -> None:
        if len(self.keeps) < 2 or not all(kept and set(kept) <= set("WIO") for kept in self.keeps):
            raise ValueError(f"hierarchy keeps {self.keeps}: needs two levels or more, each with letters of WIO")
        for level, dim in self.spatial:
            if not 0 <= level < self.levels or dim not in DIMS:
                raise ValueError(f"hierarchy: no spatial loop over {dim} at level {level}")
        dims = [dim for _, dim in self.spatial]
        if len(set(dims)) < len(dims) or list(self.spatial) != sorted(self.spatial, key=lambda item: item[0]):
            raise ValueError(f"hierarchy: spatial loops {self.spatial} must go outwards, one a dimension")

    @property
    def levels(self) -> int:
        """Number of levels, DRAM included."""
        return len(self.keeps)

    @property
    def spatial_dims(self) -> tuple[int, ...]:
        """Place in ``DIMS`` of the dimension of each spatial loop."""
        return tuple(DIMS.index(dim) for _, dim in self.spatial)

    def home(self, tensor: str) -> int:
        """The outermost level below DRAM that keeps a tensor (DRAM where none does): loops outside bring in tiles."""
        return max((level for level in range(self.levels - 1) if tensor in self.keeps[level]), default=self.levels - 1)


FOUR_LEVELS = Hierarchy(("W", "O", "WI", "WIO"), ((1, "C"), (2, "K")))
"""That of Gemmini and of the public DOSA data: L0 registers, L1 accumulator, L2 scratchpad, L3 DRAM; C is spatial over
array rows at L1, K over array columns at L2."""

TENSORS = "WIO"
"""Weights, inputs, outputs."""

MAX_TEXT = 4096

Loops = tuple[tuple[str, int], ...]
"""Temporal loops of one level as (dimension, factor), outermost first, factors above 1 only."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A legal mapping of ``layer``.

    ``loops[l]`` holds the temporal loops of level l, ``spatial`` the factor of each spatial loop. Ragged mappings are
    legal: from the inside out, each factor is at most ceil(size / factors inside it), and the outermost makes the
    product reach the layer's size.
    Raises ValueError that names the offending level and factor otherwise.
    """

    layer: Layer
    loops: tuple[Loops, ...]
    spatial: tuple[int, ...] = ()
    """In the order of ``hierarchy.spatial``; empty where nothing runs in parallel."""
    hierarchy: Hierarchy = FOUR_LEVELS
    held: tuple[int, ...] = (0,) * len(TENSORS)
    """For each of ``TENSORS`` how many loops outside its home level, innermost first, its tile there covers too.

    0: the tile is that of the level, as for all others it keeps. Above 0 the tensor has a boundary of its own: it
    fills more of the memory, and these loops do not move it.
    """

    def __post_init__(self) -> None:
        if len(self.loops) != self.hierarchy.levels:
            raise ValueError(f"mapping has {len(self.loops)} levels, needs {self.hierarchy.levels}")
        if not self.spatial:
            object.__setattr__(self, "spatial", (1,) * len(self.hierarchy.spatial))
        if len(self.spatial) != len(self.hierarchy.spatial):
            raise ValueError(f"mapping has {len(self.spatial)} spatial factors, needs {len(self.hierarchy.spatial)}")
        for level, loops in enumerate(self.loops):
            _check_loops(level, loops)
        for (_, dim), value in zip(self.hierarchy.spatial, self.spatial, strict=True):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"mapping spatial {dim} = {value!r} is not an integer of at least 1")
        for dim, size in zip(DIMS, self.layer.sizes, strict=True):
            self._check_cover(dim, size)
        for tensor, count in zip(TENSORS, self.held, strict=True):
            outside = sum(len(loops) for loops in self.loops[self.hierarchy.home(tensor) + 1 :])
            if not 0 <= count <= outside:
                raise ValueError(
                    f"mapping: tile of {tensor} covers {count} loops outside its level, there are {outside}"
                )

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
        for level in range(self.hierarchy.levels):
            if (level, dim) in self.hierarchy.spatial:
                result.append((level, self.lanes(dim), True))
            result.append((level, self.factor(level, dim), False))
        return result

    def lanes(self, dim: str) -> int:
        """Spatial factor of ``dim``, 1 where it is not spatial."""
        return next((n for (_, d), n in zip(self.hierarchy.spatial, self.spatial, strict=True) if d == dim), 1)

    def factor(self, level: int, dim: str) -> int:
        """Temporal factor of ``dim`` at ``level``."""
        return dict(self.loops[level]).get(dim, 1)

    def tile(self, dim: str, level: int = -2) -> int:
        """Extent of ``dim`` in one tile of ``level``: its loops, the spatial ones and all inside (at most the size).

        ``tile(dim)`` is the tile that DRAM loops hand to the accelerator.
        """
        level %= self.hierarchy.levels
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
        for level in reversed(range(self.hierarchy.levels)):
            loops = " ".join(self._marked(level)) or "N1"
            for at, dim in reversed(self.hierarchy.spatial):
                if at == level and self.lanes(dim) > 1:
                    loops += f" {dim}{self.lanes(dim)}X"
            parts.append(f"L{level}[{self.hierarchy.keeps[level]}] {loops}")
        return " - ".join(parts)

    def _marked(self, level: int) -> Iterable[str]:
        """The temporal loops of a level as text, ``[W]`` before those that only the tile of W covers."""
        below = {tensor: self.hierarchy.home(tensor) + 1 for tensor in TENSORS}
        for place, (dim, factor) in enumerate(self.loops[level]):
            left = len(self.loops[level]) - place
            for tensor, count in zip(TENSORS, self.held, strict=True):
                if below[tensor] <= level and count == left + sum(map(len, self.loops[below[tensor] : level])):
                    yield f"[{tensor}]"
            yield f"{dim}{factor}"

    @classmethod
    def parse(cls, text: str, layer: Layer, hierarchy: Hierarchy = FOUR_LEVELS) -> "Mapping":
        """Read the text form, for example ``L3[WIO] K8 Q28 - L2[WI] N1 K4X - L1[O] C3 P7 C3X - L0[W] P16``.

        ``L3[WIO] Q2 [I] K45 C16``: inside the level the input tile covers K45 and C16 too, that of the weights does
        not. Raises ValueError that names the offending part.
        """
        if len(text) > MAX_TEXT:
            raise ValueError(f"mapping text has {len(text)} characters, at most {MAX_TEXT} are read")
        parts = [part.strip() for part in text.split(" - ")]
        if len(parts) != hierarchy.levels:
            names = " - ".join(f"L{level}" for level in reversed(range(hierarchy.levels)))
            raise ValueError(f"mapping {text[:200]!r}: has {len(parts)} levels, needs {names}")
        loops: list[Loops] = []
        spatial = {dim: 1 for _, dim in hierarchy.spatial}
        held = dict.fromkeys(TENSORS, 0)
        for level, part in zip(range(hierarchy.levels), reversed(parts), strict=True):
            temporal: list[tuple[str, int]] = []
            marks: dict[str, int] = {}
            for name, factor, is_spatial in _parse_level(part, level, hierarchy):
                if name in TENSORS:
                    if hierarchy.home(name) >= level or name in marks or held[name]:
                        raise ValueError(f"mapping L{level}: [{name}] stands once, outside L{hierarchy.home(name)}")
                    marks[name] = len(temporal)
                elif is_spatial:
                    spatial[name] = factor
                elif factor > 1:
                    temporal.append((name, factor))
            loops.append(tuple(temporal))
            for tensor, outside in marks.items():
                held[tensor] = sum(map(len, loops[hierarchy.home(tensor) + 1 :])) - outside
        return cls(layer, tuple(loops), tuple(spatial.values()), hierarchy, tuple(held.values()))


_MARK = re.compile(rf"\[[{TENSORS}]\]")
"""Where the tile of a tensor has its own boundary."""


def _check_loops(level: int, loops: Loops) -> None:
    seen: set[str] = set()
    for dim, factor in loops:
        if dim not in DIMS:
            raise ValueError(f"mapping L{level}: unknown dimension {dim!r}")
        if dim in seen:
            raise ValueError(f"mapping L{level}: dimension {dim} occurs twice")
        if not isinstance(factor, int) or factor < 2:
            raise ValueError(f"mapping L{level}: factor {dim}{factor!r} is not an integer above 1")
        seen.add(dim)


def _parse_level(part: str, level: int, hierarchy: Hierarchy) -> Iterable[tuple[str, int, bool]]:
    """Loops as (dimension, factor, is spatial), outermost first, and marks as (tensor, 1, False) where they stand."""
    head, *tokens = part.split()
    expected = f"L{level}[{hierarchy.keeps[level]}]"
    if head != expected:
        raise ValueError(f"mapping: found {head[:40]!r} where {expected} belongs")
    if not tokens:
        raise ValueError(f"mapping {expected}: no loops; an empty level is written N1")
    for token in tokens:
        if _MARK.fullmatch(token):
            yield token[1], 1, False
            continue
        match = re.fullmatch(r"([RSPQCKN])([1-9][0-9]{0,6})(X?)", token, re.ASCII)
        if match is None or int(match[2]) > MAX_SIZE:
            raise ValueError(f"mapping {expected}: {token[:40]!r} is not a loop such as K8 or K4X")
        dim, factor, is_spatial = match[1], int(match[2]), bool(match[3])
        if is_spatial and (level, dim) not in hierarchy.spatial:
            can = " and ".join(f"{name} at L{at}" for at, name in hierarchy.spatial) or "nothing"
            raise ValueError(f"mapping {expected}: {token} cannot be spatial (only {can} can)")
        yield dim, factor, is_spatial
