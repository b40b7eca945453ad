"""Draws candidate mappings of a layer on one hardware: at random, and built to fill the memories."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.capacity import misfits
from pipeline.machine.machine import Machine
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors
from pipeline.search.local.construct import construct, random_priorities
from pipeline.search.orders import EVERY, start_rank
from pipeline.search.points import Points, trim, with_dram_order
from pipeline.workload import DIMS, Layer


def crop(layer: Layer, limit_macs: int) -> Layer:
    """``layer`` with output rows, columns, then channels halved until it has at most ``limit_macs``."""
    while layer.macs > limit_macs:
        name = next((dim for dim in ("Q", "P", "K", "C") if getattr(layer, dim) > 1), None)
        if name is None:
            break
        if name == "P" and layer.P < layer.Q:
            name = "Q"
        layer = replace(layer, **{name: -(-getattr(layer, name) // 2)})
    return layer


def random_mappings(
    layers: Sequence[Layer], hardware: Hardware, machine: Machine, generator: torch.Generator
) -> list[Mapping]:
    """One mapping of each layer with factors and DRAM loop order at random; those that do not fit are left out."""
    tensors = LayerTensors.stack(layers)
    size = tensors.size.long()
    space = machine.space
    largest = size[:, space.dim_of_slot].double()
    drawn = torch.exp(torch.rand(largest.shape, generator=generator, dtype=torch.float64) * torch.log(largest))
    dim = torch.full((len(layers),), hardware.dim)
    slots = trim(drawn.round().long(), size, dim, space)
    levels = space.hierarchy.levels
    order = torch.rand(len(layers), len(DIMS), generator=generator).argsort(-1)
    rank = with_dram_order(start_rank(levels).expand(len(layers), levels, len(DIMS)), order)
    return _legal(Points(slots, rank), layers, hardware, machine)


def constructive_mappings(
    layers: Sequence[Layer], hardware: Hardware, machine: Machine, generator: torch.Generator
) -> list[Mapping]:
    """One mapping of each layer that fills a random share (an eighth to all) of each memory greedily."""
    tensors = LayerTensors.stack(layers)
    count = len(layers)
    shares = 2.0 ** (
        -3 * torch.rand(len(machine.template.memories), count, generator=generator, dtype=torch.float64) ** 2
    )
    sizes = HardwareTensors.stack([hardware] * count)
    names = machine.template.sizes[1:]
    limits = sizes.replaced({name: sizes.sizes[name] * share for name, share in zip(names, shares, strict=True)})
    points = construct(tensors, limits, random_priorities((count,), generator), machine)
    rank = with_dram_order(points.rank, EVERY[torch.randint(len(EVERY), (count,), generator=generator)])
    return _legal(Points(points.slots, rank), layers, hardware, machine)


def _legal(points: Points, layers: Sequence[Layer], hardware: Hardware, machine: Machine) -> list[Mapping]:
    tensors = points.tensors(LayerTensors.stack(layers), machine.space)
    mappings = [tensors.mapping(layer, at, machine.template.hierarchy) for at, layer in enumerate(layers)]
    messages = misfits(machine, [(mapping, hardware) for mapping in mappings])
    return [mapping for mapping, message in zip(mappings, messages, strict=True) if not message]
