"""Loads of one tile: rows, requests and beats of inputs, weights and returning partial sums.

A row of up to 64 adjacent bytes is read in naturally aligned requests of 16, 32 or 64 bytes, greedily: each request is
the smallest that holds as much as any other would. Rows whose addresses are not aligned touch two lines.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.model.rtl_platform import Dma, MemoryTiming
from pipeline.model.rtl_relax import blocks, last_block
from pipeline.model.rtl_tile import C, K, N, P, Q, R, S, Tiles

LINE_BYTES = 64
BEAT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Stream:
    """What one tensor loads for a mean tile."""

    commands: Float[Tensor, "*b"]
    rows: Float[Tensor, "*b"]
    """Rows of at most 64 bytes; padding rows, which are not fetched, excluded."""
    requests: Float[Tensor, "*b"]
    beats: Float[Tensor, "*b"]
    """Beats of 16 bytes."""
    padding_rows: Float[Tensor, "*b"]
    """Rows of zeros, made without memory."""

    def __add__(self, other: "Stream") -> "Stream":
        return Stream(*(getattr(self, name) + getattr(other, name) for name in Stream.__slots__))

    def __mul__(self, factor: Float[Tensor, "*b"]) -> "Stream":
        return Stream(*(getattr(self, name) * factor for name in Stream.__slots__))


def input_stream(tiles: Tiles, dim: Float[Tensor, "*b"]) -> Stream:
    """Inputs of the mean tile: pixels of the window, their channels adjacent in memory.

    A tile fetches outputs * stride + dilated taps - 1 pixels along an axis; those outside the image are zeros.
    """
    width, real_width = _pixels(tiles, P, R, 0)
    height, real_height = _pixels(tiles, Q, S, 1)
    width_blocks = tiles.average(P, blocks(tiles.extent[P] * tiles.stride[0], dim)) + (width - tiles.mean[P] * tiles.stride[0]) / dim
    lines, requests, beats = _rows(tiles, C)
    pixels = tiles.mean[N] * real_width * real_height
    padding = tiles.mean[N] * width * height - pixels
    return Stream(
        tiles.mean[N] * height * width_blocks * lines, pixels * lines, pixels * requests, pixels * beats, padding * lines
    )


def weight_stream(tiles: Tiles, dim: Float[Tensor, "*b"]) -> Stream:
    """Weights of the mean tile: one row for each tap and input channel, output channels adjacent in memory."""
    lines, requests, beats = _rows(tiles, K)
    taps = tiles.mean[R] * tiles.mean[S]
    rows = taps * tiles.mean[C]
    commands = taps * tiles.average(C, blocks(tiles.extent[C], dim))
    return Stream(commands * lines, rows * lines, rows * requests, rows * beats, torch.zeros_like(rows))


def sum_stream(tiles: Tiles, dim: Float[Tensor, "*b"]) -> Stream:
    """Partial sums of one output tile coming back: rows of up to 16 int32 values."""
    pixels = tiles.mean[N] * tiles.mean[Q] * tiles.mean[P]
    commands = tiles.mean[N] * tiles.mean[Q] * tiles.average(P, blocks(tiles.extent[P], dim))
    values = torch.full_like(dim, BEAT_BYTES)
    lines = tiles.average(K, blocks(tiles.extent[K], values))
    beats = tiles.average(K, blocks(tiles.extent[K], values / 4))
    return Stream(commands * lines, pixels * lines, pixels * lines, pixels * beats, torch.zeros_like(pixels))


def stream_cycles(stream: Stream, dim: Float[Tensor, "*b"], dma: Dma, memory: MemoryTiming) -> Float[Tensor, "*b"]:
    """Cycles that a stream takes when every request hits.

    The largest of: a request a cycle, a beat a cycle, the round trips that fit in flight, and the commands in flight.
    """
    commands_in_flight = (16 / dim).detach().floor() + 1
    round_trips = stream.requests * memory.latency_cycles / dma.reads_in_flight
    waiting = (stream.commands * memory.latency_cycles + stream.beats) / commands_in_flight
    moved = stream.beats * (BEAT_BYTES / memory.bytes_per_cycle)
    longest = torch.maximum(torch.maximum(stream.requests, moved), torch.maximum(round_trips, waiting))
    return longest + stream.padding_rows


def _pixels(tiles: Tiles, output: int, tap: int, axis: int) -> tuple[Tensor, Tensor]:
    """Mean extent of the input window along an axis, and the part of it that lies inside the image."""
    halo = (tiles.mean[tap] - 1) * tiles.dilation[axis]
    extent = tiles.mean[output] * tiles.stride[axis] + halo
    outside = (tiles.size[tap] - 1) * tiles.dilation[axis] * (1 + 1 / tiles.loops[tap]) / 2
    return extent, extent - outside / tiles.loops[output]


def _rows(tiles: Tiles, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean rows of up to 64 bytes that the extent of ``dim`` takes, their requests and beats."""
    extent = tiles.extent[dim]
    line = torch.full_like(extent[0], LINE_BYTES)
    lines, rest = blocks(extent, line), last_block(extent, line)
    step = _alignment(tiles, dim)
    table = _request_table()
    whole = table[:, step, LINE_BYTES]
    part = _interpolate(table, step, rest)
    requests, beats = (lines - 1) * whole.unsqueeze(1) + part
    return tiles.average(dim, lines), tiles.average(dim, requests), tiles.average(dim, beats)


def _alignment(tiles: Tiles, dim: int) -> Tensor:
    """log2 of the largest power of two up to 64 that divides all row addresses of a tensor.

    Rows start at multiples of the layer's size and, where the dimension is cut, of the tile's extent. Relaxed extents
    take the alignment of the nearest integer, without gradient.
    """
    size = tiles.size[dim].detach().round().long()
    extent = tiles.extent[dim, 0].detach().round().long()
    steps = size | torch.where(tiles.loops[dim].detach() > 1.5, extent, size) | LINE_BYTES
    return torch.log2((steps & -steps).to(torch.float32)).round().long()


def _interpolate(table: Tensor, step: Tensor, row_bytes: Float[Tensor, "2 *b"]) -> Float[Tensor, "2 2 *b"]:
    """The table between whole numbers of bytes."""
    low = row_bytes.detach().floor().clamp(1, LINE_BYTES - 1).long()
    below, above = table[:, step, low], table[:, step, low + 1]
    return below + (above - below) * (row_bytes - low)


@cache
def _request_table() -> Float[Tensor, "2 7 65"]:
    """Mean (requests, beats) of a row by log2 of the alignment and bytes, over all its positions in a line."""
    table = torch.zeros(2, 7, LINE_BYTES + 1, dtype=torch.float64)
    for step in range(7):
        starts = range(0, LINE_BYTES, 1 << step)
        for row_bytes in range(1, LINE_BYTES + 1):
            costs = [_split(start, row_bytes) for start in starts]
            table[0, step, row_bytes] = sum(cost[0] for cost in costs) / len(costs)
            table[1, step, row_bytes] = sum(cost[1] for cost in costs) / len(costs)
    return table


def _split(start: int, row_bytes: int) -> tuple[int, int]:
    """Requests and beats of a row of ``row_bytes`` that begins ``start`` bytes into a line."""
    requests = beats = 0
    end = start + row_bytes
    while start < end:
        reach = [min(end, (start // size + 1) * size) for size in (16, 32, 64)]
        best = reach.index(max(reach))
        requests, beats, start = requests + 1, beats + (1 << best), reach[best]
    return requests, beats
