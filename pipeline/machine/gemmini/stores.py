"""Stores of one output tile."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini.bursts import BEAT_BYTES, LINE_BYTES
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks
from pipeline.workload import K


@dataclass(frozen=True, slots=True)
class Rows:
    """What a mean output tile writes, for each of its pixels."""

    pixels: Float[Tensor, "*b"]
    bursts: Float[Tensor, "*b"]
    """Bursts of int8 results."""
    beats: Float[Tensor, "*b"]
    """Their beats of 16 bytes."""
    sum_bursts: Float[Tensor, "*b"]
    """Bursts of int32 partial sums."""
    sum_beats: Float[Tensor, "*b"]


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
    return Rows(
        tiles.pixels,
        plain * gathered + (1 - plain) * columns,
        plain * (columns + alone - gathered) + (1 - plain) * torch.maximum(alone, columns),
        tiles.average(K, blocks(tiles.extent[K], torch.minimum(dim, line / 4))),
        torch.maximum(tiles.average(K, blocks(tiles.extent[K], beat / 4)), columns),
    )


def store(rows: Rows, timing: Timing) -> Store:
    """Cycles of the writes."""
    results = _row_cycles(rows.bursts, rows.beats, timing)
    return Store(rows.pixels * results, rows.pixels * _row_cycles(rows.sum_bursts, rows.sum_beats, timing))


def _row_cycles(bursts: Float[Tensor, "*b"], beats: Float[Tensor, "*b"], timing: Timing) -> Float[Tensor, "*b"]:
    """Cycles of a pixel's row: its beats, or the acknowledgements that its bursts wait for."""
    waiting = bursts * (timing.write_latency_cycles / timing.writes_in_flight)
    return torch.maximum(beats * (BEAT_BYTES / timing.bytes_per_cycle), waiting)
