"""The loads, executes and stores of one tile: what the units in rtl/gemmini/loop_*.sv issue, in their order.

Every function returns the fields of its operations, one array element an operation, with two more: ``address`` in
memory relative to the tile's, and ``base``, which of the tile's addresses that is.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sim.commands import COMPUTE, LOAD, PRELOAD, STORE
from sim.program_tiles import Indices

DMA_BYTES = 64
BASES = ("in", "weights", "bias", "out", "none")
"""Addresses of a tile in memory; operations with base ``none`` have no address."""

Operations = dict[str, Indices]


@dataclass(frozen=True, slots=True)
class Tile:
    """Sizes of a tile, strides of its layer, and the local rows that it may use."""

    loop: dict[str, int]
    config: dict[str, int]
    is_matmul: bool
    dim: int
    input_base: int
    weights_end: int
    result_base: int

    def __getitem__(self, name: str) -> int:
        return self.loop[name] if name in self.loop else self.config[name]

    def blocks(self, name: str) -> int:
        """Blocks of DIM that a size fills."""
        return -(-self.loop[name] // self.dim)

    @property
    def input_plane(self) -> int:
        """Scratchpad rows of one block of input channels (convolution)."""
        return self["batches"] * self["irows"] * self["icols"]

    @property
    def result_plane(self) -> int:
        """Accumulator rows of one block of output channels (convolution)."""
        return self["batches"] * self["orows"] * self["ocols"]

    @property
    def weight_rows(self) -> int:
        """Scratchpad rows of the weights of one block of output channels."""
        if self.is_matmul:
            return self.blocks("kchs") * self.dim
        return self["krows"] * self["kcols"] * self["kchs"]

    @property
    def weights_base(self) -> int:
        """First row of the weights, which end at the end of the half."""
        return self.weights_end - self.weight_rows * self.blocks("ochs")

    def input_row(self, b: Indices, row: Indices, column: Indices, channel: Indices) -> Indices:
        """Scratchpad row of an input pixel."""
        if self.is_matmul:
            return self.input_base + column * self.blocks("kchs") + channel
        pixel = (b * self["irows"] + row) * self["icols"] + column
        return self.input_base + channel // self.dim * self.input_plane + pixel

    def weight_row(self, och: Indices, krow: Indices, kcol: Indices, kch: Indices) -> Indices:
        """Scratchpad row of a weight."""
        if self.is_matmul:
            return self.weights_base + kch * self.blocks("ochs") + och
        tap = (krow * self["kcols"] + kcol) * self["kchs"] + kch
        return self.weights_base + och // self.dim * self.weight_rows + tap

    def result_row(self, b: Indices, orow: Indices, ocol: Indices, och: Indices) -> Indices:
        """Accumulator row of an output pixel."""
        if self.is_matmul:
            return self.result_base + ocol * self.blocks("ochs") + och
        pixel = (b * self["orows"] + orow) * self["ocols"] + ocol
        return self.result_base + och // self.dim * self.result_plane + pixel

    def result_address(
        self, b: Indices, orow: Indices, ocol: Indices, och: Indices, *, wide: bool, broadcast: bool = False
    ) -> Indices:
        """Bytes from the tile's first output, or partial sum or bias, to one of its others."""
        kind, size = ("bias", 4) if wide else ("output", 1)
        batch, row, pixel = (0 if broadcast else self[f"{kind}_{name}"] for name in ("batch", "row", "pixel"))
        return b * batch + orow * row + ocol * pixel + och * size


