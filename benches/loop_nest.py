"""A loop nest with boundaries of its own for each tensor, counted as ``timeloop`` counts, and as a ``Mapping``.

Outside mappers keep loops as one list and say, for each tensor, up to which loop a memory holds it. A ``Mapping`` has
levels with one loop a dimension, and boundaries of a tensor's own (``Mapping.held``) only where such a loop ends, so
not every nest is one. Each tensor's traffic depends on its own boundaries only, so a nest is counted as one mapping,
with one tile a level, for each tensor.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import groupby, pairwise, product

import torch

from benches.common import TIMELOOP
from pipeline.hardware import ACCUMULATOR, Hardware, HardwareTensors
from pipeline.machine.capacity import check_fits
from pipeline.machine.cost import cost
from pipeline.machine.energy import Cost, words_energy
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.timeloop.accesses import Accesses, timeloop_accesses
from pipeline.machine.timeloop.roofs import timeloop_roofs
from pipeline.mapping import Loops, Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import Layer


@dataclass(frozen=True, slots=True)
class LoopNest:
    """Temporal loops of ``layer``, innermost first, and how many of them each memory holds of each tensor."""

    layer: Layer
    loops: Loops
    spatial: tuple[int, int]
    """C over rows, K over columns."""
    register_weights: int
    accumulator_outputs: int
    scratchpad_weights: int
    scratchpad_inputs: int

    def mappings(self, inner: int, middle: int, outer: int) -> Iterator[Mapping]:
        """Mappings with L0 up to loop ``inner``, L1 up to ``middle``, L2 up to ``outer``.

        A level has one loop for each dimension: loops of one dimension that others separate are joined at each of
        their places.
        """
        bounds = (0, inner, middle, outer, len(self.loops))
        levels = [list(_joined(self.loops[low:high])) for low, high in pairwise(bounds)]
        for l0, l1, l2, l3 in product(*levels):
            yield Mapping(self.layer, (l0, l1, l2, l3), self.spatial)


def _joined(loops: Loops) -> Iterator[Loops]:
    """``loops`` (innermost first) as loops of one level, outermost first, in every order that joining allows."""
    runs = [(dim, math.prod(factor for _, factor in run)) for dim, run in groupby(loops, key=lambda loop: loop[0])]
    dims = list(dict.fromkeys(dim for dim, _ in runs))
    factor = {dim: math.prod(size for name, size in runs if name == dim) for dim in dims}
    places = [[place for place, (name, _) in enumerate(runs) if name == dim] for dim in dims]
    for chosen in product(*places):
        order = sorted(zip(chosen, dims, strict=True), reverse=True)
        yield tuple((dim, factor[dim]) for _, dim in order)


def recount(nest: LoopNest, hardware: Hardware) -> Cost:
    """Cycles and energy of ``nest`` as ``timeloop`` counts: each tensor's traffic by the boundaries of that tensor."""
    held = {
        "weight": (nest.register_weights, nest.scratchpad_weights),
        "input": (0, nest.scratchpad_inputs),
        "output": (0, nest.accumulator_outputs),
    }
    sizes = HardwareTensors.stack([hardware])
    accesses: Accesses | None = None
    for tensor, (inner, outer) in held.items():
        found = _accesses(nest.mappings(min(inner, outer), outer, outer))
        index = int(words_energy(_only(found, tensor).words(sizes), sizes).total.argmin())
        best = Accesses(*(getattr(found, field.name)[index : index + 1] for field in fields(found)))
        accesses = best if accesses is None else replace(accesses, **_of(best, tensor))
    assert accesses is not None
    return Cost(timeloop_roofs(accesses, sizes).cycles, words_energy(accesses.words(sizes), sizes).total)


def misfit(nest: LoopNest, hardware: Hardware) -> str:
    """Why ``nest`` does not fit ``hardware``, or nothing."""
    layer = nest.layer
    weights, inputs, outputs = (
        next(nest.mappings(0, held, held))
        for held in (nest.scratchpad_weights, nest.scratchpad_inputs, nest.accumulator_outputs)
    )
    width = (inputs.tile("P") - 1) * layer.stride_w + (inputs.tile("R") - 1) * layer.dilation_w + 1
    height = (inputs.tile("Q") - 1) * layer.stride_h + (inputs.tile("S") - 1) * layer.dilation_h + 1
    scratchpad = math.prod(map(weights.tile, "RSCK")) + width * height * inputs.tile("C") * inputs.tile("N")
    accumulator = math.prod(outputs.tile(dim, level=1) for dim in "PQKN") * hardware.dim * ACCUMULATOR.word_bytes
    for name, need, limit in (
        ("scratchpad", scratchpad, hardware.scratchpad_kib),
        ("accumulator", accumulator, hardware.accumulator_kib),
    ):
        if need > limit * 1024:
            return f"{name} {need / 1024:.1f} KiB of {limit:g}"
    return ""


def best_mapping(nest: LoopNest, hardware: Hardware) -> tuple[Mapping, Cost]:
    """The mapping of least EDP that keeps the loops of ``nest`` in order: one tile a level, boundaries free.

    Loops held in registers stay there. Raises ValueError where no such mapping fits.
    """
    count = len(nest.loops)
    bounds = ((low, high) for low in range(nest.register_weights, count + 1) for high in range(low, count + 1))
    every = [m for low, high in bounds for m in nest.mappings(nest.register_weights, low, high) if _fits(m, hardware)]
    if not every:
        raise ValueError(f"no boundaries of the loop nest of {nest.layer} fit {hardware.id}")
    sizes = HardwareTensors.stack([hardware])
    found = cost(AnalyticalModel(TIMELOOP), LayerTensors.stack([nest.layer]), MappingTensors.stack(every), sizes)
    index = int((found.cycles * found.energy_uj).argmin())
    return every[index], Cost(found.cycles[index], found.energy_uj[index])


def _fits(mapping: Mapping, hardware: Hardware) -> bool:
    try:
        check_fits(mapping, hardware, TIMELOOP)
    except ValueError:
        return False
    return True


def _accesses(mappings: Iterable[Mapping]) -> Accesses:
    every = list(mappings)
    return timeloop_accesses(LayerTensors.stack([every[0].layer]), MappingTensors.stack(every))


def _of(accesses: Accesses, tensor: str) -> dict[str, torch.Tensor]:
    return {field.name: getattr(accesses, field.name) for field in fields(accesses) if f"_{tensor}_" in field.name}


def _only(accesses: Accesses, tensor: str) -> Accesses:
    zeros = Accesses(*(torch.zeros_like(accesses.macs) for _ in fields(accesses)))
    return replace(zeros, **_of(accesses, tensor))
