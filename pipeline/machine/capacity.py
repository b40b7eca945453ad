"""Capacity: what one tile needs of the memories."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pipeline.hardware import ACCUMULATOR_BYTES, Platform
from pipeline.machine.timeloop.nest import (
    EXACT,
    OUTPUTS,
    WEIGHTS,
    C,
    Dims,
    K,
    N,
    P,
    Q,
    R,
    S,
    Shape,
    by_level,
    product,
    round_up,
    tile_extents,
)
from pipeline.mapping import LayerTensors, MappingTensors

KIB = 1024


def footprint_kib(
    layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"], platform: Platform
) -> tuple[Float[Tensor, "*#b"], Float[Tensor, "*#b"]]:
    """Physical KiB of scratchpad and accumulator that one tile of each mapping needs.

    Equal on integers to ``pipeline.hardware.footprint`` (up to rounding to whole rows on ``timeloop``), and twice
    that on ``rtl``, where two tiles share each memory. Blocks of ``dim`` channels are whole on ``rtl``; the
    gradient there is that of the unrounded quotient.
    """
    shape = Shape.of(layers, mappings)
    extents = tile_extents(by_level(mappings.temporal), *mappings.spatial.unbind(-1))
    tile, inner = _cut(extents[2], shape), _cut(extents[1], shape)
    if platform == "timeloop":
        width, height = shape.windows(tile)
        words = product(tile[WEIGHTS]) + width * height * tile[C] * tile[N]
        return words / KIB, product(inner[OUTPUTS]) * dim * ACCUMULATOR_BYTES / KIB
    scratchpad_rows, accumulator_rows = _rtl_rows(tile, shape, dim)
    row_kib = 2 * dim / KIB
    return scratchpad_rows * row_kib, accumulator_rows * row_kib * ACCUMULATOR_BYTES


def _cut(tile: Dims, shape: Shape) -> Dims:
    """Extents of the largest tile: no more than the layer has."""
    return tuple(size.where(extent > size * (1 + EXACT), extent) for size, extent in zip(shape.size, tile, strict=True))


def _is_matmul(shape: Shape) -> Bool[Tensor, "*b"]:
    """Whether each layer is a plain matrix product (the rule of ``Layer.is_matmul``)."""
    size = shape.size
    alone = (size[R] == 1) & (size[S] == 1) & (size[Q] == 1) & (size[N] == 1)
    return alone & (shape.stride == 1).all(0)


def _rtl_rows(tile: Dims, shape: Shape, dim: Tensor) -> tuple[Tensor, Tensor]:
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
