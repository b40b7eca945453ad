"""What a well-formed study may still ask for in vain: found here in seconds, not after hours in a later stage."""

from typing import TYPE_CHECKING

from learned.data import MIN_ROWS, MIN_SHAPES
from pipeline.hardware import Hardware, HardwareTensors, check_fits
from pipeline.machine.area import area_mm2
from pipeline.mapping import Mapping
from pipeline.search.constraints import KIB_RANGE, Constraints
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
    for number, point in enumerate(study.hardware):
        wrong += _too_small(f"hardware.{number}", point.hardware(), smallest)
    return wrong + _search(study, smallest)


def _too_small(field: str, hardware: Hardware, layers: dict[Layer, str]) -> list[str]:
    """Layers of which ``hardware`` does not hold even the smallest tile."""
    for layer, name in layers.items():
        try:
            check_fits(smallest_tiles(layer), hardware)
        except ValueError as error:
            sizes = f"dim {hardware.dim}, {hardware.scratchpad_kib:g} KiB, {hardware.accumulator_kib:g} KiB"
            return [f"{field} ({sizes}): too small for layer {name} ({layer}) even with the smallest tiles: {error}"]
    return []


def smallest_tiles(layer: Layer) -> Mapping:
    """The mapping in which every loop runs over DRAM: no tile needs less memory."""
    return Mapping(layer, ((), (), (), tuple((d, n) for d, n in zip(DIMS, layer.sizes, strict=True) if n > 1)))


def _search(study: "Study", layers: dict[Layer, str]) -> list[str]:
    """Limits that leave nothing to build."""
    asked, limit = study.search, study.search.max_area_mm2
    if asked.fix_hardware is not None:
        fixed = asked.fix_hardware.hardware()
        wrong = _too_small("search.fix_hardware", fixed, layers)
        area = _area(fixed)
        if limit is not None and area > limit:
            wrong.append(f"search.max_area_mm2 = {limit:g}: search.fix_hardware has {area:.3g} mm2")
        return wrong
    try:
        dims = Constraints("rtl", fix_dim=asked.fix_dim).dims
    except ValueError as error:
        return [f"search.fix_dim: {error}"]
    if limit is None:
        return []
    built = [_smallest(dim, layers) for dim in dims]
    least = min((hardware for hardware in built if hardware is not None), key=_area, default=None)
    if least is not None and _area(least) > limit:
        return [
            f"search.max_area_mm2 = {limit:g}: the smallest hardware for the layers has {_area(least):.3g} mm2 "
            f"(dim {least.dim}, {least.scratchpad_kib:g} KiB, {least.accumulator_kib:g} KiB)"
        ]
    return []


def _smallest(dim: int, layers: dict[Layer, str]) -> Hardware | None:
    """The smallest memories of powers of two in KiB that hold a tile of every layer; None where none do."""
    low, high = KIB_RANGE["rtl"]
    sizes = [kib for kib in (2.0**power for power in range(24)) if low <= kib <= high]
    scratchpads = (Hardware(dim, kib, sizes[-1], "rtl") for kib in sizes)
    accumulators = (Hardware(dim, sizes[-1], kib, "rtl") for kib in sizes)
    first, second = (
        next((hardware for hardware in tried if not _too_small("", hardware, layers)), None)
        for tried in (scratchpads, accumulators)
    )
    if first is None or second is None:
        return None
    return Hardware(dim, first.scratchpad_kib, second.accumulator_kib, "rtl")


def _area(hardware: Hardware) -> float:
    return float(area_mm2(HardwareTensors.stack([hardware]), hardware.platform))
