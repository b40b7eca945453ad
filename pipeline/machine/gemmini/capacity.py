"""Capacity on Gemmini: rows that one tile fills in the memories, two tiles sharing each."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pipeline.hardware import ACCUMULATOR, SCRATCHPAD
from pipeline.machine.timeloop.nest import Dims, Shape, by_level, cut, round_up, tile_extents
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import C, K, N, P, Q, R, S

KIB = 1024


def footprint_kib(
    layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"]
) -> dict[str, Float[Tensor, "*#b"]]:
    """Physical KiB that the tiles of each mapping need.

    Blocks of ``dim`` channels are whole; the gradient is that of the unrounded quotient.
    """
    shape = Shape.of(layers, mappings)
    extents = tile_extents(by_level(mappings.temporal), *mappings.spatial.unbind(-1))
    scratchpad_rows, accumulator_rows = _rows(cut(extents[2], shape), shape, dim)
    row_kib = 2 * dim / KIB
    return {
        SCRATCHPAD.size: scratchpad_rows * row_kib,
        ACCUMULATOR.size: accumulator_rows * row_kib * ACCUMULATOR.word_bytes,
    }


def _is_matmul(shape: Shape) -> Bool[Tensor, "*b"]:
    """Whether each layer is a plain matrix product (the rule of ``Layer.is_matmul``)."""
    size = shape.size
    alone = (size[R] == 1) & (size[S] == 1) & (size[Q] == 1) & (size[N] == 1)
    return alone & (shape.stride == 1).all(0)


def _rows(tile: Dims, shape: Shape, dim: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of scratchpad and accumulator that a tile fills; blocks of ``dim`` channels are whole."""
    c_blocks, k_blocks = round_up(tile[C] / dim), round_up(tile[K] / dim)
    rows = round_up(tile[P], dim)
    width, height = shape.windows(tile) + shape.stride - 1
    matmul = _is_matmul(shape)
    scratchpad = torch.where(
        matmul,
        rows * c_blocks + c_blocks * dim * k_blocks,
        c_blocks * tile[N] * width * height + k_blocks * tile[S] * tile[R] * tile[C],
    )
    outputs = torch.where(matmul, rows, tile[N] * tile[P] * tile[Q])
    return scratchpad, outputs * k_blocks