def fill_results(tile: Tile) -> Operations:
    """Loads that fill the accumulator: zeros, or int32 partial sums or a bias from memory."""
    refill, broadcast = tile["refill"], tile["broadcast"]
    if tile["accumulate"] or (tile.is_matmul and not refill):
        return _operations(0)
    step = max(tile.dim, DMA_BYTES // 4)
    b, orow, ocol, och = _pixels_and_channels(tile, step)
    return _operations(
        b.size,
        opcode=LOAD,
        operand_acc=1,
        operand_row=tile.result_row(b, orow, ocol, och),
        rows=np.minimum(tile.dim, tile["ocols"] - ocol),
        cols=np.minimum(step, tile["ochs"] - och),
        wide=1,
        zeros=1 - refill,
        refill=refill * (1 - broadcast),
        stride=0 if broadcast else tile["bias_pixel"],
        block_stride=tile.dim if tile.is_matmul else tile.result_plane,
        address=refill * tile.result_address(b, orow, ocol, och, wide=True, broadcast=bool(broadcast)),
        base=BASES.index("bias" if refill else "none"),
    )


def load_weights(tile: Tile) -> Operations:
    """Loads of the weights, up to 64 bytes a row."""
    step = max(tile.dim, DMA_BYTES)
    ochs, kchs = np.arange(0, tile["ochs"], step), np.arange(0, tile["kchs"], tile.dim)
    if tile.is_matmul:
        kch, och = _nest(kchs, ochs)
        krow = kcol = np.zeros_like(och)
    else:
        och, krow, kcol, kch = _nest(ochs, np.arange(tile["krows"]), np.arange(tile["kcols"]), kchs)
    steps = (tile["weight_krow"], tile["weight_kcol"], tile["weight_kch"])
    return _operations(
        och.size,
        opcode=LOAD,
        operand_row=tile.weight_row(och, krow, kcol, kch),
        rows=np.minimum(tile.dim, tile["kchs"] - kch),
        cols=np.minimum(step, tile["ochs"] - och),
        stride=tile["weight_kch"],
        block_stride=tile.dim if tile.is_matmul else tile.weight_rows,
        address=krow * steps[0] + kcol * steps[1] + kch * steps[2] + och,
        base=BASES.index("weights"),
    )


def load_inputs(tile: Tile) -> Operations:
    """Loads of the input, up to 64 bytes a row; pixels outside the image are zero loads."""
    step = max(tile.dim, DMA_BYTES)
    channels = np.arange(0, tile["kchs"], step)
    starts, ends = _input_columns(tile)
    if tile.is_matmul:
        ich, part = _nest(channels, np.arange(len(starts)))
        b = irow = outside = np.zeros_like(ich)
        top = left = 0
    else:
        top, left = tile["upad"], tile["lpad"]
        b, irow, part, ich = _nest(
            np.arange(tile["batches"]), np.arange(tile["irows"]), np.arange(len(starts)), channels
        )
        inside_rows = (irow >= top) & (irow < top + tile["irows_real"])
        inside_columns = (starts[part] >= left) & (starts[part] < left + tile["icols_real"])
        outside = 1 - (inside_rows & inside_columns).astype(np.int64)
    icol = starts[part]
    steps = (tile["input_batch"], tile["input_row"], tile["input_pixel"])
    address = b * steps[0] + (irow - top) * steps[1] + (icol - left) * steps[2] + ich
    return _operations(
        ich.size,
        opcode=LOAD,
        operand_row=tile.input_row(b, irow, icol, ich),
        rows=ends[part] - icol,
        cols=np.minimum(step, tile["kchs"] - ich),
        stride=tile["input_pixel"],
        zeros=outside,
        block_stride=tile.dim if tile.is_matmul else tile.input_plane,
        address=np.where(outside, 0, address),
        base=np.where(outside, BASES.index("none"), BASES.index("in")),
    )


def execute(tile: Tile) -> Operations:
    """Pairs of a preload and a compute; the first pair of a block names its weights, the others keep them."""
    dim = tile.dim
    pixels = (np.arange(tile["batches"]), np.arange(tile["orows"]), np.arange(0, tile["ocols"], dim))
    ochs, kchs = np.arange(0, tile["ochs"], dim), np.arange(0, tile["kchs"], dim)
    if tile.is_matmul:
        kch, och, b, orow, ocol = _nest(kchs, ochs, *pixels)
        krow = kcol = np.zeros_like(och)
    else:
        taps = (np.arange(tile["krows"]), np.arange(tile["kcols"]))
        och, krow, kcol, kch, b, orow, ocol = _nest(ochs, *taps, kchs, *pixels)
    fresh = ((b == 0) & (orow == 0) & (ocol == 0)).astype(np.int64)
    rows = np.minimum(dim, tile["ocols"] - ocol)
    reduction = np.minimum(dim, tile["kchs"] - kch)
    starts = tile.is_matmul and not tile["accumulate"] and not tile["refill"]
    irow = orow * tile["stride_h"] + krow * tile["dilation_h"]
    icol = ocol * tile["stride_w"] + kcol * tile["dilation_w"]
    preloads = _operations(
        och.size,
        opcode=PRELOAD,
        operand_garbage=1 - fresh,
        operand_row=tile.weight_row(och, krow, kcol, kch),
        rows=reduction,
        cols=np.minimum(dim, tile["ochs"] - och),
        result_acc=1,
        result_accumulate=(kch != 0) if starts else 1,
        result_row=tile.result_row(b, orow, ocol, och),
        result_rows=rows,
        base=BASES.index("none"),
    )
    computes = _operations(
        och.size,
        opcode=COMPUTE,
        operand_row=tile.input_row(b, irow, icol, kch),
        rows=rows,
        cols=reduction,
        stride=tile["stride_w"],
        flip=fresh,
        base=BASES.index("none"),
    )
    return {name: np.stack([preloads[name], computes[name]], axis=1).reshape(-1) for name in preloads}


def store_results(tile: Tile) -> Operations:
    """Stores of the results, as int8 or as int32 partial sums; a matrix product's int8 rows are up to 64 bytes."""
    if not tile["store"]:
        return _operations(0)
    wide = bool(tile["store_wide"])
    step = max(tile.dim, DMA_BYTES) if tile.is_matmul and not wide else tile.dim
    b, orow, ocol, och = _pixels_and_channels(tile, step)
    return _operations(
        b.size,
        opcode=STORE,
        operand_acc=1,
        operand_row=tile.result_row(b, orow, ocol, och),
        result_row=tile["channel_scales"] * (tile["scale_row"] + och // tile.dim),
        rows=np.minimum(tile.dim, tile["ocols"] - ocol),
        cols=np.minimum(step, tile["ochs"] - och),
        wide=int(wide),
        stride=tile["bias_pixel" if wide else "output_pixel"],
        block_stride=tile.dim,
        address=tile.result_address(b, orow, ocol, och, wide=wide),
        base=BASES.index("out"),
    )


_FIELDS = (
    *("opcode", "flip", "wide", "refill", "zeros", "block_stride", "result_rows", "cols", "rows", "stride"),
    *("result_row", "result_accumulate", "result_acc", "operand_row", "operand_acc", "operand_garbage"),
    *("address", "base"),
)


def _operations(count: int, **fields: Indices | int) -> Operations:
    """``count`` operations; fields that are not given are zero."""
    return {name: np.broadcast_to(np.asarray(fields.get(name, 0), dtype=np.int64), (count,)) for name in _FIELDS}


def _nest(*axes: Indices) -> list[Indices]:
    """Indices of nested loops, outermost first."""
    return [index.reshape(-1) for index in np.meshgrid(*axes, indexing="ij")]


def _pixels_and_channels(tile: Tile, step: int) -> tuple[Indices, Indices, Indices, Indices]:
    """Batch, row, column and channel of blocks of DIM pixels and ``step`` channels."""
    ocols, ochs = np.arange(0, tile["ocols"], tile.dim), np.arange(0, tile["ochs"], step)
    if tile.is_matmul:
        och, ocol = _nest(ochs, ocols)
        return np.zeros_like(och), np.zeros_like(och), ocol, och
    b, orow, ocol, och = _nest(np.arange(tile["batches"]), np.arange(tile["orows"]), ocols, ochs)
    return b, orow, ocol, och


def _input_columns(tile: Tile) -> tuple[Indices, Indices]:
    """Starts and ends of the parts of an input row: it splits where padding starts and ends, and every DIM."""
    if tile.is_matmul:
        edges = [0, tile["ocols"]]
    else:
        left = min(tile["lpad"], tile["icols"])
        edges = [0, left, min(left + tile["icols_real"], tile["icols"]), tile["icols"]]
    parts = [
        (start, min(start + tile.dim, high)) for low, high in pairwise(edges) for start in range(low, high, tile.dim)
    ]
    starts, ends = np.array(parts, dtype=np.int64).reshape(-1, 2).T
    return starts, ends
