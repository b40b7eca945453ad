"""Cycles that the array needs for one tile.

Weights stay in the array for a block of rows. While one block computes, the next weights shift in, so a compute that
is followed by new weights takes at least DIM cycles whatever its rows, any other its rows but at least a minimum.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.constants import Value
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.gemmini.windows import Window
from pipeline.machine.rounding import blocks, last_block
from pipeline.workload import C, K, N, P, Q, R, S

READ_PIPE_ROWS = 5
READ_PIPE_CYCLES = 8
"""From a row's turn to the array, and from its result to the entry that is free."""
OTHER_OPERATIONS = 4
"""Preload and compute of the slot that is fed and of the next one."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the array does for a mean tile, before any cycle is counted."""

    tiles: Tiles
    columns: Float[Tensor, "*b"]
    """Blocks of DIM output channels."""
    depth: Float[Tensor, "*b"]
    """Blocks of DIM input channels."""
    lines: Float[Tensor, "*b"]
    """Output rows, all images."""
    row_blocks: Float[Tensor, "ends ..."]
    """Computes of a full and of the last tile's output row."""
    last_rows: Float[Tensor, "ends ..."]
    """Rows of the last of them."""
    same_bank: Float[Tensor, "*b"]
    """Chance that an input and a weight lie in the same bank."""

    @property
    def weight_blocks(self) -> Float[Tensor, "*b"]:
        """DIM x DIM blocks of weights that pass through the array."""
        return self.columns * self.depth * self.tiles.mean[R] * self.tiles.mean[S]

    @property
    def computes(self) -> Float[Tensor, "*b"]:
        """Compute commands."""
        return self.weight_blocks * self.lines * self.tiles.average(P, self.row_blocks)


@dataclass(frozen=True, slots=True)
class Execution:
    """Execution of a mean tile."""

    slot_cycles: Float[Tensor, "*b"]
    """Sum of the slot lengths."""
    in_flight_cycles: Float[Tensor, "*b"]
    """Cycles that the limit on slots in flight asks for."""
    held_cycles: Float[Tensor, "*b"]
    """Cycles that the entries of the reservation station ask for."""
    conflict_cycles: Float[Tensor, "*b"]
    """Cycles in which an input waits for a weight of the same scratchpad bank."""

    @property
    def cycles(self) -> Float[Tensor, "*b"]:
        """Cycles that the tile occupies the array: slots and conflicts, or a limit that makes slots wait anyway."""
        return torch.maximum(
            self.slot_cycles + self.conflict_cycles, torch.maximum(self.in_flight_cycles, self.held_cycles)
        )


def work_of(tiles: Tiles, window: Window) -> Work:
    """The work of the mean tile, which loads ``window``."""
    columns = tiles.average(K, blocks(tiles.extent[K], tiles.dim))
    depth = tiles.average(C, blocks(tiles.extent[C], tiles.dim))
    return Work(
        tiles,
        columns,
        depth,
        tiles.mean[N] * tiles.mean[Q],
        blocks(tiles.extent[P], tiles.dim),
        last_block(tiles.extent[P], tiles.dim),
        _same_bank(tiles, window, columns, depth),
    )


