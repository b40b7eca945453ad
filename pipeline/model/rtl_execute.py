"""Cycles that the array needs for one tile.

Weights stay in the array for a block of rows. While one block computes, the next weights shift in, so a compute that
is followed by new weights takes at least DIM cycles whatever its rows, any other its rows but at least a minimum.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.model.rtl_platform import Array
from pipeline.model.rtl_relax import blocks, last_block
from pipeline.model.rtl_tile import C, K, N, P, Q, R, S, Tiles


@dataclass(frozen=True, slots=True)
class Execution:
    """Execution of a mean tile."""

    weight_blocks: Float[Tensor, "*b"]
    """DIM x DIM blocks of weights that pass through the array."""
    computes: Float[Tensor, "*b"]
    """Compute commands."""
    slot_cycles: Float[Tensor, "*b"]
    """Sum of the slot lengths."""
    in_flight_cycles: Float[Tensor, "*b"]
    """Cycles that the limit on slots in flight asks for."""
    cycles: Float[Tensor, "*b"]
    """Cycles that the tile occupies the array: the larger of both."""


def execution(tiles: Tiles, array: Array) -> Execution:
    """Execution of the mean tile on the array.

    A block of n computes on the same weights costs max(rows, minimum) for each but the last, DIM for the last.
    """
    dim = tiles.dim
    columns = tiles.average(K, blocks(tiles.extent[K], dim))
    depth = tiles.average(C, blocks(tiles.extent[C], dim))
    weight_blocks = columns * depth * tiles.mean[R] * tiles.mean[S]
    row_blocks = blocks(tiles.extent[P], dim)
    full_slot = dim.clamp(min=array.min_slot_cycles)
    last_slot = last_block(tiles.extent[P], dim).clamp(min=array.min_slot_cycles)
    row_cycles = tiles.average(P, (row_blocks - 1) * full_slot + last_slot)
    lines = tiles.mean[N] * tiles.mean[Q]
    slot_cycles = weight_blocks * (lines * row_cycles - tiles.average(P, last_slot) + full_slot)
    computes = weight_blocks * lines * tiles.average(P, row_blocks)
    in_flight = computes * (2 * dim + array.in_flight_extra_cycles) / array.in_flight_slots
    return Execution(weight_blocks, computes, slot_cycles, in_flight, torch.maximum(slot_cycles, in_flight))
