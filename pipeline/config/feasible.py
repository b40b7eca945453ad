"""What a well-formed study may still ask for in vain: found here in seconds, not after hours in a later stage."""

from typing import TYPE_CHECKING

from learned.data import MIN_ROWS, MIN_SHAPES
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.capacity import check_fits
from pipeline.machine.machine import Machine
from pipeline.mapping import Hierarchy, Mapping
from pipeline.search.constraints import Constraints
from pipeline.workload import DIMS, Layer, load_workload

if TYPE_CHECKING:
    from pipeline.config.study import Study


def infeasible(study: "Study") -> list[str]:
    """Every reason why ``study`` would fail after its start, with field and value."""
    layers = {
        entry.layer: f"{workload.name}/{entry.name}"
        for workload in map(load_workload, study.workloads)
        for entry in workload.layers
    }
    wrong = []
    if len(layers) < MIN_SHAPES:
        wrong.append(f"workloads: {len(layers)} layer shape in all, at least {MIN_SHAPES} are needed to train a model")
    if study.sampling.points < MIN_ROWS:
        wrong.append(f"sampling.points = {study.sampling.points}: at least {MIN_ROWS} are needed to train a model")
    # What a smallest tile needs depends on nothing else.
    kinds = {(layer.is_matmul, layer.stride_w, layer.stride_h): layer for layer in reversed(layers)}
    smallest = {layer: layers[layer] for layer in reversed(kinds.values())}
    machine = study.machine.find()
    for number, point in enumerate(study.hardware):
        wrong += _too_small(f"hardware.{number}", point.hardware(machine.template), machine, smallest)
    return wrong + _search(study, machine, smallest) + _too_fast(study, machine)


def _too_small(field: str, hardware: Hardware, machine: Machine, layers: dict[Layer, str]) -> list[str]:
    """Layers of which ``hardware`` does not hold even the smallest tile."""
    for layer, name in layers.items():
        try:
            check_fits(smallest_tiles(layer, machine.template.hierarchy), hardware, machine)
        except ValueError as error:
            small = f"too small for layer {name} ({layer}) even with the smallest tiles: {error}"
            return [f"{field} ({_sizes(hardware)}): {small}"]
    return []


def smallest_tiles(layer: Layer, hierarchy: Hierarchy) -> Mapping:
    """The mapping in which every loop runs over DRAM: no tile needs less memory."""
    outer = tuple((d, n) for d, n in zip(DIMS, layer.sizes, strict=True) if n > 1)
    return Mapping(layer, (*[()] * (hierarchy.levels - 1), outer), hierarchy=hierarchy)


def _sizes(hardware: Hardware) -> str:
    return ", ".join([f"dim {hardware.dim}", *(f"{kib:g} KiB" for kib in hardware.values[1:])])


def _search(study: "Study", machine: Machine, layers: dict[Layer, str]) -> list[str]:
    """Limits that leave nothing to build."""
    asked, limit = study.search, study.search.max_area_mm2
    if asked.fix_hardware is not None:
        fixed = asked.fix_hardware.hardware(machine.template)
        wrong = _too_small("search.fix_hardware", fixed, machine, layers)
        area = _area(fixed, machine)
        if limit is not None and area > limit:
            wrong.append(f"search.max_area_mm2 = {limit:g}: search.fix_hardware has {area:.3g} mm2")
        return wrong
    try:
        dims = Constraints(machine, fix_dim=asked.fix_dim).dims
    except ValueError as error:
        return [f"search.fix_dim: {error}"]
    if limit is None:
        return []
    built = [_smallest(dim, machine, layers) for dim in dims]
    areas = [(_area(hardware, machine), hardware) for hardware in built if hardware is not None]
    area, least = min(areas, key=lambda one: one[0], default=(0.0, None))
    if least is not None and area > limit:
        return [
            f"search.max_area_mm2 = {limit:g}: the smallest hardware for the layers has {area:.3g} mm2 "
            f"({_sizes(least)})"
        ]
    return []


def _too_fast(study: "Study", machine: Machine) -> list[str]:
    """Latency limits that a network would break even with every lane of the largest array busy in every cycle."""
    search = study.search
    dim = search.fix_hardware.dim if search.fix_hardware is not None else search.fix_dim or machine.grid.dims[-1]
    lanes, wrong = dim ** len(machine.template.hierarchy.spatial), []
    for number, (spec, limit) in enumerate(zip(study.workloads, search.max_latency_ms, strict=False)):
        workload = load_workload(spec)
        least = sum(entry.layer.macs * entry.count for entry in workload.layers) / lanes / (search.clock_mhz * 1e3)
        if limit is not None and limit < least:
            asked = f"search.max_latency_ms.{number} = {limit:g}"
            wrong.append(
                f"{asked}: {workload.name} has work for {least:.4g} ms on a {dim}x{dim} array at "
                f"{search.clock_mhz:g} MHz"
            )
    return wrong


def _smallest(dim: int, machine: Machine, layers: dict[Layer, str]) -> Hardware | None:
    """The smallest memories, doubled from the least, that hold a tile of every layer; None where none do."""
    grid, template = machine.grid, machine.template
    sizes = [kib for kib in (grid.low_kib * 2.0**power for power in range(24)) if kib <= grid.high_kib]
    found = []
    for place in range(len(template.memories)):
        tried = [[sizes[-1]] * len(template.memories) for _ in sizes]
        for kib, row in zip(sizes, tried, strict=True):
            row[place] = kib
        built = (template.hardware(dim, *row) for row in tried)
        found.append(next((hardware for hardware in built if not _too_small("", hardware, machine, layers)), None))
    least = [hardware[size] for hardware, size in zip(found, template.sizes[1:], strict=True) if hardware is not None]
    return template.hardware(dim, *least) if len(least) == len(found) else None


def _area(hardware: Hardware, machine: Machine) -> float:
    return float(machine.area_mm2(HardwareTensors.stack([hardware])))
