"""Footprints of one mapping by integer rules: the oracle of the machines' footprints."""

import math
from dataclasses import dataclass

from pipeline.mapping import Mapping
from pipeline.workload import DIMS


@dataclass(frozen=True, slots=True)
class Footprint:
    """Rows that one tile of a mapping fills on an array of ``dim`` x ``dim``."""

    scratchpad_rows: int
    accumulator_rows: int


def footprint(mapping: Mapping, dim: int, machine: str) -> Footprint:
    """Rows that a tile of ``mapping`` needs.

    ``timeloop`` counts words, the accumulator per column of the array; ``gemmini`` counts the rows of Gemmini's own
    layout, where channels are padded to blocks of ``dim``.
    """
    return _timeloop_footprint(mapping, dim) if machine == "timeloop" else _gemmini_footprint(mapping, dim)


def _input_extent(outputs: int, taps: int, stride: int, dilation: int) -> int:
    return (outputs - 1) * stride + (taps - 1) * dilation + 1


def _timeloop_footprint(mapping: Mapping, dim: int) -> Footprint:
    layer = mapping.layer
    own = [_own_tile(mapping, level, held) for level, held in zip((2, 2, 1), mapping.held, strict=True)]
    weights = math.prod(own[0][name] for name in "RSCK")
    width = _input_extent(own[1]["P"], own[1]["R"], layer.stride_w, layer.dilation_w)
    height = _input_extent(own[1]["Q"], own[1]["S"], layer.stride_h, layer.dilation_h)
    inputs = own[1]["N"] * own[1]["C"] * width * height
    outputs = math.prod(own[2][name] for name in "PQKN")
    return Footprint(math.ceil((weights + inputs) / dim), outputs)


def _own_tile(mapping: Mapping, level: int, held: int) -> dict[str, int]:
    """Extents of a tile that covers ``held`` loops outside its level."""
    tile = {name: mapping.tile(name, level) for name in DIMS}
    outside = [loop for loops in mapping.loops[level + 1 :] for loop in reversed(loops)]
    for dim, factor in outside[:held]:
        tile[dim] = min(tile[dim] * factor, mapping.layer.sizes[DIMS.index(dim)])
    return tile


def _gemmini_footprint(mapping: Mapping, dim: int) -> Footprint:
    layer = mapping.layer
    tile = {name: mapping.tile(name) for name in "RSPQCKN"}
    c_blocks, k_blocks = math.ceil(tile["C"] / dim), math.ceil(tile["K"] / dim)
    if layer.is_matmul:
        rows = math.ceil(tile["P"] / dim) * dim
        return Footprint(rows * c_blocks + c_blocks * dim * k_blocks, rows * k_blocks)
    width = tile["P"] * layer.stride_w + (tile["R"] - 1) * layer.dilation_w
    height = tile["Q"] * layer.stride_h + (tile["S"] - 1) * layer.dilation_h
    inputs = c_blocks * tile["N"] * width * height
    weights = k_blocks * tile["S"] * tile["R"] * tile["C"]
    return Footprint(inputs + weights, k_blocks * tile["N"] * tile["P"] * tile["Q"])
