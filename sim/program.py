"""Compiles a layer and its mapping to the commands of the accelerator: one command a tile, in L3 loop order.

A tile that does not finish its outputs before another tile needs the accumulator spills int32 partial sums to memory
and a later tile refills them. ``partial_sums="drop"`` leaves both out, as the public FPGA measurements did: results
are then wrong, and only timing means anything.

Memory layout: input N, H, W, C; weights S, R, C, K; output N, Q, P, K, all int8 with natural strides; partial sums
like the output, int32. Every tensor starts at a multiple of 64 bytes, in public convolution runs 8 bytes further.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.hardware import Hardware, check_fits
from pipeline.mapping import Mapping
from pipeline.workload import DIMS, Layer
from sim.commands import CONFIG, CONFIG_FIELDS, LOOP_CONV, LOOP_FIELDS, LOOP_MATMUL, pack

LINE_BYTES = 64
MAX_TILES = 1 << 20
MAX_SHIFT = 31
HOST_CYCLES = {LOOP_CONV: 250, LOOP_MATMUL: 126}
"""Cycles that the scalar host spends on one tile: its loops, addresses and six or seven commands.

Public FPGA runs of tiny tiles never take less than this a tile, at any array size.
"""
PUBLIC_OFFSET_BYTES = 8
"""Where the tensors of the public convolution runs start within a line.

Gemmini's convolution tests (gemmini-rocc-tests, bareMetalC/conv.c) hold them in plain C arrays, which the compiler
aligns to 8 bytes; its matrix tests align theirs. Rows of 16 bytes or more then take two or more beats, or two requests.
"""
PUBLIC_BLOCK = 16
"""DIM that the host software of the public FPGA runs was built for."""

Indices = NDArray[np.int64]


class ProgramError(ValueError):
    """A mapping cannot become a program; the message names the offender."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor in memory."""

    address: int
    shape: tuple[int, ...]
    itemsize: int

    @property
    def bytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * self.itemsize


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the tensors of a layer lie in memory."""

    inputs: Tensor
    weights: Tensor
    outputs: Tensor
    sums: Tensor
    """int32 partial sums, of size 0 where none are spilled."""

    @property
    def memory_bytes(self) -> int:
        """Size of the memory, whole lines."""
        return _align(self.sums.address + self.sums.bytes)


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


@dataclass(frozen=True)
class Program:
    """Commands of one layer and the layout of its memory."""

    commands: NDArray[np.uint32]
    """Commands [n, 16]."""
    placement: Placement
    shift: int
    """Right shift from int32 sums to int8 outputs."""
    fields: dict[str, Indices]
    """Fields of the tile commands, one element a tile."""
    is_matmul: bool
    dim: int

    @property
    def memory_bytes(self) -> int:
        """Size of the memory that the program needs."""
        return self.placement.memory_bytes

    def memory_image(
        self, inputs: NDArray[np.int8], weights: NDArray[np.int8], bias: NDArray[np.int32] | None
    ) -> NDArray[np.uint8]:
        """Memory contents [memory_bytes] before the run: inputs [N, H, W, C], weights [S, R, C, K]."""
        if bias is not None:
            raise ProgramError("a bias is not supported: outputs start from zero")
        image = np.zeros(self.memory_bytes, dtype=np.uint8)
        for tensor, values in ((self.placement.inputs, inputs), (self.placement.weights, weights)):
            if values.shape != tensor.shape or values.dtype != np.int8:
                raise ProgramError(f"tensor is {values.dtype} {values.shape}, the program needs int8 {tensor.shape}")
            image[tensor.address : tensor.address + tensor.bytes] = values.reshape(-1).view(np.uint8)
        return image

    def read_output(self, memory: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Output [N, Q, P, K] from the memory contents after the run."""
        tensor = self.placement.outputs
        return memory[tensor.address : tensor.address + tensor.bytes].view(np.int8).reshape(tensor.shape)

    def expected_traffic(self) -> dict[str, int]:
        """The counters of bytes, words and operations, from the tile commands alone."""
        return _traffic(self.fields, self.is_matmul, self.dim)

    @cached_property
    def tiles(self) -> int:
        """Number of tile commands."""
        return len(self.fields["ochs"])


