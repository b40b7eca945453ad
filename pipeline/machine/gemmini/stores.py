"""Stores of one output tile."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.constants import Value
from pipeline.machine.gemmini.bursts import BEAT_BYTES
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.loads import Missing, overlapped
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks
from pipeline.machine.system import LINE_BYTES
from pipeline.workload import K, N, P, Q


@dataclass(frozen=True, slots=True)
class Rows:
    """What a mean output tile writes, for each of its pixels."""

    pixels: Float[Tensor, "*b"]
    commands: Float[Tensor, "*b"]
    """Stores of int8 results, of all pixels."""
    sum_commands: Float[Tensor, "*b"]
    """Stores of int32 partial sums, likewise."""
    columns: Float[Tensor, "*b"]
    """Rows of the accumulator."""
    bursts: Float[Tensor, "*b"]
    """Bursts of int8 results."""
    beats: Float[Tensor, "*b"]
    """Their beats of 16 bytes."""
    sum_bursts: Float[Tensor, "*b"]
    """Bursts of int32 partial sums."""
    sum_beats: Float[Tensor, "*b"]
    same_line: Float[Tensor, "*b"]
    """Rows of results that follow each other in one line of the cache."""
    sums_in_line: Float[Tensor, "*b"]
    """Rows of partial sums likewise."""


@dataclass(frozen=True, slots=True)
class Store:
    """Cycles to write one mean output tile."""

    result_cycles: Float[Tensor, "*b"]
    """As final int8 results."""
    sum_cycles: Float[Tensor, "*b"]
    """As int32 partial sums."""


def rows_of(tiles: Tiles) -> Rows:
    """Writes of a mean output tile.

    A row of the accumulator is read in a cycle and written beat by beat. Convolutions and partial sums write each row
    by itself; matrix products gather adjacent blocks of results up to 64 bytes.
    """
    dim, plain = tiles.dim, tiles.is_matmul
    columns = tiles.average(K, blocks(tiles.extent[K], dim))
    line = torch.full_like(dim, LINE_BYTES)
    beat = torch.full_like(dim, BEAT_BYTES)
    alone = tiles.average(K, blocks(tiles.extent[K], beat))
    gathered = tiles.average(K, blocks(tiles.extent[K], torch.maximum(dim, line)))
    row_blocks = tiles.mean[N] * tiles.mean[Q] * tiles.average(P, blocks(tiles.extent[P], dim))
    bursts = plain * gathered + (1 - plain) * columns
    return Rows(
        tiles.pixels,
        row_blocks * bursts,
        row_blocks * columns,
        columns,
        bursts,
        plain * (columns + alone - gathered) + (1 - plain) * torch.maximum(alone, columns),
        tiles.average(K, blocks(tiles.extent[K], torch.minimum(dim, line / 4))),
        torch.maximum(tiles.average(K, blocks(tiles.extent[K], beat / 4)), columns),
        torch.minimum(line / tiles.size[K], tiles.mean[P]).clamp(min=1.0),
        torch.minimum(line / 4 / tiles.size[K], tiles.mean[P]).clamp(min=1.0),
    )


def store(rows: Rows, timing: Timing, missing: Missing) -> Store:
    """Cycles of the writes; ``missing`` are lines of a tile of results."""
    waiting = rows.bursts * _acknowledged(rows.same_line, timing) / timing.writes_in_flight
    late = missing.lines * (timing.miss_latency_cycles / timing.writes_in_flight)
    sent = torch.maximum(rows.beats * _beat_cycles(timing), rows.columns)
    results = torch.maximum(rows.pixels * sent, rows.pixels * waiting + late)
    waiting = rows.sum_bursts * _acknowledged(rows.sums_in_line, timing) / timing.writes_in_flight
    sent = torch.maximum(rows.sum_beats * _beat_cycles(timing), rows.sum_bursts)
    sums = rows.pixels * torch.maximum(sent, waiting)
    return Store(overlapped(results, missing.cycles, timing), sums)


def _beat_cycles(timing: Timing) -> Value:
    return BEAT_BYTES / timing.bytes_per_cycle


def _acknowledged(same_line: Float[Tensor, "*b"], timing: Timing) -> Float[Tensor, "*b"]:
    """Mean cycles until a write is acknowledged: writes to one line are so one after the other."""
    return timing.write_latency_cycles + timing.same_line_cycles * (same_line - 1) / 2
