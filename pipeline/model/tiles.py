"""Capacity: what one tile needs of the memories."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pipeline.hardware import ACCUMULATOR_BYTES, Platform
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.model.nest import (
    EXACT,
    OUTPUTS,
    WEIGHTS,
    C,
    K,
    N,
    P,
    Q,
    R,
    S,
    dims_first,
    product,
    round_up,
    tile_extents,
)
from pipeline.model.reuse import windows

KIB = 1024


def footprint_kib(
    layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*b"], platform: Platform
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Physical KiB of scratchpad and accumulator that one tile of each mapping needs.

    Equal on integers to ``pipeline.hardware.footprint`` (up to rounding to whole rows on ``timeloop``), and twice
    that on ``rtl``, where two tiles share each memory. Blocks of ``dim`` channels are whole on ``rtl``; the
    gradient there is that of the unrounded quotient.
    """
    tile, inner = largest_tile(layers, mappings, 2), largest_tile(layers, mappings, 1)
    if platform == "timeloop":
        width, height = windows(tile, layers)
        words = product(tile[WEIGHTS]) + width * height * tile[C] * tile[N]
        return words / KIB, product(inner[OUTPUTS]) * dim * ACCUMULATOR_BYTES / KIB
    scratchpad_rows, accumulator_rows = _rtl_rows(tile, layers, dim)
    row_kib = 2 * dim / KIB
    return scratchpad_rows * row_kib, accumulator_rows * row_kib * ACCUMULATOR_BYTES


def largest_tile(layers: LayerTensors, mappings: MappingTensors, level: int) -> Float[Tensor, "dims=7 *b"]:
    """Extents of the largest tile of a level (the last one of a ragged mapping is smaller)."""
    size = dims_first(layers.size, mappings.spatial.dim() - 1)
    tile = tile_extents(mappings)[level]
    return size.where(tile > size * (1 + EXACT), tile)


def is_matmul(layers: LayerTensors) -> Bool[Tensor, "*b"]:
    """Whether each layer is a plain matrix product (the rule of ``Layer.is_matmul``)."""
    size = dims_first(layers.size)
    alone = (size[R] == 1) & (size[S] == 1) & (size[Q] == 1) & (size[N] == 1)
    return alone & (layers.stride.amax(-1) == 1)


def _rtl_rows(tile: Tensor, layers: LayerTensors, dim: Tensor) -> tuple[Tensor, Tensor]:
    c_blocks, k_blocks = round_up(tile[C] / dim), round_up(tile[K] / dim)
    rows = round_up(tile[P], dim)
    width = tile[P] * layers.stride[..., 0] + (tile[R] - 1) * layers.dilation[..., 0]
    height = tile[Q] * layers.stride[..., 1] + (tile[S] - 1) * layers.dilation[..., 1]
    matmul = is_matmul(layers)
    scratchpad = torch.where(
        matmul,
        rows * c_blocks + c_blocks * dim * k_blocks,
        c_blocks * tile[N] * width * height + k_blocks * tile[S] * tile[R] * tile[C],
    )
    outputs = torch.where(matmul, rows, tile[N] * tile[P] * tile[Q])
    return scratchpad, outputs * k_blocks
