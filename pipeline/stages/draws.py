"""Draws candidate mappings of a layer on one hardware: at random, and built to fill the memories."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from pipeline.hardware import Hardware, HardwareTensors, check_fits
from pipeline.mapping import LayerTensors, Mapping
from pipeline.search.construct import construct, random_priorities
from pipeline.search.orders import EVERY, start_rank
from pipeline.search.space import SLOT_DIM, Points, trim
from pipeline.workload import DIMS, Layer

DRAM = 3


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


def random_mappings(layers: Sequence[Layer], hardware: Hardware, generator: torch.Generator) -> list[Mapping]:
    """One mapping of each layer with factors and DRAM loop order at random; those that do not fit are left out."""
    tensors = LayerTensors.stack(layers)
    size = tensors.size.long()
    largest = size[:, SLOT_DIM].double()
    drawn = torch.exp(torch.rand(largest.shape, generator=generator, dtype=torch.float64) * torch.log(largest))
    dim = torch.full((len(layers),), hardware.dim)
    slots = trim(drawn.round().long(), size, dim, hardware.platform)
    rank = start_rank().expand(len(layers), 4, len(DIMS)).clone()
    rank[:, DRAM] = torch.rand(len(layers), len(DIMS), generator=generator).argsort(-1)
    return _legal(Points(slots, rank), layers, hardware)


def constructive_mappings(layers: Sequence[Layer], hardware: Hardware, generator: torch.Generator) -> list[Mapping]:
    """One mapping of each layer that fills a random share (an eighth to all) of each memory greedily."""
    tensors = LayerTensors.stack(layers)
    count = len(layers)
    shares = 2.0 ** (-3 * torch.rand(2, count, generator=generator, dtype=torch.float64) ** 2)
    sizes = HardwareTensors.stack([hardware] * count)
    limits = HardwareTensors(sizes.dim, sizes.scratchpad_kib * shares[0], sizes.accumulator_kib * shares[1])
    points = construct(tensors, limits, random_priorities((count,), generator), hardware.platform)
    rank = points.rank.clone()
    rank[:, DRAM] = EVERY[torch.randint(len(EVERY), (count,), generator=generator)]
    return _legal(Points(points.slots, rank), layers, hardware)


def _legal(points: Points, layers: Sequence[Layer], hardware: Hardware) -> list[Mapping]:
    tensors = points.tensors(LayerTensors.stack(layers))
    result = []
    for index, layer in enumerate(layers):
        mapping = tensors.mapping(layer, index)
        try:
            check_fits(mapping, hardware)
        except ValueError:
            continue
        result.append(mapping)
    return result
