"""Compiles a layer and its mapping to the commands of the accelerator: one command a tile, in L3 loop order.

A tile that does not finish its outputs before another tile needs the accumulator spills int32 partial sums to memory
and a later tile refills them. ``partial_sums="drop"`` leaves both out, as the public FPGA measurements did: results
are then wrong, and only timing means anything.

A layer between quantised tensors starts from a bias, or from sums, in memory, and its first commands load its scales.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.choices import PartialSums
from pipeline.hardware import Hardware
from pipeline.machine.capacity import check_fits
from pipeline.machine.machine import machine_of
from pipeline.machine.system import HOST
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim.commands import CONFIG, CONFIG_FIELDS, LOOP_CONV, LOOP_FIELDS, LOOP_MATMUL, pack
from sim.compiler import ProgramError
from sim.program_memory import PUBLIC_OFFSET_BYTES, Placement, Room, Tensor, place
from sim.program_scales import load_scales, scale_rows, scale_table, scale_traffic
from sim.program_tiles import Indices, Tiles, input_step, public_run, tiles_of, window
from sim.program_traffic import tile_traffic, traffic
from sim.scaling import Quantised

MAX_SHIFT = 31
HOST_CYCLES = {LOOP_CONV: HOST.convolution_tile_cycles, LOOP_MATMUL: HOST.matmul_tile_cycles}


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
    table: NDArray[np.uint32]
    """Scales [n, DIM]; no rows where the layer is shifted only."""
    prologue: int
    """Commands before those of the tiles."""

    @property
    def memory_bytes(self) -> int:
        """Size of the memory that the program needs."""
        return self.placement.memory_bytes

    @property
    def output_address(self) -> int:
        """First byte of the output."""
        return self.placement.outputs.address

    def memory_image(
        self, inputs: NDArray[np.int8], weights: NDArray[np.int8], bias: NDArray[np.int32] | None
    ) -> NDArray[np.uint8]:
        """Memory contents [memory_bytes] before the run: inputs [N, H, W, C], weights [S, R, C, K].

        ``bias`` [K] or [N, Q, P, K] is what the sums of a quantised layer start from.
        """
        place = self.placement
        operands: list[tuple[Tensor, NDArray[Any]]] = [(place.inputs, inputs), (place.weights, weights)]
        if bias is not None:
            operands.append((place.bias if place.bias.bytes else place.sums, bias))
        operands.append((place.scales, self.table.view(np.int32)))
        image = np.zeros(self.memory_bytes, dtype=np.uint8)
        for tensor, values in operands:
            needs = f"int{8 * tensor.itemsize}"
            if values.shape != tensor.shape or values.dtype != np.dtype(needs):
                text = f"the program needs {needs} {tensor.shape}"
                raise ProgramError(f"tensor is {values.dtype} {values.shape}, {text}")
            image[tensor.address : tensor.address + tensor.bytes] = values.reshape(-1).view(np.uint8)
        return image

    def read_output(self, memory: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Output [N, Q, P, K] from the memory contents after the run."""
        tensor = self.placement.outputs
        return memory[tensor.address : tensor.address + tensor.bytes].view(np.int8).reshape(tensor.shape)

    def expected_traffic(self) -> dict[str, int]:
        """The counters of bytes, words and operations, from the commands alone."""
        scales = scale_traffic(self.table)
        tiles = traffic(self.fields, self.is_matmul, self.dim)
        return {name: value + scales.get(name, 0) for name, value in tiles.items()}

    def tile_traffic(self) -> dict[str, Indices]:
        """What each tile adds to the counters of bytes, words and operations."""
        return tile_traffic(self.fields, self.is_matmul, self.dim)

    @cached_property
    def tiles(self) -> int:
        """Number of tile commands."""
        return len(self.fields["ochs"])


