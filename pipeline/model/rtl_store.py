"""Stores of one output tile."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.model.rtl_load import BEAT_BYTES
from pipeline.model.rtl_platform import MemoryTiming
from pipeline.model.rtl_relax import blocks
from pipeline.model.rtl_tile import K, N, P, Q, Tiles


@dataclass(frozen=True, slots=True)
class Store:
    """One store of a mean output tile."""

    rows: Float[Tensor, "*b"]
    """Accumulator rows."""
    result_cycles: Float[Tensor, "*b"]
    """Cycles to write final int8 results."""
    sum_cycles: Float[Tensor, "*b"]
    """Cycles to write int32 partial sums."""


def store(tiles: Tiles, dim: Float[Tensor, "*b"], memory: MemoryTiming) -> Store:
    """Writes of one output tile: a row a pixel and column block, each its own write of DIM bytes or DIM int32 values."""
    pixels = tiles.mean[N] * tiles.mean[Q] * tiles.mean[P]
    rows = pixels * tiles.average(K, blocks(tiles.extent[K], dim))
    beats = torch.full_like(dim, BEAT_BYTES)
    result_beats = pixels * tiles.average(K, blocks(tiles.extent[K], beats))
    sum_beats = pixels * tiles.average(K, blocks(tiles.extent[K], beats / 4))
    row_cycles = rows * memory.store_row_cycles
    per_beat = BEAT_BYTES / memory.bytes_per_cycle
    return Store(
        rows, torch.maximum(row_cycles, result_beats * per_beat), torch.maximum(row_cycles, sum_beats * per_beat)
    )
