"""Input windows: what a tile loads along one axis, and how much of it is padding."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini.tiles import Tiles
from pipeline.workload import P, Q, R, S

MAX_ROWS = 16
"""Tiles from the edge of an image that may reach into its padding."""


@dataclass(frozen=True, slots=True)
class Window:
    """Mean input extent of a tile along an axis."""

    extent: Float[Tensor, "*b"]
    """Padding included: outputs * stride + dilated taps - 1, also those that a stride skips at the end."""
    real: Float[Tensor, "*b"]
    """Inside the image."""


def windows(tiles: Tiles) -> tuple[Window, Window]:
    """Windows along the width and the height."""
    return _window(tiles, P, R, 0), _window(tiles, Q, S, 1)


def _window(tiles: Tiles, output: int, tap: int, axis: int) -> Window:
    """The window along one axis. Filters of a single tap read only the pixels that they use, but in public runs."""
    single = (tiles.size[R] == 1) & (tiles.size[S] == 1)
    stride = tiles.stride[axis] if tiles.public else torch.where(single, 1.0, tiles.stride[axis])
    dilation = tiles.dilation[axis]
    extent = tiles.mean[output] * stride + (tiles.mean[tap] - 1) * dilation
    before = (tiles.size[tap] / 2).floor()
    after = (tiles.size[tap] - 1) * dilation - before
    outputs, taps = tiles.extent[output] * stride, tiles.extent[tap] * dilation
    halo = (tiles.extent[tap, 0] - 1) * dilation
    rows = min(MAX_ROWS, int((torch.maximum(before, after) / outputs[1].detach()).ceil().amax().item()))
    outside = torch.zeros_like(extent)
    for row in range(rows):
        present = (tiles.loops[output] - row).clamp(0.0, 1.0)
        # From the first tile on, all are full; from the end on, the last one comes first.
        reach, most = before - row * outputs[0], outputs[0] + halo
        left = _staircase(reach, taps[0], tiles.loops[tap]) - _staircase(reach - most, taps[0], tiles.loops[tap])
        reach, most = (after, outputs[1] + halo) if row == 0 else (after - outputs[1] - (row - 1) * outputs[0], most)
        right = _from_end(reach, taps, tiles.loops[tap]) - _from_end(reach - most, taps, tiles.loops[tap])
        outside = outside + present * (left + right)
    return Window(extent, (extent - outside / (tiles.loops[output] * tiles.loops[tap])).clamp(min=0.0))


def _from_end(
    reach: Float[Tensor, "*b"], taps: Float[Tensor, "ends ..."], turns: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """Sum of max(0, reach - what lies after) over the tap tiles, the last one first."""
    return reach.clamp(min=0.0) + _staircase(reach - taps[1], taps[0], turns - 1)


def _staircase(
    reach: Float[Tensor, "*b"], step: Float[Tensor, "*b"], turns: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """Sum of max(0, reach - j * step) over j = 0 ... turns - 1."""
    terms = torch.minimum((reach / step).detach().ceil().clamp(min=0.0), turns)
    return terms * reach - step * terms * (terms - 1) / 2
