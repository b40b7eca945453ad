"""Random layers and mappings for property tests."""

import math
from dataclasses import replace

from hypothesis import strategies as st

from pipeline.mapping import FOUR_LEVELS, TENSORS, Mapping
from pipeline.workload import DIMS, Layer

_SPATIAL = dict(FOUR_LEVELS.spatial)

MAX_SIZES = {"R": 4, "S": 4, "P": 12, "Q": 12, "C": 20, "K": 20, "N": 3}


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Small layers with strides and dilations."""
    sizes = {dim: draw(st.integers(1, top)) for dim, top in MAX_SIZES.items()}
    steps = {name: draw(st.integers(1, 3)) for name in ("stride_w", "stride_h", "dilation_w", "dilation_h")}
    return Layer(**sizes, **steps)


@st.composite
def mappings(draw: st.DrawFn, exact: bool = False) -> Mapping:
    """Legal mappings of random layers; ragged ones too unless ``exact``."""
    layer = draw(layers())
    temporal: list[dict[str, int]] = [{} for _ in range(FOUR_LEVELS.levels)]
    spatial = {"C": 1, "K": 1}
    for dim, size in zip(DIMS, layer.sizes, strict=True):
        remaining = size
        slots = [(level, is_x) for level in range(FOUR_LEVELS.levels) for is_x in (True, False)]
        for level, is_x in slots:
            if is_x and _SPATIAL.get(level) != dim:
                continue
            legal = [f for f in range(1, remaining + 1) if not exact or remaining % f == 0]
            factor = remaining if (level, is_x) == (FOUR_LEVELS.levels - 1, False) else draw(st.sampled_from(legal))
            remaining = math.ceil(remaining / factor)
            if is_x:
                spatial[dim] = factor
            elif factor > 1:
                temporal[level][dim] = factor
    orders = [tuple(draw(st.permutations(sorted(loops.items())))) for loops in temporal]
    return Mapping(layer, tuple(orders), (spatial["C"], spatial["K"]))


@st.composite
def with_own_tiles(draw: st.DrawFn) -> Mapping:
    """Legal mappings in which tensors may have boundaries of their own."""
    mapping = draw(mappings())
    outside = [sum(map(len, mapping.loops[FOUR_LEVELS.home(tensor) + 1 :])) for tensor in TENSORS]
    return replace(mapping, held=tuple(draw(st.integers(0, most)) for most in outside))