def compile_program(
    layer: Layer,
    mapping: Mapping,
    hardware: Hardware,
    *,
    partial_sums: Literal["spill", "drop"] = "spill",
    relu: bool = False,
) -> Program:
    """The program of ``layer`` under ``mapping`` on ``hardware``. Raises ProgramError naming what is not possible."""
    try:
        check_fits(mapping, hardware)
    except ValueError as error:
        raise ProgramError(str(error)) from error
    if mapping.layer != layer:
        raise ProgramError(f"mapping is for layer {mapping.layer}, not {layer}")
    drop = partial_sums == "drop"
    run = _public_run(layer) if drop else layer
    tiles = _tiles(run, mapping, hardware.dim, drop)
    offset = PUBLIC_OFFSET_BYTES if drop and not run.is_matmul else 0
    placement = _place(run, offset, needs_sums=not drop and bool((~tiles.last_sum & tiles.leaves).any()))
    shift = default_shift(layer)
    step = _input_step(run, drop)
    fields = _fields(run, tiles, placement, step, drop)
    opcode = LOOP_MATMUL if run.is_matmul else LOOP_CONV
    try:
        config = pack(CONFIG_FIELDS, _config(run, placement, step) | {"shift": shift, "relu": int(relu)}, 1)
        loops = pack(LOOP_FIELDS, fields | {"opcode": opcode}, tiles.count, HOST_CYCLES[opcode])
    except ValueError as error:
        raise ProgramError(f"layer {layer}: {error}") from error
    commands = np.ascontiguousarray(np.concatenate([config, loops]))
    return Program(commands, placement, shift, fields, run.is_matmul, hardware.dim)


def default_shift(layer: Layer) -> int:
    """A shift that keeps sums of random int8 products within int8 for the most part.

    A product of two uniform int8 values has a standard deviation of about 74 x 74; sums of n grow with sqrt(n);
    the shift brings one standard deviation to about 40.
    """
    deviation = 74 * 74 * math.sqrt(layer.R * layer.S * layer.C)
    return min(MAX_SHIFT, max(0, round(math.log2(deviation / 40))))


def _public_run(layer: Layer) -> Layer:
    """The layer as the public FPGA runs computed it.

    Their convolutions are square (as many output rows as columns), and have one more of each for even filters.
    """
    if layer.is_matmul:
        return layer
    side = layer.P + int(layer.R % 2 == 0)
    return replace(layer, P=side, Q=side)


