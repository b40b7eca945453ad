"""Whether mappings fit hardware, and the smallest hardware that they fit, on any machine."""

from collections.abc import Iterable

import torch
from jaxtyping import Bool
from torch import Tensor

from pipeline.hardware import Hardware, HardwareTensors, array_size
from pipeline.machine.machine import Machine
from pipeline.mapping import TENSORS, Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors

SLACK = 1.0 + 1e-9
"""Footprints are sums of products of real numbers: what is over by less than this fits."""


def fits(
    machine: Machine, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
) -> Bool[Tensor, "*b"]:
    """Whether each mapping fits its hardware; shapes broadcast."""
    ok = mappings.spatial.amax(-1) <= hardware.dim
    for size, kib in machine.footprint_kib(layers, mappings, hardware.dim).items():
        ok = ok & (kib <= hardware.sizes[size] * SLACK)
    return ok


def misfits(machine: Machine, rows: Iterable[tuple[Mapping, Hardware]]) -> list[str]:
    """For each mapping and its hardware what is too small, and by how much; empty where it fits."""
    pairs = list(rows)
    if not pairs:
        return []
    mappings = [mapping for mapping, _ in pairs]
    layers = LayerTensors.stack([mapping.layer for mapping in mappings])
    sizes = HardwareTensors.stack([hardware for _, hardware in pairs])
    need = machine.footprint_kib(layers, MappingTensors.stack(mappings), sizes.dim)
    columns = {size: kib.broadcast_to(sizes.dim.shape).tolist() for size, kib in need.items()}
    return [
        _tile_of_its_own(mapping, machine)
        or _misfit(mapping, hardware, {size: column[index] for size, column in columns.items()})
        for index, (mapping, hardware) in enumerate(pairs)
    ]


def _tile_of_its_own(mapping: Mapping, machine: Machine) -> str:
    for tensor, count in zip(TENSORS, mapping.held, strict=True):
        if count and tensor not in machine.space.own_tiles:
            return f"mapping has a boundary [{tensor}]: on {machine.name} a level has one tile for all tensors"
    return ""


def _misfit(mapping: Mapping, hardware: Hardware, need_kib: dict[str, float]) -> str:
    if max(mapping.spatial, default=1) > hardware.dim:
        spatial = " x ".join(
            f"{dim}{lanes}" for (_, dim), lanes in zip(mapping.hierarchy.spatial, mapping.spatial, strict=True)
        )
        return f"mapping spatial {spatial} exceeds an array of dim {hardware.dim}"
    for memory in hardware.template.memories:
        kib = need_kib[memory.size]
        if kib > hardware[memory.size] * SLACK:
            rows = kib * 1024 / memory.row_bytes(hardware.dim) / hardware.template.buffers
            limit = hardware.tile_rows(memory)
            return f"mapping needs {-(-rows // 1):.0f} {memory.name} rows a tile, {hardware.id} has {limit}"
    return ""


def check_fits(mapping: Mapping, hardware: Hardware, machine: Machine) -> None:
    """Raise ValueError that names the memory or array size which is too small for ``mapping``."""
    (message,) = misfits(machine, [(mapping, hardware)])
    if message:
        raise ValueError(message)


def smallest_hardware(mappings: Iterable[Mapping], machine: Machine, dim: int | None = None) -> Hardware:
    """The smallest hardware that fits all ``mappings``, of sizes that are built; ``dim`` fixes the array."""
    items = list(mappings)
    dim = dim or max(array_size(mapping) for mapping in items)
    need = machine.footprint_kib(
        LayerTensors.stack([mapping.layer for mapping in items]),
        MappingTensors.stack(items),
        torch.tensor(float(dim), dtype=torch.float64),
    )
    kib = [float(machine.grid.round_up(need[memory.size].max())) for memory in machine.template.memories]
    return machine.template.hardware(dim, *kib)
