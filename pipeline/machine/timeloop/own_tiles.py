"""Tensors with a tile of their own: a memory may keep one across loops that bring in new tiles of the others.

What moves of a tensor depends on its own tiles alone. A tile that covers the innermost loops outside its level is as
large as all their iterations together, and for this tensor they iterate once.
"""

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.machine.timeloop.nest import LEVELS, Dims, Nest
from pipeline.mapping import FOUR_LEVELS, TENSORS
from pipeline.mapping_tensors import covered

Covered = dict[int, Tensor]
"""By level which loops [7, *b] a tile of a level further in covers."""


def covered_by(tensor: str, held: Int[Tensor, "*b 3"], rank: Int[Tensor, "*b 4 7"]) -> Covered:
    """The loops outside its level that the tile of ``tensor`` covers: the innermost ones (``MappingTensors.held``)."""
    home = FOUR_LEVELS.home(tensor)
    inside = covered(held[..., TENSORS.index(tensor)], rank, home)
    return {level: inside[..., level, :].movedim(-1, 0) for level in range(home + 1, LEVELS)}


def grown(tile: Dims, loops: tuple[Dims, ...], inside: Covered) -> Dims:
    """Extents of a tile that covers some loops outside."""
    for level, mask in inside.items():
        factors = torch.where(mask, torch.stack(loops[level]), 1.0).unbind(0)
        tile = tuple(extent * factor for extent, factor in zip(tile, factors, strict=True))
    return tile


def seen_by(tensor: str, nest: Nest, held: Int[Tensor, "*b 3"] | None) -> Nest:
    """``nest`` as it moves ``tensor``: its tile grown by the loops that it covers, and these iterate once."""
    if held is None or not bool(held[..., TENSORS.index(tensor)].any()):
        return nest
    home, inside = FOUR_LEVELS.home(tensor), covered_by(tensor, held, nest.rank.movedim((0, 1), (-2, -1)))
    loops, stays, tile = list(nest.loops), list(nest.stays), list(nest.tile)
    tile[home] = grown(nest.tile[home], nest.loops, inside)
    for level, mask in inside.items():
        loops[level], stays[level] = (
            torch.where(mask, 1.0, torch.stack(part[level])).unbind(0) for part in (nest.loops, nest.stays)
        )
    return replace(nest, loops=tuple(loops), stays=tuple(stays), tile=tuple(tile))