def compile_program(
    layer: Layer,
    mapping: Mapping,
    hardware: Hardware,
    *,
    partial_sums: PartialSums = "spill",
    quantised: Quantised | None = None,
    room: Room | None = None,
) -> Program:
    """The program of ``layer`` under ``mapping`` on ``hardware``. Raises ProgramError naming what is not possible.

    Without ``quantised`` its sums start from zero and are scaled by a shift that suits random operands. ``room`` is for
    one of several programs that share a memory.
    """
    if quantised is not None and partial_sums == "drop":
        raise ProgramError("a quantised layer needs its partial sums")
    if mapping.layer != layer:
        raise ProgramError(f"mapping is for layer {mapping.layer}, not {layer}")
    drop = partial_sums == "drop"
    run = public_run(layer) if drop else layer
    try:
        check_fits(mapping, hardware, machine_of(hardware.template.name))
        tiles = tiles_of(run, mapping, hardware.dim, drop)
    except ValueError as error:
        raise ProgramError(str(error)) from error
    offset = PUBLIC_OFFSET_BYTES if drop and not run.is_matmul else 0
    spills = not drop and bool((~tiles.last_sum & tiles.leaves).any())
    tile_channels = int(tiles.extent["K"].max())
    table = scale_table(run, quantised, tile_channels, hardware.dim)
    placement = place(
        run,
        offset,
        room or Room(0),
        needs_sums=spills or (quantised is not None and quantised.each_output),
        needs_bias=quantised is not None and not quantised.each_output,
        scales=table.shape,
    )
    shift = default_shift(layer)
    step = input_step(run, drop)
    fields = _fields(run, tiles, placement, step, quantised, drop)
    if quantised is not None and quantised.scaling.per_channel:
        fields["scale_row"] = scale_rows(tiles.start["K"], tile_channels, hardware.dim)
    opcode = LOOP_MATMUL if run.is_matmul else LOOP_CONV
    try:
        config = pack(CONFIG_FIELDS, _config(run, placement, step) | _results(quantised, shift), 1)
        loops = pack(LOOP_FIELDS, fields | {"opcode": opcode}, tiles.count, HOST_CYCLES[opcode])
    except ValueError as error:
        raise ProgramError(f"layer {layer}: {error}") from error
    start = np.concatenate([config, load_scales(placement.scales, hardware.accumulator_rows)])
    commands = np.ascontiguousarray(np.concatenate([start, loops]))
    return Program(commands, placement, shift, fields, run.is_matmul, hardware.dim, table, len(start))


def default_shift(layer: Layer) -> int:
    """A shift that keeps sums of random int8 products within int8 for the most part.

    A product of two uniform int8 values has a standard deviation of about 74 x 74; sums of n grow with sqrt(n);
    the shift brings one standard deviation to about 40.
    """
    deviation = 74 * 74 * math.sqrt(layer.R * layer.S * layer.C)
    return min(MAX_SHIFT, max(0, round(math.log2(deviation / 40))))


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


def _results(quantised: Quantised | None, shift: int) -> dict[str, int]:
    """How sums become results."""
    if quantised is None:
        return {"shift": shift, "low": -128 & 255, "high": 127}
    scaling = quantised.scaling
    values = {"zero": scaling.zero, "low": scaling.low, "high": scaling.high, "padding": quantised.padding}
    return {"scaled": 1, "channel_scales": int(scaling.per_channel)} | {name: v & 255 for name, v in values.items()}


def _fields(
    layer: Layer, tiles: Tiles, placement: Placement, step: tuple[int, int], quantised: Quantised | None, drop: bool
) -> dict[str, Indices]:
    """Fields of the tile commands."""
    start, extent = tiles.start, tiles.extent
    rows = window(start["Q"], extent["Q"], start["S"], extent["S"], layer, step[1], vertical=True)
    columns = window(start["P"], extent["P"], start["R"], extent["R"], layer, step[0], vertical=False)
    _, height, width, channels = placement.inputs.shape
    pixel = ((start["N"] * height + rows.first) * width + columns.first) * channels + start["C"]
    tap = ((start["S"] * layer.R + start["R"]) * layer.C + start["C"]) * layer.K + start["K"]
    result = ((start["N"] * layer.Q + start["Q"]) * layer.P + start["P"]) * layer.K + start["K"]
    wide = tiles.leaves & ~tiles.last_sum & (not drop)
    sums = placement.sums.address + 4 * result
    # A quantised layer starts from memory where others start from zero.
    begins = tiles.arrives & tiles.first_sum & (quantised is not None)
    broadcast = begins & (quantised is not None and not quantised.each_output)
    refill = begins | (tiles.arrives & ~tiles.first_sum & (not drop))
    flags = {
        "broadcast": broadcast,
        "accumulate": ~tiles.first_sum if drop else ~tiles.arrives,
        "refill": refill,
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
        "bias": np.where(broadcast, placement.bias.address + 4 * start["K"], np.where(refill, sums, 0)),
    }
    return fields | {name: flag.astype(np.int64) for name, flag in flags.items()}
