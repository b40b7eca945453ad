"""Input windows: what a tile loads along one axis, and how much of it is padding."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini.tiles import Tiles
from pipeline.workload import P, Q, R, S

_OUTPUTS, _TAPS = [P, Q], [R, S]
MAX_ROWS = 16
"""Tiles from the edge of an image that may reach into its padding."""


@dataclass(frozen=True, slots=True)
class Window:
    """Mean input extent of a tile along both axes, (width, height)."""

    extent: Float[Tensor, "axes ..."]
    """Padding included: outputs * stride + dilated taps - 1, also those that a stride skips at the end."""
    real: Float[Tensor, "axes ..."]
    """Inside the image."""


def window_of(tiles: Tiles) -> Window:
    """The windows of tiles. Filters of a single tap read only the pixels that they use, but in public runs."""
    single = (tiles.size[R] == 1) & (tiles.size[S] == 1)
    stride = tiles.stride if tiles.public else torch.where(single, 1.0, tiles.stride)
    dilation = tiles.dilation
    extent = tiles.mean[_OUTPUTS] * stride + (tiles.mean[_TAPS] - 1) * dilation
    before = (tiles.size[_TAPS] / 2).floor()
    after = (tiles.size[_TAPS] - 1) * dilation - before
    full_outputs, last_outputs = (tiles.extent[_OUTPUTS, end] * stride for end in (0, 1))
    taps, last_taps = (tiles.extent[_TAPS, end] * dilation for end in (0, 1))
    across, along = tiles.loops[_TAPS], tiles.loops[_OUTPUTS]
    halo = (tiles.extent[_TAPS, 0] - 1) * dilation
    rows = min(MAX_ROWS, int((torch.maximum(before, after) / last_outputs.detach()).ceil().amax().item()))
    outside = torch.zeros_like(extent)
    for row in range(rows):
        present = (along - row).clamp(0.0, 1.0)
        # From the first tile on, all are full; from the end on, the last one comes first.
        reach, most = before - row * full_outputs, full_outputs + halo
        left = _staircase(reach, taps, across) - _staircase(reach - most, taps, across)
        reach, most = (
            (after, last_outputs + halo) if row == 0 else (after - last_outputs - (row - 1) * full_outputs, most)
        )
        right = _from_end(reach, taps, last_taps, across) - _from_end(reach - most, taps, last_taps, across)
        outside = outside + present * (left + right)
    return Window(extent, (extent - outside / (along * across)).clamp(min=0.0))


def _from_end(
    reach: Float[Tensor, "*b"], taps: Float[Tensor, "*b"], last_taps: Float[Tensor, "*b"], turns: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """Sum of max(0, reach - what lies after) over the tap tiles, the last one first."""
    return reach.clamp(min=0.0) + _staircase(reach - last_taps, taps, turns - 1)


def _staircase(
    reach: Float[Tensor, "*b"], step: Float[Tensor, "*b"], turns: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """Sum of max(0, reach - j * step) over j = 0 ... turns - 1."""
    terms = torch.minimum((reach / step).detach().ceil().clamp(min=0.0), turns)
    return terms * reach - step * terms * (terms - 1) / 2
