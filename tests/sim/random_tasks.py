"""Random layers with random mappings that fit a given design: what the RTL is compared on."""

import math
import random
from dataclasses import replace

from hypothesis import strategies as st

from pipeline.choices import MEMORIES
from pipeline.hardware import Hardware
from pipeline.machine.capacity import check_fits
from pipeline.mapping import Mapping
from pipeline.workload import DIMS, Layer
from sim.build import Datapath
from sim.memory import MemorySettings
from sim.task import Task
from tests.machines import GEMMINI

DESIGNS = (
    GEMMINI.template.hardware(2, 4, 2),
    GEMMINI.template.hardware(4, 4, 4),
    GEMMINI.template.hardware(8, 16, 8),
    GEMMINI.template.hardware(16, 32, 16),
)
"""Small memories, so that tiles are small and many."""

MAX_MACS = 60_000


@st.composite
def tasks(draw: st.DrawFn, designs: tuple[Hardware, ...] = DESIGNS, datapath: Datapath = "full") -> Task:
    """A small layer on one of ``designs``, its mapping ragged or not, its memory stalling or not."""
    generator = random.Random(draw(st.integers(0, 2**32 - 1)))
    return random_task(generator, draw(st.sampled_from(designs)), datapath)


def random_task(generator: random.Random, hardware: Hardware, datapath: Datapath) -> Task:
    """The same from a seeded generator."""
    layer = random_layer(generator, hardware.dim)
    memory = replace(
        MemorySettings.of(generator.choice(MEMORIES)),
        seed=generator.randrange(1, 1000),
        stall_permille=generator.choice([0, 0, 100, 400]),
        latency_cycles=generator.choice([1, 7, 40, 100]),
        cache_kib=generator.choice([1, 512]),
        host_cycles=generator.choice([0, 13, 600]),
    )
    mapping = random_mapping(generator, layer, hardware)
    return Task(mapping, hardware, datapath, memory, seed=generator.randrange(2**31))


def random_layer(generator: random.Random, dim: int) -> Layer:
    """A matrix product or convolution with corner sizes around ``dim``, of bounded work."""
    corner = [1, dim - 1, dim, dim + 1, 2 * dim + 1]
    channels = [max(1, size) for size in corner]
    while True:
        if generator.random() < 0.35:
            sizes = [1, 1, generator.choice([*channels, 5, 23, 40]), 1]
            strides = [1, 1]
        else:
            sizes = [generator.choice([1, 1, 2, 3, 4, 5, 7]) for _ in range(2)]
            sizes += [generator.choice([1, 2, 3, dim, dim + 1, 9]) for _ in range(2)]
            strides = [generator.choice([1, 1, 2, 3, 4]) for _ in range(2)]
        c, k = generator.choice([*channels, 3, 10, 37]), generator.choice([*channels, 3, 10, 37])
        steps = {"stride_w": strides[0], "stride_h": strides[1]}
        if sizes[0] > 1:
            steps |= {"dilation_w": generator.choice([1, 1, 2]), "dilation_h": generator.choice([1, 1, 1, 3])}
        layer = Layer(*sizes, C=c, K=k, N=generator.choice([1, 1, 2, 3]), **steps)
        if layer.macs <= MAX_MACS:
            return layer


def random_mapping(generator: random.Random, layer: Layer, hardware: Hardware) -> Mapping:
    """A mapping with random tile, split and loop orders that fits ``hardware``."""
    tile = {name: generator.randint(1, size) for name, size in zip(DIMS, layer.sizes, strict=True)}
    if layer.is_matmul:
        # The array works on whole blocks; channels and rows of a tile are whole blocks or all of them.
        for name in "PCK":
            blocks = math.ceil(tile[name] / hardware.dim)
            tile[name] = min(getattr(layer, name), blocks * hardware.dim)
    while True:
        mapping = _mapping(random.Random(generator.random()), layer, hardware.dim, tile)
        try:
            check_fits(mapping, hardware, GEMMINI)
        except ValueError:
            largest = max(tile, key=lambda name: tile[name])
            tile[largest] = math.ceil(tile[largest] / 2)
            continue
        return mapping


def _mapping(generator: random.Random, layer: Layer, dim: int, tile: dict[str, int]) -> Mapping:
    spatial = {
        name: generator.choice([min(dim, tile[name]), generator.randint(1, min(dim, tile[name]))]) for name in "CK"
    }
    levels: list[list[tuple[str, int]]] = [[], [], [], []]
    for name, size in zip(DIMS, layer.sizes, strict=True):
        remaining, inside = size, tile[name]
        if name in spatial:
            remaining, inside = math.ceil(size / spatial[name]), max(1, inside // spatial[name])
        level = 0 if name in "PQN" else 1
        if generator.random() < 0.3 and inside > 3:
            # Split the tile over two levels.
            first = generator.randint(2, inside // 2)
            levels[level].append((name, first))
            remaining, inside = math.ceil(remaining / first), inside // first
        levels[1 if name in "PQN" and generator.random() < 0.5 else level].append((name, inside))
        levels[3].append((name, math.ceil(remaining / inside)))
    for loops in levels:
        generator.shuffle(loops)
    loops = tuple(_merged(items) for items in levels)
    return Mapping(layer, tuple(loops), (spatial["C"], spatial["K"]))


def _merged(items: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    factors: dict[str, int] = {}
    for name, factor in items:
        factors[name] = factors.get(name, 1) * factor
    return tuple((name, factor) for name, factor in factors.items() if factor > 1)
