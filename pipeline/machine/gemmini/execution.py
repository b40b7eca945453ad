"""Cycles that the array needs for one tile.

Weights stay in the array for a block of rows. While one block computes, the next weights shift in, so a compute that
is followed by new weights takes at least DIM cycles whatever its rows, any other its rows but at least a minimum.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.gemmini.windows import windows
from pipeline.machine.rounding import blocks, last_block
from pipeline.workload import C, K, N, P, Q, R, S


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
    conflict_cycles: Float[Tensor, "*b"]
    """Cycles in which an input waits for a weight of the same scratchpad bank."""
    cycles: Float[Tensor, "*b"]
    """Cycles that the tile occupies the array: the larger of slots and limit, and the conflicts."""


def execution(tiles: Tiles, timing: Timing) -> Execution:
    """Execution of the mean tile.

    A block of n computes on the same weights costs max(rows, minimum) for each but the last, DIM for the last.
    """
    dim = tiles.dim
    columns = tiles.average(K, blocks(tiles.extent[K], dim))
    depth = tiles.average(C, blocks(tiles.extent[C], dim))
    weight_blocks = columns * depth * tiles.mean[R] * tiles.mean[S]
    row_blocks = blocks(tiles.extent[P], dim)
    full_slot = dim.clamp(min=timing.min_slot_cycles)
    last_slot = last_block(tiles.extent[P], dim).clamp(min=timing.min_slot_cycles)
    row_cycles = tiles.average(P, (row_blocks - 1) * full_slot + last_slot)
    lines = tiles.mean[N] * tiles.mean[Q]
    slots = lines * tiles.average(P, row_blocks)
    slot_cycles = weight_blocks * (lines * row_cycles - tiles.average(P, last_slot) + full_slot)
    in_flight = weight_blocks * _in_flight(slots, lines * row_cycles / slots, full_slot, dim, timing)
    shared_rows = tiles.average(P, last_block(tiles.extent[P], dim))
    conflicts = weight_blocks * shared_rows * _same_bank(tiles, columns, depth)
    cycles = torch.maximum(slot_cycles, in_flight) + conflicts
    return Execution(weight_blocks, weight_blocks * slots, slot_cycles, in_flight, conflicts, cycles)


def _in_flight(
    slots: Float[Tensor, "*b"],
    mean_slot: Float[Tensor, "*b"],
    full_slot: Float[Tensor, "*b"],
    dim: Float[Tensor, "*b"],
    timing: Timing,
) -> Float[Tensor, "*b"]:
    """Least cycles of the ``slots`` on one block of weights when any few in a row take as long as the array's pipe.

    Either all slots wait for the pipe, or all but the one that loads weights, which takes longer anyway.
    """
    group = timing.in_flight_slots
    pipe = 2 * dim + timing.in_flight_extra_cycles
    groups = blocks(slots, group) - 1
    return torch.maximum(slots * pipe / group, full_slot + groups * pipe + (slots - 1 - groups * group) * mean_slot)


def _same_bank(tiles: Tiles, columns: Float[Tensor, "*b"], depth: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Chance that an input and a weight lie in the same bank.

    A tile has two banks: inputs grow from the start of the first, weights from the end of the second.
    """
    width, height = windows(tiles)
    inputs = depth * tiles.mean[N] * width.extent * height.extent
    weights = columns * tiles.mean[R] * tiles.mean[S] * tiles.mean[C]
    inputs_in_second = (inputs - tiles.bank_rows).clamp(min=0.0) / inputs
    weights_in_first = (weights - tiles.bank_rows).clamp(min=0.0) / weights
    return weights_in_first * (1 - inputs_in_second) + inputs_in_second * (1 - weights_in_first)
