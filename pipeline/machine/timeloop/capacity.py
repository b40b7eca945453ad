"""Capacity on Timeloop's hardware: words that one tile needs of the memories."""

from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import ACCUMULATOR, SCRATCHPAD
from pipeline.machine.timeloop.nest import OUTPUTS, WEIGHTS, Shape, by_level, cut, of, product, tile_extents
from pipeline.machine.timeloop.own_tiles import covered_by, grown
from pipeline.mapping import FOUR_LEVELS, TENSORS
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import C, N

KIB = 1024


def footprint_kib(
    layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"]
) -> dict[str, Float[Tensor, "*#b"]]:
    """Physical KiB that one tile of each mapping needs: whole columns of the accumulator, words of the scratchpad."""
    weights, inputs, outputs = tile_words(layers, mappings)
    return {SCRATCHPAD.size: (weights + inputs) / KIB, ACCUMULATOR.size: outputs * dim * ACCUMULATOR.word_bytes / KIB}


def tile_words(layers: LayerTensors, mappings: MappingTensors) -> tuple[Float[Tensor, "*b"], ...]:
    """Words of the largest tile of weights and of inputs in the scratchpad, and of outputs in one column."""
    shape, loops = Shape.of(layers, mappings), by_level(mappings.temporal)
    tiles = tile_extents(loops, *mappings.spatial.unbind(-1))
    own = {tensor: tiles[FOUR_LEVELS.home(tensor)] for tensor in TENSORS}
    if mappings.held is not None:
        inside = {name: covered_by(name, mappings.held, mappings.rank) for name in own}
        own = {name: grown(tile, loops, inside[name]) for name, tile in own.items()}
    weights, inputs, outputs = (cut(own[tensor], shape) for tensor in TENSORS)
    width, height = shape.windows(inputs)
    return product(of(weights, WEIGHTS)), width * height * inputs[C] * inputs[N], product(of(outputs, OUTPUTS))
