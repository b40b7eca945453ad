"""Capacity: what one tile needs of the memories."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pipeline.hardware import ACCUMULATOR_BYTES, Platform
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.model.nest import C, InputTile, K, N, Nest, P, Q, R, S, product

KIB = 1024
_TOLERANCE = 1e-6


def footprint_kib(
    layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*b"], platform: Platform
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Physical KiB of scratchpad and accumulator that one tile of each mapping needs.

    Equal on integers to ``pipeline.hardware.footprint`` (up to rounding to whole rows on ``timeloop``), and twice
    that on ``rtl``, where two tiles share each memory. Blocks of ``dim`` channels are whole on ``rtl``; the
    gradient there is that of the unrounded quotient.
    """
    nest = Nest.of(mappings)
    if platform == "timeloop":
        words = InputTile.of(nest, layers, 2).words + product([nest.extent[2][d] for d in (R, S, C, K)])
        outputs = product([nest.extent[1][d] for d in (P, Q, K, N)])
        return words / KIB, outputs * dim * ACCUMULATOR_BYTES / KIB
    scratchpad_rows, accumulator_rows = _rtl_rows(nest, layers, dim)
    row_kib = 2 * dim / KIB
    return scratchpad_rows * row_kib, accumulator_rows * row_kib * ACCUMULATOR_BYTES


def blocks(extent: Tensor, dim: Tensor) -> Tensor:
    """Blocks of ``dim`` that ``extent`` fills, rounded up; the gradient is that of ``extent / dim``."""
    exact = extent / dim
    return exact + ((exact - _TOLERANCE).ceil() - exact).detach()


def is_matmul(layers: LayerTensors) -> Bool[Tensor, "*b"]:
    """Whether each layer is a plain matrix product (the rule of ``Layer.is_matmul``)."""
    alone = layers.size[..., [R, S, Q, N]].amax(-1) == 1
    return alone & (layers.stride.amax(-1) == 1)


def _rtl_rows(nest: Nest, layers: LayerTensors, dim: Tensor) -> tuple[Tensor, Tensor]:
    tile = [extent.minimum(size) for extent, size in zip(nest.extent[2], layers.size.unbind(-1), strict=True)]
    c_blocks, k_blocks = blocks(tile[C], dim), blocks(tile[K], dim)
    rows = blocks(tile[P], dim) * dim
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
