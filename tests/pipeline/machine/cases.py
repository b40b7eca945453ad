"""Small random mappings for the tests of the model."""

import math
import random
from dataclasses import replace

from pipeline.mapping import FOUR_LEVELS, TENSORS, Loops, Mapping
from pipeline.workload import DIMS, Layer

_SPATIAL = dict(FOUR_LEVELS.spatial)


def random_layer(rng: random.Random, most_macs: int) -> Layer:
    """A small layer with strides and dilations."""
    while True:
        sizes = {dim: rng.choice((1, 1, 2, 3, 4, 5, 6)) for dim in DIMS}
        steps = {name: rng.choice((1, 1, 2, 3)) for name in ("stride_w", "stride_h", "dilation_w", "dilation_h")}
        layer = Layer(**sizes, **steps)
        if layer.macs <= most_macs:
            return layer


def random_mapping(rng: random.Random, layer: Layer, exact: bool = True) -> Mapping:
    """A mapping with random factors and loop orders; its factors divide their sizes if ``exact``."""
    loops: list[list[tuple[str, int]]] = [[] for _ in range(FOUR_LEVELS.levels)]
    spatial = {"C": 1, "K": 1}
    for dim, size in zip(DIMS, layer.sizes, strict=True):
        remaining = size
        for level in range(FOUR_LEVELS.levels):
            for is_spatial in (True, False):
                if is_spatial and _SPATIAL.get(level) != dim:
                    continue
                legal = [f for f in range(1, remaining + 1) if not exact or remaining % f == 0]
                last = level == FOUR_LEVELS.levels - 1
                factor = remaining if last else rng.choice(legal)
                remaining = math.ceil(remaining / factor)
                if is_spatial:
                    spatial[dim] = factor
                elif factor > 1:
                    loops[level].append((dim, factor))
    for level in loops:
        rng.shuffle(level)
    ordered: list[Loops] = [tuple(level) for level in loops]
    return Mapping(layer, tuple(ordered), (spatial["C"], spatial["K"]))


def with_own_tiles(rng: random.Random, mapping: Mapping) -> Mapping:
    """``mapping`` with random boundaries for each tensor."""
    outside = [sum(map(len, mapping.loops[FOUR_LEVELS.home(tensor) + 1 :])) for tensor in TENSORS]
    return replace(mapping, held=tuple(rng.randint(0, most) for most in outside))
