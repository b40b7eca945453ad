"""Compiles a layer and its mapping to the commands of the accelerator: one command a tile, in L3 loop order.

A tile that does not finish its outputs before another tile needs the accumulator spills int32 partial sums to memory
and a later tile refills them. ``partial_sums="drop"`` leaves both out, as the public FPGA measurements did: results
are then wrong, and only timing means anything.
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
from sim.program_memory import PUBLIC_OFFSET_BYTES, Placement, Tensor, place
from sim.program_tiles import Indices, Tiles, input_step, public_run, tiles_of, window
from sim.program_traffic import tile_traffic, traffic

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

    @property
    def memory_bytes(self) -> int:
        """Size of the memory that the program needs."""
        return self.placement.memory_bytes

    def memory_image(
        self, inputs: NDArray[np.int8], weights: NDArray[np.int8], sums: NDArray[np.int32] | None
    ) -> NDArray[np.uint8]:
        """Memory contents [memory_bytes] before the run: inputs [N, H, W, C], weights [S, R, C, K].

        ``sums`` [N, Q, P, K] is what the outputs of a program start from that keeps its sums.
        """
        place = self.placement
        operands: list[tuple[Tensor, NDArray[Any]]] = [(place.inputs, inputs), (place.weights, weights)]
        if sums is not None:
            operands.append((place.sums, sums))
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

    def read_sums(self, memory: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Sums [N, Q, P, K] from the memory contents after the run of a program that keeps them."""
        tensor = self.placement.sums
        return memory[tensor.address : tensor.address + tensor.bytes].view(np.int32).reshape(tensor.shape)

    def expected_traffic(self) -> dict[str, int]:
        """The counters of bytes, words and operations, from the tile commands alone."""
        return traffic(self.fields, self.is_matmul, self.dim)

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
    relu: bool = False,
    keep_sums: bool = False,
) -> Program:
    """The program of ``layer`` under ``mapping`` on ``hardware``. Raises ProgramError naming what is not possible.

    With ``keep_sums`` the outputs are int32: they start from what memory holds (a bias) and are stored as they are.
    """
    if keep_sums and partial_sums == "drop":
        raise ProgramError("sums that are dropped cannot be kept")
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
    placement = place(run, offset, needs_sums=spills or keep_sums)
    shift = default_shift(layer)
    step = input_step(run, drop)
    fields = _fields(run, tiles, placement, step, drop, keep_sums)
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


def _fields(
    layer: Layer, tiles: Tiles, placement: Placement, step: tuple[int, int], drop: bool, keep_sums: bool
) -> dict[str, Indices]:
    """Fields of the tile commands."""
    start, extent = tiles.start, tiles.extent
    rows = window(start["Q"], extent["Q"], start["S"], extent["S"], layer, step[1], vertical=True)
    columns = window(start["P"], extent["P"], start["R"], extent["R"], layer, step[0], vertical=False)
    _, height, width, channels = placement.inputs.shape
    pixel = ((start["N"] * height + rows.first) * width + columns.first) * channels + start["C"]
    tap = ((start["S"] * layer.R + start["R"]) * layer.C + start["C"]) * layer.K + start["K"]
    result = ((start["N"] * layer.Q + start["Q"]) * layer.P + start["P"]) * layer.K + start["K"]
    wide = tiles.leaves & (keep_sums | ~tiles.last_sum) & (not drop)
    sums = placement.sums.address + 4 * result
    flags = {
        "accumulate": ~tiles.first_sum if drop else ~tiles.arrives,
        "refill": tiles.arrives & (keep_sums | ~tiles.first_sum) & (not drop),
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