def _tile_size(layer: Layer, mapping: Mapping, name: str, dim: int, drop: bool) -> int:
    """Extent of a tile; the public matmul runs counted it in blocks of 16 whatever the array, and ran blocks of DIM."""
    size = mapping.tile(name)
    if drop and layer.is_matmul and name in "PKC":
        return max(1, size // PUBLIC_BLOCK) * dim
    return size


def _tiles(layer: Layer, mapping: Mapping, dim: int, drop: bool) -> Tiles:
    """Tiles in the order of the L3 loops; a dimension without a loop there but with more than one tile runs inside."""
    sizes = dict(zip(DIMS, layer.sizes, strict=True))
    step = {name: _tile_size(layer, mapping, name, dim, drop) for name in DIMS}
    counts = {name: math.ceil(sizes[name] / step[name]) for name in DIMS}
    written = [name for name, _ in mapping.loops[3]]
    order = written + [name for name in ("C", "R", "S", "K", "P", "Q", "N") if name not in written]
    total = math.prod(counts.values())
    if total > MAX_TILES:
        raise ProgramError(f"mapping has {total} tiles, at most {MAX_TILES} are simulated")
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


def _align(address: int) -> int:
    return -(-address // LINE_BYTES) * LINE_BYTES


def _place(layer: Layer, offset: int, needs_sums: bool) -> Placement:
    height, width = layer.Q * layer.stride_h, layer.P * layer.stride_w
    outputs = (layer.N, layer.Q, layer.P, layer.K)
    tensors = []
    address = offset
    for shape, itemsize in (
        ((layer.N, height, width, layer.C), 1),
        ((layer.S, layer.R, layer.C, layer.K), 1),
        (outputs, 1),
        (outputs if needs_sums else (0,), 4),
    ):
        tensor = Tensor(address, shape, itemsize)
        tensors.append(tensor)
        address = offset + _align(address - offset + tensor.bytes)
    return Placement(*tensors)


def _input_step(layer: Layer, drop: bool) -> tuple[int, int]:
    """Every how many columns and rows of the input are loaded.

    A strided 1x1 filter can be run as stride 1 on an input that is read with strides. The public runs did not: tiles
    of such layers took twice as many load commands as they have output rows.
    """
    if drop or (layer.R, layer.S) != (1, 1):
        return 1, 1
    return layer.stride_w, layer.stride_h


def _config(layer: Layer, placement: Placement, step: tuple[int, int]) -> dict[str, int]:
    """Strides in bytes of the layer's tensors."""
    _, height, width, channels = placement.inputs.shape
    step_w, step_h = step
    return {
        "opcode": CONFIG,
        "stride_w": layer.stride_w // step_w,
        "stride_h": layer.stride_h // step_h,
        "dilation_w": layer.dilation_w,
        "dilation_h": layer.dilation_h,
        "input_pixel": channels * step_w,
        "input_row": width * channels * step_h,
        "input_batch": height * width * channels,
        "weight_kch": layer.K,
        "weight_kcol": layer.C * layer.K,
        "weight_krow": layer.R * layer.C * layer.K,
        "output_pixel": layer.K,
        "output_row": layer.P * layer.K,
        "output_batch": layer.Q * layer.P * layer.K,
        "bias_pixel": 4 * layer.K,
        "bias_row": 4 * layer.P * layer.K,
        "bias_batch": 4 * layer.Q * layer.P * layer.K,
    }


def _fields(layer: Layer, tiles: Tiles, placement: Placement, step: tuple[int, int], drop: bool) -> dict[str, Indices]:
    """Fields of the tile commands."""
    start, extent = tiles.start, tiles.extent
    rows = _window(start["Q"], extent["Q"], start["S"], extent["S"], layer, step[1], vertical=True)
    columns = _window(start["P"], extent["P"], start["R"], extent["R"], layer, step[0], vertical=False)
    _, height, width, channels = placement.inputs.shape
    pixel = ((start["N"] * height + rows.first) * width + columns.first) * channels + start["C"]
    tap = ((start["S"] * layer.R + start["R"]) * layer.C + start["C"]) * layer.K + start["K"]
    result = ((start["N"] * layer.Q + start["Q"]) * layer.P + start["P"]) * layer.K + start["K"]
    wide = tiles.leaves & ~tiles.last_sum & (not drop)
    sums = placement.sums.address + 4 * result
    flags = {
        "accumulate": ~tiles.first_sum if drop else ~tiles.arrives,
        "refill": tiles.arrives & ~tiles.first_sum & (not drop),
        "store": tiles.last_sum if drop else tiles.leaves,
        "store_wide": wide,
    }
    fields = {
        "batches": extent["N"],
        "orows": extent["Q"],
        "ocols": extent["P"],
        "ochs": extent["K"],
        "krows": extent["S"],
        "kcols": extent["R"],
        "kchs": extent["C"],
        "upad": rows.padding,
        "lpad": columns.padding,
        "irows": rows.extent,
        "icols": columns.extent,
        "irows_real": rows.real,
        "icols_real": columns.real,
        "in": placement.inputs.address + pixel,
        "weights": placement.weights.address + tap,
        "out": np.where(wide, sums, placement.outputs.address + result),
        "bias": np.where(flags["refill"], sums, 0),
    }
    return fields | {name: flag.astype(np.int64) for name, flag in flags.items()}


@dataclass(frozen=True)
class _Window:
    """Input rows (or columns) that tiles load, one element a tile."""

    first: Indices
    """First one inside the image, in the whole input."""
    padding: Indices
    """Zeros before it."""
    real: Indices
    extent: Indices


def _window(
    out_start: Indices, outs: Indices, tap_start: Indices, taps: Indices, layer: Layer, step: int, *, vertical: bool
) -> _Window:
    """Gemmini loads outputs x stride + dilated taps - 1 rows, also those that a stride above 1 skips at the end.

    With ``step`` above 1 only every such row is loaded, and none is skipped.
    """
    if vertical:
        stride, dilation, size, filter_taps = layer.stride_h, layer.dilation_h, layer.Q, layer.S
    else:
        stride, dilation, size, filter_taps = layer.stride_w, layer.dilation_w, layer.P, layer.R
    if layer.is_matmul or step > 1:
        zeros = np.zeros_like(outs)
        return _Window(out_start * stride, zeros, outs, outs)
    origin = out_start * stride + tap_start * dilation - filter_taps // 2
    extent = outs * stride + (taps - 1) * dilation
    low = np.clip(origin, 0, size * stride)
    high = np.clip(origin + extent, 0, size * stride)
    padding = np.minimum(low - origin, extent)
    return _Window(np.minimum(low, size * stride - 1), np.maximum(padding, 0), high - low, extent)


def _traffic(fields: dict[str, Indices], is_matmul: bool, dim: int) -> dict[str, int]:
    pixels = fields["batches"] * fields["orows"] * fields["ocols"]
    outputs = pixels * fields["ochs"]
    taps = fields["krows"] * fields["kcols"]
    channels = fields["kchs"]
    weights = taps * channels * fields["ochs"]
    loaded = fields["batches"] * fields["irows"] * fields["icols"] * channels
    real = fields["batches"] * fields["irows_real"] * fields["icols_real"] * channels
    if is_matmul:
        loaded = real = fields["ocols"] * channels
    k_blocks, c_blocks = -(-fields["ochs"] // dim), -(-channels // dim)
    passes = taps * c_blocks
    starts = 1 - fields["accumulate"]
    overwrites = starts * (1 - fields["refill"]) if is_matmul else 0 * starts
    fills = starts * fields["refill"] if is_matmul else starts
    stored = outputs * fields["store"]
    return {
        "dram_read_bytes": int((real + weights + 4 * outputs * fields["refill"]).sum()),
        "dram_write_bytes": int((stored * (1 + 3 * fields["store_wide"])).sum()),
        "scratchpad_read_words": int((pixels * taps * channels * k_blocks + weights).sum()),
        "scratchpad_write_words": int((loaded + weights).sum()),
        "accumulator_read_words": int((outputs * (passes - overwrites) + stored).sum()),
        "accumulator_write_words": int((outputs * (passes + fills)).sum()),
        "weight_write_words": int(weights.sum()),
        "macs": int((outputs * taps * channels).sum()),
    }
