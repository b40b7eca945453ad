"""Capacity on Timeloop's hardware: words that one tile needs of the memories."""

from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import ACCUMULATOR, SCRATCHPAD
from pipeline.machine.timeloop.nest import OUTPUTS, WEIGHTS, Shape, by_level, cut, of, product, tile_extents
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.workload import C, N

KIB = 1024


def footprint_kib(
    layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"]
) -> dict[str, Float[Tensor, "*#b"]]:
    """Physical KiB that one tile of each mapping needs: whole columns of the accumulator, words of the scratchpad."""
    shape = Shape.of(layers, mappings)
    extents = tile_extents(by_level(mappings.temporal), *mappings.spatial.unbind(-1))
    tile, inner = cut(extents[2], shape), cut(extents[1], shape)
    width, height = shape.windows(tile)
    words = product(of(tile, WEIGHTS)) + width * height * tile[C] * tile[N]
    outputs = product(of(inner, OUTPUTS)) * dim * ACCUMULATOR.word_bytes
    return {SCRATCHPAD.size: words / KIB, ACCUMULATOR.size: outputs / KIB}
