"""Programs of ``output_stationary``: the registers of each tile that differ from those of the tile before it.

Tensors lie in memory in blocks of DIM channels, so that every run of a copy is whole scratchpad rows: inputs
[N, C blocks, H, W, DIM], weights [K blocks, S, R, C, DIM], outputs [N, K blocks, Q, P, DIM]; channels that fill up a
block are zero. P or Q lies down the rows of the array, whichever leaves fewer of them empty. The reduction loops of
DRAM run inside all others, because sums stay in the array until they are complete.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.workload import DIMS, Layer
from sim.commands import pack
from sim.program import default_shift

Indices = NDArray[np.int64]
Count = TypeVar("Count", int, Indices)

MAX_TILES = 1 << 20
MAX_COMMANDS = 1 << 22
HOST_CYCLES = 8
"""Cycles from one register write to the next: a small in-order core that computes a value and stores it."""

CONTROL, TILE = 0x0, 0x100
"""Addresses of registers."""
SEND, LAST = 1, 2
"""Bits of CONTROL."""

LINE_BYTES = 64
COPY_FIELDS = {
    "address": 32,
    "run": 24,
    "unused_run": 8,
    "count0": 16,
    "count1": 16,
    "count2": 16,
    "unused_count": 16,
    "step0": 32,
    "step1": 32,
    "step2": 32,
}
"""Width in bits of each field of ``copy_t``, lowest first."""

WORK_FIELDS = {
    **{f"count{level}": 16 for level in range(7)},
    "unused_count": 16,
    **{f"{axis}_{name}": 8 for name in ("dilation", "stride") for axis in ("pixel", "line")},
    **{f"{axis}_{name}": 16 for name in ("pad", "size") for axis in ("pixel", "line")},
    **dict.fromkeys(("origin", "pixel_tap", "pixel", "line_tap", "line", "chans", "batch", "weights"), 24),
    **dict.fromkeys(("out", "out_pixel", "out_line", "out_ochs", "out_batch"), 32),
    **dict.fromkeys(("last_pixels", "last_chans", "last_ochs"), 6),
    **{"shift": 5, "relu": 1, "first": 1, "last": 1, "unused_flags": 6},
}
"""The same of ``work_t``."""

FIELDS = {f"{part}.{name}": width for part, fields in (
    ("inputs", COPY_FIELDS), ("filter", COPY_FIELDS), ("work", WORK_FIELDS)
) for name, width in fields.items()}  # fmt: skip
"""The same of ``tile_t``."""

WORDS = sum(FIELDS.values()) // 32


@dataclass(frozen=True)
class Program:
    """Register writes of one layer and the layout of its memory."""

    layer: Layer
    dim: int
    commands: NDArray[np.uint32]
    """Commands [n, 16]: address, value, and the host's cycles."""
    shift: int

    @property
    def addresses(self) -> tuple[int, int, int, int]:
        """Where inputs, weights and outputs start, and the end."""
        layer, dim = self.layer, self.dim
        sizes = (
            layer.N * _blocks(layer.C, dim) * layer.Q * layer.stride_h * layer.P * layer.stride_w * dim,
            _blocks(layer.K, dim) * layer.S * layer.R * layer.C * dim,
            layer.N * _blocks(layer.K, dim) * layer.Q * layer.P * dim,
        )
        starts = [0]
        for size in sizes:
            starts.append(starts[-1] + -(-size // LINE_BYTES) * LINE_BYTES)
        return starts[0], starts[1], starts[2], starts[3]

    @property
    def memory_bytes(self) -> int:
        """Size of the memory that the program needs."""
        return self.addresses[3]

    def memory_image(
        self, inputs: NDArray[np.int8], weights: NDArray[np.int8], bias: NDArray[np.int32] | None
    ) -> NDArray[np.uint8]:
        """Memory contents [memory_bytes] before the run: inputs [N, H, W, C], weights [S, R, C, K]."""
        if bias is not None:
            raise ValueError("a bias is not supported: outputs start from zero")
        image = np.zeros(self.memory_bytes, dtype=np.uint8)
        blocked = (np.moveaxis(_in_blocks(inputs, self.dim), 3, 1), np.moveaxis(_in_blocks(weights, self.dim), 3, 0))
        for address, values in zip(self.addresses, blocked, strict=False):
            image[address : address + values.size] = values.reshape(-1).view(np.uint8)
        return image

    def read_output(self, memory: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Output [N, Q, P, K] from the memory contents after the run."""
        layer, dim = self.layer, self.dim
        shape = (layer.N, _blocks(layer.K, dim), layer.Q, layer.P, dim)
        start = self.addresses[2]
        blocked = memory[start : start + math.prod(shape)].view(np.int8).reshape(shape)
        return np.moveaxis(blocked, 1, 3).reshape(*shape[:1], *shape[2:4], -1)[..., : layer.K]


@dataclass(frozen=True)
class _Axis:
    """One axis of the output with the filter's and the input's, one array element a tile."""

    outs: Indices
    taps: Indices
    stride: int
    """Between the loaded pixels of one output and the next."""
    dilation: int
    first: Indices
    """First loaded one inside the input."""
    pad: Indices
    """Zeros before it."""
    size: Indices
    """Loaded ones."""
    step: int
    """Every how many are loaded."""


def compile_program(layer: Layer, mapping: Mapping, hardware: Hardware, *, partial_sums: str = "spill") -> Program:
    """The program of ``layer`` under ``mapping`` on ``hardware``. Raises ValueError naming what is not possible."""
    if partial_sums != "spill":
        raise ValueError("output_stationary has no partial sums in memory that could be dropped")
    if not mapping.layer == layer:
        raise ValueError(f"mapping is for layer {mapping.layer}, not {layer}")
    dim = hardware.dim
    shift = default_shift(layer)
    program = Program(layer, dim, np.zeros((0, 16), dtype=np.uint32), shift)
    if program.memory_bytes >= 1 << 32:
        raise ValueError(f"layer {layer} needs {program.memory_bytes} bytes of memory, at most 4 GiB are addressed")
    start, extent, first, last = _tiles(layer, mapping, dim)
    fields = _fields(program, start, extent, first, last)
    _check_fits(fields, layer, hardware, is_split=not bool((first & last).all()))
    try:
        words = pack(FIELDS, fields, len(first), length=WORDS)
    except ValueError as error:
        raise ValueError(f"layer {layer}: {error}") from error
    return Program(layer, dim, _commands(words), shift)


def _tiles(
    layer: Layer, mapping: Mapping, dim: int
) -> tuple[dict[str, Indices], dict[str, Indices], NDArray[np.bool_], NDArray[np.bool_]]:
    """Start and extent of every tile in the order in which they run, and whether its sums begin and are complete.

    Channels of a tile are whole blocks of DIM: a block takes the same room and time however full it is.
    """
    sizes = dict(zip(DIMS, layer.sizes, strict=True))
    step = {name: mapping.tile(name) for name in DIMS}
    step |= {name: min(sizes[name], _blocks(step[name], dim) * dim) for name in "CK"}
    counts = {name: math.ceil(sizes[name] / step[name]) for name in DIMS}
    written = [name for name, _ in mapping.loops[-1]] + list("KPQNCRS")
    order = list(dict.fromkeys([name for name in written if name in "KPQN"] + [n for n in written if n in "CRS"]))
    total = math.prod(counts.values())
    if total > MAX_TILES:
        raise ValueError(f"mapping has {total} tiles, at most {MAX_TILES} are simulated")
    grid = np.indices([counts[name] for name in order]).reshape(len(order), -1)
    index = {name: grid[i].astype(np.int64) for i, name in enumerate(order)}
    start = {name: index[name] * step[name] for name in DIMS}
    extent = {name: np.minimum(step[name], sizes[name] - start[name]) for name in DIMS}
    first = np.logical_and.reduce([index[name] == 0 for name in "CRS"])
    last = np.logical_and.reduce([index[name] == counts[name] - 1 for name in "CRS"])
    return start, extent, first, last


def _axis(start: dict[str, Indices], extent: dict[str, Indices], layer: Layer, out: str) -> _Axis:
    """Columns (P with R) or rows (Q with S). Rows that a strided filter of one row skips are not loaded."""
    if out == "P":
        tap, size, taps, stride, dilation = "R", layer.P, layer.R, layer.stride_w, layer.dilation_w
    else:
        tap, size, taps, stride, dilation = "S", layer.Q, layer.S, layer.stride_h, layer.dilation_h
    step = stride if out == "Q" and taps == 1 else 1
    origin = start[out] * stride + start[tap] * dilation - taps // 2
    needed = (extent[out] - 1) * stride + (extent[tap] - 1) * dilation + 1
    low, high = (np.clip(edge, 0, size * stride) for edge in (origin, origin + needed))
    inside = -(-(high - low) // step)
    return _Axis(
        outs=extent[out],
        taps=extent[tap],
        stride=stride // step,
        dilation=dilation,
        first=np.minimum(low, size * stride - 1),
        pad=np.where(inside > 0, low - origin, 0),
        size=inside,
        step=step,
    )


def _fields(
    program: Program,
    start: dict[str, Indices],
    extent: dict[str, Indices],
    first: NDArray[np.bool_],
    last: NDArray[np.bool_],
) -> dict[str, Indices]:
    """The fields of every tile."""
    layer, dim = program.layer, program.dim
    columns, rows = (_axis(start, extent, layer, out) for out in "PQ")
    width, height = int(extent["P"][0]), int(extent["Q"][0])
    is_wide = _blocks(width, dim) * height <= _blocks(height, dim) * width
    pixels, lines = (columns, rows) if is_wide else (rows, columns)
    # Scratchpad rows from column to column and from row to row of the window.
    pitch = (1, columns.size) if is_wide else (columns.size, 1)
    plane = rows.size * columns.size
    c_blocks, k_blocks = _blocks(extent["C"], dim), _blocks(extent["K"], dim)
    _, _, out_start, _ = program.addresses
    out_steps = (dim, layer.P * dim) if is_wide else (layer.P * dim, dim)
    out_ochs = layer.Q * layer.P * dim
    all_k = _blocks(layer.K, dim)
    out = start["N"] * all_k * out_ochs + start["K"] // dim * out_ochs + (start["Q"] * layer.P + start["P"]) * dim
    pixel_blocks = _blocks(pixels.outs, dim)
    work: dict[str, Indices | int] = {
        "count0": c_blocks,
        "count1": pixels.taps,
        "count2": lines.taps,
        "count3": pixel_blocks,
        "count4": lines.outs,
        "count5": k_blocks,
        "count6": extent["N"],
        "pixel_dilation": pixels.dilation,
        "line_dilation": lines.dilation,
        "pixel_stride": pixels.stride,
        "line_stride": lines.stride,
        "pixel_pad": pixels.pad,
        "line_pad": lines.pad,
        "pixel_size": pixels.size,
        "line_size": lines.size,
        "origin": -(pixels.pad * pitch[0] + lines.pad * pitch[1]) % (1 << 24),
        "pixel_tap": pixels.dilation * pitch[0],
        "pixel": pixels.stride * pitch[0],
        "line_tap": lines.dilation * pitch[1],
        "line": lines.stride * pitch[1],
        "chans": plane,
        "batch": c_blocks * plane,
        "weights": extent["N"] * c_blocks * plane,
        "out": out_start + out,
        "out_pixel": out_steps[0],
        "out_line": out_steps[1],
        "out_ochs": out_ochs,
        "out_batch": all_k * out_ochs,
        "last_pixels": pixels.outs - (pixel_blocks - 1) * dim,
        "last_chans": extent["C"] - (c_blocks - 1) * dim,
        "last_ochs": extent["K"] - (k_blocks - 1) * dim,
        "shift": program.shift,
        "first": first.astype(np.int64),
        "last": last.astype(np.int64),
    }
    parts = {
        "inputs": _input_copy(program, start, extent, rows, columns),
        "filter": _filter_copy(program, start, extent, is_wide),
        "work": work,
    }
    shape = first.shape
    return {
        f"{part}.{name}": np.broadcast_to(np.asarray(value, dtype=np.int64), shape)
        for part, fields in parts.items()
        for name, value in fields.items()
    }


def _input_copy(
    program: Program, start: dict[str, Indices], extent: dict[str, Indices], rows: _Axis, columns: _Axis
) -> dict[str, Indices | int]:
    """Runs of input columns; whole rows without gaps are one run."""
    layer, dim = program.layer, program.dim
    width, height = layer.P * layer.stride_w, layer.Q * layer.stride_h
    plane = height * width * dim
    joined = (columns.size == width) & (rows.step == 1)
    block = start["N"] * _blocks(layer.C, dim) + start["C"] // dim
    return {
        "address": program.addresses[0] + block * plane + (rows.first * width + columns.first) * dim,
        "run": np.where(joined, columns.size * rows.size, np.where(rows.size > 0, columns.size, 0)),
        "count0": np.where(joined, 1, np.maximum(rows.size, 1)),
        "count1": _blocks(extent["C"], dim),
        "count2": extent["N"],
        "step0": rows.step * width * dim,
        "step1": plane,
        "step2": _blocks(layer.C, dim) * plane,
    }


def _filter_copy(
    program: Program, start: dict[str, Indices], extent: dict[str, Indices], is_wide: bool
) -> dict[str, Indices | int]:
    """Runs of input channels in the order in which the taps are used; taps without gaps are one run."""
    layer, dim = program.layer, program.dim
    tap, row = layer.C * dim, layer.R * layer.C * dim
    block = layer.S * row
    joined = (extent["C"] == layer.C) & is_wide
    inner, outer = (extent["R"], extent["S"]) if is_wide else (extent["S"], extent["R"])
    steps = (tap, row) if is_wide else (row, tap)
    address = start["K"] // dim * block + start["S"] * row + start["R"] * tap + start["C"] * dim
    return {
        "address": program.addresses[1] + address,
        "run": np.where(joined, extent["R"] * layer.C, extent["C"]),
        "count0": np.where(joined, 1, inner),
        "count1": outer,
        "count2": _blocks(extent["K"], dim),
        "step0": steps[0],
        "step1": steps[1],
        "step2": block,
    }


def _check_fits(fields: dict[str, Indices], layer: Layer, hardware: Hardware, *, is_split: bool) -> None:
    """Half of the scratchpad holds a tile; the array holds the sums of a tile that does not complete them."""
    copied = [fields[f"filter.{name}"] for name in ("run", "count0", "count1", "count2")]
    rows = int((fields["work.weights"] + np.prod(copied, axis=0)).max())
    limit = hardware.scratchpad_rows // 2
    if rows > limit:
        raise ValueError(f"mapping needs {rows} scratchpad rows a tile, {hardware.id} has {limit}")
    blocks = int(np.prod([fields[f"work.count{level}"] for level in range(3, 7)], axis=0).max())
    sums = hardware.accumulator_rows // hardware.dim
    if is_split and blocks > sums:
        raise ValueError(
            f"mapping splits the reduction of {layer} over tiles of {blocks} output blocks, {hardware.id} keeps {sums}"
        )


def _commands(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Register writes [n, 16] of all tiles."""
    before = np.concatenate([np.zeros((1, WORDS), dtype=np.uint32), words[:-1]])
    tile, word = np.nonzero(words != before)
    count = len(tile) + len(words)
    if count > MAX_COMMANDS:
        raise ValueError(f"mapping has {count} register writes, at most {MAX_COMMANDS} are simulated")
    sends = np.arange(len(words))
    order = np.argsort(np.concatenate([tile, sends + 0.5]), kind="stable")
    control = np.full(len(words), SEND, dtype=np.uint32)
    control[-1] |= LAST
    commands = np.zeros((count, 16), dtype=np.uint32)
    commands[:, 0] = np.concatenate([TILE + 4 * word, np.full(len(words), CONTROL)])[order]
    commands[:, 1] = np.concatenate([words[tile, word], control])[order]
    commands[:-1, 15] = HOST_CYCLES << 16
    return commands


def _in_blocks(values: NDArray[np.int8], dim: int) -> NDArray[np.int8]:
    """The last axis as [blocks, DIM], filled up with zeros."""
    channels = values.shape[-1]
    blocks = _blocks(channels, dim)
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, blocks * dim - channels)])
    return padded.reshape(*values.shape[:-1], blocks, dim)


def _blocks(size: Count, dim: int) -> Count:
    """Blocks of ``dim`` that hold ``size``, of a number or an array of them."""
    return -(-size // dim)
