"""Random layers with random mappings that a compiler takes: what a design is checked on, whatever its capacity rule."""

import random
from collections.abc import Callable

from pipeline.hardware import Hardware
from pipeline.mapping import Hierarchy, Mapping
from pipeline.workload import DIMS, Layer
from sim.compiler import CompilerError, ProgramError

MAX_MACS = 60_000
ATTEMPTS = 12
"""Times that the tile of a mapping is halved until its compiler takes it."""


def random_layer(generator: random.Random, dim: int, max_macs: int = MAX_MACS) -> Layer:
    """A matrix product or convolution with corner sizes around ``dim``, of bounded work."""
    channels = [1, max(1, dim - 1), dim, dim + 1, 2 * dim + 1, 3, 10]
    while True:
        c, k = generator.choice(channels), generator.choice(channels)
        if generator.random() < 0.3:
            layer = Layer(R=1, S=1, P=generator.choice([*channels, 23, 40]), Q=1, C=c, K=k)
        else:
            r, s = (generator.choice([1, 1, 2, 3, 5]) for _ in range(2))
            p, q = (generator.choice([1, 2, 3, dim, dim + 1, 9]) for _ in range(2))
            stride, dilation = generator.choice([1, 1, 2, 3]), generator.choice([1, 1, 2])
            layer = Layer(r, s, p, q, c, k, generator.choice([1, 1, 2]), stride, stride, dilation, dilation)
        if layer.macs <= max_macs:
            return layer


def random_mapping(
    generator: random.Random, layer: Layer, hardware: Hardware, takes: Callable[[Mapping], object]
) -> Mapping | None:
    """A mapping with a random tile and order of DRAM loops for which ``takes`` raises no ProgramError.

    Every other one has its reduction whole, for designs that cannot split one. None where even small tiles are refused.
    A CompilerError is raised on.
    """
    sizes = dict(zip(DIMS, layer.sizes, strict=True))
    whole = "CRS" if generator.random() < 0.5 else ""
    tile = {name: size if name in whole else generator.randint(1, size) for name, size in sizes.items()}
    for name in "CK":
        # Designs work on whole blocks of channels.
        tile[name] = min(sizes[name], -(-tile[name] // hardware.dim) * hardware.dim)
    order = generator.sample(DIMS, len(DIMS))
    for _ in range(ATTEMPTS):
        mapping = _mapping(layer, tile, order, hardware.template.hierarchy)
        try:
            takes(mapping)
        except CompilerError:
            raise
        except ProgramError:
            largest = max((name for name in DIMS if name not in whole), key=lambda name: tile[name])
            tile[largest] = -(-tile[largest] // 2)
            continue
        return mapping
    return None


def _mapping(layer: Layer, tile: dict[str, int], order: list[str], hierarchy: Hierarchy) -> Mapping:
    sizes = dict(zip(DIMS, layer.sizes, strict=True))
    outer = tuple((name, count) for name in order if (count := -(-sizes[name] // tile[name])) > 1)
    inner = tuple((name, tile[name]) for name in DIMS if tile[name] > 1)
    return Mapping(layer, (*((),) * (hierarchy.levels - 2), inner, outer), hierarchy=hierarchy)
