"""Training tables: simulated ones, and made-up ones for what does not depend on cycles."""

import random
from pathlib import Path

import pandas as pd

from learned.data import Samples, read_samples
from pipeline.files import digest
from pipeline.hardware import HardwareTensors
from pipeline.mapping import FOUR_LEVELS, Loops, Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.table import Row, columns_of, read_table
from pipeline.workload import DIMS, Layer
from tests.machines import GEMMINI

_SPATIAL = dict(FOUR_LEVELS.spatial)

DIM = 16

PATH = Path(__file__).with_name("simulated.csv.gz")
DIGEST = "c88f358e3310"


def layer(rng: random.Random) -> Layer:
    """A convolution or matrix product of a real network's order of size."""
    c, k = rng.choice((16, 32, 64, 128)), rng.choice((16, 32, 64, 128))
    if rng.random() < 0.3:
        return Layer(1, 1, rng.choice((32, 64, 128)), 1, c, k)
    side, taps = rng.choice((7, 14, 28)), rng.choice((1, 3))
    return Layer(taps, taps, side, side, c, k)


def mapping(rng: random.Random, of: Layer) -> Mapping:
    """A random exact mapping that uses at most DIM rows and columns of the array."""
    loops: list[list[tuple[str, int]]] = [[] for _ in range(FOUR_LEVELS.levels)]
    spatial = {"C": 1, "K": 1}
    for dim, size in zip(DIMS, of.sizes, strict=True):
        remaining = size
        for level in range(FOUR_LEVELS.levels):
            if _SPATIAL.get(level) == dim:
                spatial[dim] = rng.choice([f for f in range(1, DIM + 1) if remaining % f == 0])
                remaining //= spatial[dim]
            divisors = [f for f in range(1, remaining + 1) if remaining % f == 0]
            factor = remaining if level == FOUR_LEVELS.levels - 1 else rng.choice(divisors)
            remaining //= factor
            if factor > 1:
                loops[level].append((dim, factor))
    for level_loops in loops:
        rng.shuffle(level_loops)
    ordered: list[Loops] = [tuple(level_loops) for level_loops in loops]
    return Mapping(of, tuple(ordered), (spatial["C"], spatial["K"]))


def rows(shapes: int, each: int, seed: int = 0) -> list[Row]:
    """``each`` mappings of each of ``shapes`` layers on hardware that fits any of them."""
    rng = random.Random(seed)
    hardware = GEMMINI.template.hardware(DIM, 4096.0, 4096.0)
    of = [layer(rng) for _ in range(shapes)]
    return [Row(mapping(rng, one), hardware) for one in of for _ in range(each)]


def tensors(of: list[Row]) -> tuple[LayerTensors, MappingTensors, HardwareTensors]:
    """``of`` as tensors."""
    return (
        LayerTensors.stack([row.mapping.layer for row in of]),
        MappingTensors.stack([row.mapping for row in of]),
        HardwareTensors.stack([row.hardware for row in of]),
    )


def table(of: list[Row]) -> pd.DataFrame:
    """A table of ``of`` with made-up ``sim.cycles``, for what does not depend on them."""
    result = columns_of(of)
    rng = random.Random(1)
    result["sim.cycles"] = [rng.randrange(1, 10) * row.mapping.layer.macs for row in of]
    return result


def simulated(design: str, *, found: bool) -> pd.DataFrame:
    """Simulated rows of a design on ``soc``, drawn ones or those that a search found.

    ``gemmini`` is the project's own; ``single_buffer`` is changed: one tile in flight, one scratchpad bank, eight reads
    in flight (``benches/learned_tables.py``). The same mappings on both, of at most 220,000 cycles (1.2 million where
    found) on ``gemmini``.
    """
    everything = read_table(PATH)
    content = digest(everything.to_csv(index=False))
    assert content == DIGEST, f"{PATH.name} was changed: {content}"
    rows_found = everything["sample.origin"] == "found"
    return everything[(everything["design"] == design) & (rows_found == found)].reset_index(drop=True)


def samples(design: str, *, found: bool = False) -> Samples:
    """The same as samples."""
    return read_samples(simulated(design, found=found), "sim.cycles", GEMMINI.template)[0]
