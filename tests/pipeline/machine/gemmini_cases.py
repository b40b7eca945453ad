"""Random mappings on the hardware that they need, for tests of the accelerator view."""

import math
import random

from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.capacity import smallest_hardware
from pipeline.mapping import FOUR_LEVELS, Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, Layer
from tests.machines import GEMMINI

_SPATIAL = dict(FOUR_LEVELS.spatial)


def random_mapping(layer: Layer, dim: int, draw: random.Random, exact: bool = True) -> Mapping:
    """A mapping with random factors and orders; where not ``exact``, factors need not divide."""
    loops: list[dict[str, int]] = [{} for _ in range(FOUR_LEVELS.levels)]
    spatial = {"C": 1, "K": 1}
    for name, size in zip(DIMS, layer.sizes, strict=True):
        rest = size
        for level, is_spatial in ((0, False), (1, True), (1, False), (2, True), (2, False)):
            if is_spatial and _SPATIAL[level] != name:
                continue
            most = min(rest, dim) if is_spatial else rest
            factor = draw.choice([f for f in range(1, most + 1) if not exact or rest % f == 0])
            rest = math.ceil(rest / factor)
            if is_spatial:
                spatial[name] = factor
            else:
                loops[level][name] = factor
        loops[3][name] = rest
    ordered = []
    for level in loops:
        items = [(name, factor) for name, factor in level.items() if factor > 1]
        draw.shuffle(items)
        ordered.append(tuple(items))
    return Mapping(layer, tuple(ordered), (spatial["C"], spatial["K"]))


def random_layer(draw: random.Random) -> Layer:
    if draw.random() < 0.3:
        return Layer(1, 1, draw.randint(1, 40), 1, draw.randint(1, 60), draw.randint(1, 60))
    taps, strides = draw.choice([(1, 1), (3, 3), (2, 3), (7, 1), (5, 5)]), draw.choice([(1, 1), (2, 2), (1, 3)])
    sizes = (draw.randint(1, 20), draw.randint(1, 20), draw.randint(1, 40), draw.randint(1, 40))
    return Layer(*taps, *sizes, draw.choice([1, 2]), *strides, draw.choice([1, 2]))


def case(draw: random.Random, exact: bool) -> tuple[Mapping, Hardware]:
    dim = draw.choice([4, 8, 16, 32])
    mapping = random_mapping(random_layer(draw), dim, draw, exact)
    return mapping, smallest_hardware([mapping], GEMMINI, dim)


def tensors(mappings: list[Mapping], hardware: list[Hardware]) -> tuple[LayerTensors, MappingTensors, HardwareTensors]:
    layers = LayerTensors.stack([mapping.layer for mapping in mappings])
    return layers, MappingTensors.stack(mappings), HardwareTensors.stack(hardware)


def sample(count: int, seed: int, exact: bool = True) -> tuple[LayerTensors, MappingTensors, HardwareTensors]:
    draw = random.Random(seed)
    cases = [case(draw, exact) for _ in range(count)]
    return tensors([mapping for mapping, _ in cases], [hardware for _, hardware in cases])
