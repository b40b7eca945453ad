"""Footprints of one mapping by integer rules: the oracle of the machines' footprints."""

import math
from dataclasses import dataclass

from pipeline.mapping import Mapping


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
    tile = {name: mapping.tile(name) for name in "RSPQCKN"}
    weights = tile["R"] * tile["S"] * tile["C"] * tile["K"]
    width = _input_extent(tile["P"], tile["R"], layer.stride_w, layer.dilation_w)
    height = _input_extent(tile["Q"], tile["S"], layer.stride_h, layer.dilation_h)
    inputs = tile["N"] * tile["C"] * width * height
    outputs = math.prod(mapping.tile(name, level=1) for name in "PQKN")
    return Footprint(math.ceil((weights + inputs) / dim), outputs)


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
