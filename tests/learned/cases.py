"""Training tables with a known truth: the accelerator view times a smooth distortion."""

import random

import pandas as pd
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.machine import Gemmini
from pipeline.machine.gemmini.view import Terms
from pipeline.mapping import FOUR_LEVELS, LayerTensors, Loops, Mapping, MappingTensors
from pipeline.table import Row, columns_of
from pipeline.workload import DIMS, Layer
from tests.machines import GEMMINI

_SPATIAL = dict(FOUR_LEVELS.spatial)

DIM = 16


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


def distortion(terms: Terms) -> torch.Tensor:
    """What the truth does to the view: up to 2.5 times slower, by how long tiles are and what they load."""
    short = 300 / (300 + terms.period_cycles)
    return 1 + short + 0.5 * terms.weight_cycles / terms.load_cycles


def table(of: list[Row], noise: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """A table of ``of`` with ``sim.cycles``; ``noise`` is the standard deviation of log cycles."""
    terms = Gemmini("simple").view(*tensors(of))
    generator = torch.Generator().manual_seed(seed)
    error = noise * torch.randn(len(of), generator=generator, dtype=torch.float64)
    result = columns_of(of)
    result["sim.cycles"] = (terms.cycles * distortion(terms) * error.exp()).round().numpy()
    return result