def execution(work: Work, timing: Timing) -> Execution:
    """Cycles of the mean tile.

    A block of n computes on the same weights costs max(rows, minimum) for each but the last, DIM for the last. Preloads
    that arrive late take a slot of their own: DIM for weights, the minimum for those that keep them.
    """
    tiles, dim, weight_blocks = work.tiles, work.tiles.dim, work.weight_blocks
    full_slot = dim.clamp(min=timing.min_slot_cycles) + timing.slot_extra_cycles
    last_slot = work.last_rows.clamp(min=timing.min_slot_cycles) + timing.slot_extra_cycles
    row_cycles = tiles.average(P, (work.row_blocks - 1) * full_slot + last_slot)
    slots = work.lines * tiles.average(P, work.row_blocks)
    slot_cycles = work.lines * row_cycles - tiles.average(P, last_slot) + full_slot
    apart = tiles.average(P, last_slot) + (slots - 1) * (timing.min_slot_cycles + timing.slot_extra_cycles)
    slot_cycles = weight_blocks * (slot_cycles + timing.late_preloads * apart)
    in_flight = weight_blocks * _in_flight(slots, work.lines * row_cycles / slots, full_slot, dim, timing)
    free = torch.maximum(slot_cycles, in_flight)
    held = _held(free, work.lines * row_cycles / slots, weight_blocks * slots, dim, timing)
    # One weight row a slot of DIM rows meets an input row.
    conflict = work.same_bank + (1 - work.same_bank) * timing.bank_conflicts
    return Execution(slot_cycles, in_flight, held, weight_blocks * tiles.average(P, work.last_rows) * conflict)


def _in_flight(
    slots: Float[Tensor, "*b"],
    mean_slot: Float[Tensor, "*b"],
    full_slot: Float[Tensor, "*b"],
    dim: Float[Tensor, "*b"],
    timing: Timing,
) -> Float[Tensor, "*b"]:
    """Least cycles of the ``slots`` on one block of weights when each slot waits until an earlier one left the array.

    With n slots in flight, one begins when the n-th before it has been fed and has passed the array. Either whole
    groups of n follow the slot that loads weights, or each begins where another ended, across blocks of weights.
    """
    group = timing.in_flight_slots
    pipe = 2 * dim + timing.in_flight_extra_cycles
    waits = (pipe - (group - 1) * mean_slot).clamp(min=0.0)
    alone = (slots - 1) * mean_slot + full_slot + _whole(slots, group) * waits
    return torch.maximum(alone, (slots * (pipe + mean_slot) + full_slot - mean_slot) / group)


def _held(
    cycles: Float[Tensor, "*b"],
    mean_slot: Float[Tensor, "*b"],
    slots: Float[Tensor, "*b"],
    dim: Float[Tensor, "*b"],
    timing: Timing,
) -> Float[Tensor, "*b"]:
    """``cycles`` of the ``slots`` where the reservation station holds fewer operations than are there at once.

    A preload is there until its slot has left the array, or as many follow as may be in flight; the slots in the read
    pipe, which stands still while they wait, have a preload and a compute each, so have the slot that is fed and the
    next one. With fewer entries, preloads come too late to share a slot.
    """
    passing = (2 * dim + timing.in_flight_extra_cycles + READ_PIPE_CYCLES) * slots / cycles
    there = passing.clamp(max=timing.in_flight_slots) + 2 * READ_PIPE_ROWS / mean_slot + OTHER_OPERATIONS
    return cycles * (there / timing.execute_entries).clamp(min=1.0)


def _whole(slots: Float[Tensor, "*b"], group: Value) -> Float[Tensor, "*b"]:
    """floor(slots / group), continuous: each step is a ramp over the last slot before a whole group."""
    whole = (slots / group).detach().floor()
    return whole + (slots - whole * group - group + 1).clamp(0.0, 1.0)


def _same_bank(
    tiles: Tiles, window: Window, columns: Float[Tensor, "*b"], depth: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """Chance that an input and a weight lie in the same bank.

    Inputs grow from the start of the tile's first bank, weights from the end of its last one.
    """
    inputs = depth * tiles.mean[N] * window.extent[0] * window.extent[1]
    weights = columns * tiles.mean[R] * tiles.mean[S] * tiles.mean[C]
    rows, both = tiles.bank_rows, torch.zeros_like(inputs)
    for bank in range(int(tiles.banks.max())):
        of_inputs = torch.minimum((inputs - bank * rows).clamp(min=0.0), rows)
        of_weights = torch.minimum((weights - (tiles.banks - 1 - bank) * rows).clamp(min=0.0), rows)
        both = both + of_inputs * of_weights
    return both / (inputs * weights)
