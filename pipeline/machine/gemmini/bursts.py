"""Bursts: how rows of adjacent bytes become aligned requests of 16, 32 or 64 bytes.

Each request is the smallest of those that hold most of what is left of the row. Rows that cross a line of 64 bytes
take two.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks, last_block
from pipeline.machine.system import LINE_BYTES

BEAT_BYTES = 16
PUBLIC_OFFSET_BYTES = 8


@dataclass(frozen=True, slots=True)
class Bursts:
    """Mean requests and beats of the rows along one dimension."""

    lines: Float[Tensor, "*b"]
    """Rows of up to 64 bytes."""
    requests: Float[Tensor, "*b"]
    beats: Float[Tensor, "*b"]
    """Beats of 16 bytes."""


def bursts(tiles: Tiles, dim: int) -> Bursts:
    """Mean over the tiles of what their extent along ``dim``, in bytes, takes."""
    extent = tiles.extent[dim]
    line = torch.full_like(extent[0], LINE_BYTES)
    lines = blocks(extent, line)
    step = alignment(tiles, dim)
    table = _burst_table()
    shifted = (1 - tiles.is_matmul).long() * int(tiles.public)
    part = _interpolate(table, shifted, step, last_block(extent, line))
    requests, beats = (lines - 1) * table[:, shifted, step, LINE_BYTES].unsqueeze(1) + part
    return Bursts(tiles.average(dim, lines), tiles.average(dim, requests), tiles.average(dim, beats))


def alignment(tiles: Tiles, dim: int, width: int = 1) -> Int[Tensor, "*b"]:
    """log2 of the largest power of two up to 64 that divides all row addresses of a tensor of ``width`` byte elements.

    Rows start at multiples of the layer's size and, where the dimension is cut, of the tile's extent. Relaxed extents
    take the alignment of the nearest integer, without gradient.
    """
    size = (tiles.size[dim] * width).detach().round().long()
    extent = (tiles.extent[dim, 0] * width).detach().round().long()
    steps = size | torch.where(tiles.loops[dim].detach() > 1.5, extent, size) | LINE_BYTES
    return torch.log2((steps & -steps).to(torch.float32)).round().long()


def _interpolate(
    table: Float[Tensor, "costs starts steps bytes"],
    shifted: Int[Tensor, "*b"],
    step: Int[Tensor, "*b"],
    row_bytes: Float[Tensor, "ends ..."],
) -> Float[Tensor, "costs ends *b"]:
    """The table between whole numbers of bytes."""
    low = row_bytes.detach().floor().clamp(1, LINE_BYTES - 1).long()
    below, above = table[:, shifted, step, low], table[:, shifted, step, low + 1]
    return below + (above - below) * (row_bytes - low)


@cache
def _burst_table() -> Float[Tensor, "costs starts steps bytes"]:
    """Mean (requests, beats) of a row over all its positions in a line.

    By where its tensor starts (a line or the public runs' offset), log2 of its alignment therein, and its bytes.
    """
    table = torch.zeros(2, 2, 7, LINE_BYTES + 1, dtype=torch.float64)
    for shifted, offset in enumerate((0, PUBLIC_OFFSET_BYTES)):
        for step in range(7):
            starts = range(offset, offset + LINE_BYTES, 1 << step)
            for row_bytes in range(1, LINE_BYTES + 1):
                costs = [_split(start % LINE_BYTES, row_bytes) for start in starts]
                table[:, shifted, step, row_bytes] = torch.tensor(costs, dtype=torch.float64).mean(0)
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
