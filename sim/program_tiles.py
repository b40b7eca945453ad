"""The tiles that a mapping cuts its layer into, in the order in which they run, and the input rows that they load."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.mapping import Mapping
from pipeline.workload import DIMS, Layer

MAX_TILES = 1 << 20
PUBLIC_BLOCK = 16
"""DIM that the host software of the public FPGA runs was built for."""

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Tiles:
    """The tiles of a mapping in the order in which they run, one array element a tile."""

    layer: Layer
    start: dict[str, Indices]
    extent: dict[str, Indices]
    first_sum: NDArray[np.bool_]
    """The first tile of its outputs' reduction."""
    last_sum: NDArray[np.bool_]
    arrives: NDArray[np.bool_]
    """The tile before has other outputs."""
    leaves: NDArray[np.bool_]
    """The tile after has other outputs."""

    @property
    def count(self) -> int:
        """Number of tiles."""
        return len(self.first_sum)


def public_run(layer: Layer) -> Layer:
    """The layer as the public FPGA runs computed it.

    Their convolutions are square (as many output rows as columns), and have one more of each for even filters.
    """
    if layer.is_matmul:
        return layer
    side = layer.P + int(layer.R % 2 == 0)
    return replace(layer, P=side, Q=side)


def tiles_of(layer: Layer, mapping: Mapping, dim: int, drop: bool) -> Tiles:
    """Tiles in the order of the L3 loops; a dimension without a loop there but with more than one tile runs inside.

    Raises ValueError where there are too many.
    """
    sizes = dict(zip(DIMS, layer.sizes, strict=True))
    step = {name: _tile_size(layer, mapping, name, dim, drop) for name in DIMS}
    counts = {name: math.ceil(sizes[name] / step[name]) for name in DIMS}
    written = [name for name, _ in mapping.loops[3]]
    order = written + [name for name in ("C", "R", "S", "K", "P", "Q", "N") if name not in written]
    total = math.prod(counts.values())
    if total > MAX_TILES:
        raise ValueError(f"mapping has {total} tiles, at most {MAX_TILES} are simulated")
    grid = np.indices([counts[name] for name in order]).reshape(len(order), -1)
    index = {name: grid[i].astype(np.int64) for i, name in enumerate(order)}
    start = {name: index[name] * step[name] for name in DIMS}
    extent = {name: np.minimum(step[name], sizes[name] - start[name]) for name in DIMS}
    output = np.ravel_multi_index([index[name] for name in "NQPK"], [counts[name] for name in "NQPK"])
    changes = output[1:] != output[:-1]
    return Tiles(
        layer=layer,
        start=start,
        extent=extent,
        first_sum=np.logical_and.reduce([index[name] == 0 for name in "CRS"]),
        last_sum=np.logical_and.reduce([index[name] == counts[name] - 1 for name in "CRS"]),
        arrives=np.concatenate([[True], changes]),
        leaves=np.concatenate([changes, [True]]),
    )


def _tile_size(layer: Layer, mapping: Mapping, name: str, dim: int, drop: bool) -> int:
    """Extent of a tile; the public matmul runs counted it in blocks of 16 whatever the array, and ran blocks of DIM."""
    size = mapping.tile(name)
    if drop and layer.is_matmul and name in "PKC":
        return max(1, size // PUBLIC_BLOCK) * dim
    return size


@dataclass(frozen=True)
class Window:
    """Input rows (or columns) that tiles load, one element a tile."""

    first: Indices
    """First one inside the image, in the whole input."""
    padding: Indices
    """Zeros before it."""
    real: Indices
    extent: Indices


def window(
    out_start: Indices, outs: Indices, tap_start: Indices, taps: Indices, layer: Layer, step: int, *, vertical: bool
) -> Window:
    """Gemmini loads outputs x stride + dilated taps - 1 rows, also those that a stride above 1 skips at the end.

    With ``step`` above 1 only every such row is loaded, and none is skipped.
    """
    if vertical:
        stride, dilation, size, filter_taps = layer.stride_h, layer.dilation_h, layer.Q, layer.S
    else:
        stride, dilation, size, filter_taps = layer.stride_w, layer.dilation_w, layer.P, layer.R
    if layer.is_matmul or step > 1:
        zeros = np.zeros_like(outs)
        return Window(out_start * stride, zeros, outs, outs)
    origin = out_start * stride + tap_start * dilation - filter_taps // 2
    extent = outs * stride + (taps - 1) * dilation
    low = np.clip(origin, 0, size * stride)
    high = np.clip(origin + extent, 0, size * stride)
    padding = np.minimum(low - origin, extent)
    return Window(np.minimum(low, size * stride - 1), np.maximum(padding, 0), high - low, extent)


def input_step(layer: Layer, drop: bool) -> tuple[int, int]:
    """Every how many columns and rows of the input are loaded.

    A strided 1x1 filter can be run as stride 1 on an input that is read with strides. The public runs did not: tiles
    of such layers took twice as many load commands as they have output rows.
    """
    if drop or (layer.R, layer.S) != (1, 1):
        return 1, 1
    return layer.stride_w, layer.stride_h
