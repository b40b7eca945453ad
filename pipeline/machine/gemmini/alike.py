"""Large batches in parts: mappings whose tiles differ in no loop, in the innermost one, in another one.

A part costs as much as its tiles have kinds and ends, a batch as much as its worst mapping.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.energy import Cost
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.gemmini.view import Terms
from pipeline.mapping_tensors import LayerTensors, MappingTensors

LEAST_ROWS = 2048
"""In smaller batches the calls cost more than the work."""

T = TypeVar("T", Cost, Terms)


def in_parts(
    function: Callable[[LayerTensors, MappingTensors, HardwareTensors], T],
    tiles: Callable[[LayerTensors, MappingTensors, HardwareTensors], Tiles],
    layers: LayerTensors,
    mappings: MappingTensors,
    hardware: HardwareTensors,
) -> T:
    """``function`` of a batch.

    Only a batch [B] of whole tensors is divided, and only where no derivatives are asked for.
    """
    rows = mappings.temporal.shape[0]
    whole = mappings.temporal.dim() == 3 and layers.size.shape[:-1] == hardware.dim.shape == (rows,)
    if torch.is_grad_enabled() or not whole or rows < LEAST_ROWS:
        return function(layers, mappings, hardware)
    group = _differing(tiles(layers, mappings, hardware))
    index = [part for part in (torch.nonzero(group == number)[:, 0] for number in range(3)) if len(part)]
    if len(index) == 1:
        return function(layers, mappings, hardware)
    found = [function(layers[part], mappings[part], hardware[part]) for part in index]
    back = torch.cat(index).argsort()
    names = [field.name for field in fields(found[0])]
    return replace(found[0], **{name: torch.cat([getattr(one, name) for one in found])[back] for name in names})


def _differing(tiles: Tiles) -> Int[Tensor, " b"]:
    """0 where all tiles are alike, 1 where they differ in the innermost loop alone, else 2."""
    _, last = tiles.kinds()
    return tiles.are_ragged.long().maximum(2 * (last > 0).long())
