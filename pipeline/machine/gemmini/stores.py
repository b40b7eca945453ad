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
class Store:
    """Cycles to write one mean output tile."""

    result_cycles: Float[Tensor, "*b"]
    """As final int8 results."""
    sum_cycles: Float[Tensor, "*b"]
    """As int32 partial sums."""


def store(tiles: Tiles, timing: Timing) -> Store:
    """Writes of a mean output tile.

    A row of the accumulator is read in a cycle and written beat by beat. Convolutions and partial sums write each row
    by itself; matrix products gather adjacent blocks of results up to 64 bytes.
    """
    dim = tiles.dim
    columns = tiles.average(K, blocks(tiles.extent[K], dim))
    line = torch.full_like(dim, LINE_BYTES)
    beat = torch.full_like(dim, BEAT_BYTES)
    beats = torch.maximum(tiles.average(K, blocks(tiles.extent[K], beat)), columns)
    gathered = tiles.average(K, blocks(tiles.extent[K], torch.maximum(dim, line)))
    separate = _row_cycles(columns, beats, timing)
    together = _row_cycles(gathered, columns + tiles.average(K, blocks(tiles.extent[K], beat)) - gathered, timing)
    plain = tiles.is_matmul
    sum_beats = torch.maximum(tiles.average(K, blocks(tiles.extent[K], beat / 4)), columns)
    sum_bursts = tiles.average(K, blocks(tiles.extent[K], torch.minimum(dim, line / 4)))
    return Store(
        tiles.pixels * (plain * together + (1 - plain) * separate),
        tiles.pixels * _row_cycles(sum_bursts, sum_beats, timing),
    )


def _row_cycles(bursts: Float[Tensor, "*b"], beats: Float[Tensor, "*b"], timing: Timing) -> Float[Tensor, "*b"]:
    """Cycles of a pixel's row: its beats, or the acknowledgements that its bursts wait for."""
    waiting = bursts * (timing.write_latency_cycles / timing.in_flight)
    return torch.maximum(beats * (BEAT_BYTES / timing.bytes_per_cycle), waiting)
