"""A sensible default mapping of a tile pipeline: whole reductions where they fit, then as many outputs as fit."""

import math
from collections.abc import Callable

from pipeline.hardware import Hardware
from pipeline.mapping import Hierarchy, Mapping
from pipeline.workload import DIMS, Layer

ORDER = ("C", "K", "P", "Q", "N")
"""Dimensions that grow in turn; the first fills up before the next begins, as long as a tile fits."""


def default_mapping(layer: Layer, hardware: Hardware, hierarchy: Hierarchy, fits: Callable[[Mapping], bool]) -> Mapping:
    """The mapping of the largest tile that growing finds. Raises ValueError when not even one block fits."""
    sizes = dict(zip(DIMS, layer.sizes, strict=True))
    dim = hardware.dim
    down = "P" if layer.P >= layer.Q else "Q"
    tile = {"R": layer.R, "S": layer.S, "C": min(dim, layer.C), "K": min(dim, layer.K), "P": 1, "Q": 1, "N": 1}
    tile[down] = min(dim, sizes[down])
    for name in ("S", "R"):
        while not fits(_mapping(layer, tile, hierarchy, dim)) and tile[name] > 1:
            tile[name] = math.ceil(tile[name] / 2)
    if not fits(_mapping(layer, tile, hierarchy, dim)):
        raise ValueError(f"layer {layer}: not even a tile of one block fits {hardware.id}")
    for name in ORDER:
        while tile[name] < sizes[name]:
            grown = tile | {name: min(sizes[name], 2 * tile[name])}
            if not fits(_mapping(layer, grown, hierarchy, dim)):
                break
            tile = grown
    return _mapping(layer, tile, hierarchy, dim)


def _mapping(layer: Layer, tile: dict[str, int], hierarchy: Hierarchy, dim: int) -> Mapping:
    """The mapping of a tile, spatial loops as large as they can be, output channels outermost."""
    sizes = dict(zip(DIMS, layer.sizes, strict=True))
    lanes = {name: min(dim, tile[name]) for _, name in hierarchy.spatial}
    inner = {name: math.ceil(tile[name] / lanes.get(name, 1)) for name in DIMS}
    covered = {name: inner[name] * lanes.get(name, 1) for name in DIMS}
    outer = {name: math.ceil(sizes[name] / covered[name]) for name in DIMS}

    def loops(factors: dict[str, int], order: str) -> tuple[tuple[str, int], ...]:
        return tuple((name, factors[name]) for name in order if factors[name] > 1)

    empty = ((),) * (hierarchy.levels - 2)
    return Mapping(layer, (*empty, loops(inner, "NQPKSRC"), loops(outer, "KNQPSRC")), tuple(lanes.values()), hierarchy)
