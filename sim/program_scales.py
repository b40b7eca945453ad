"""The scales of a quantised layer: the table that the accelerator holds, and the commands that load it."""

import numpy as np
from numpy.typing import NDArray

from pipeline.workload import Layer
from sim.commands import FENCE, LOAD, OPERATION_FIELDS, WORDS, pack
from sim.compiler import ProgramError
from sim.program_memory import Tensor
from sim.program_tiles import Indices
from sim.scaling import Quantised

SCALE_CHANNELS = 2048
"""Output channels that can have a scale each (``ScaleChannels`` in rtl/gemmini/gemmini_pkg.sv)."""
LOAD_ROWS = 64
"""Rows that one load brings."""


def scale_table(layer: Layer, quantised: Quantised | None, tile_channels: int, dim: int) -> NDArray[np.uint32]:
    """Scales [n, DIM] of a layer whose tiles have ``tile_channels`` output channels; no rows where it has none."""
    if quantised is None:
        return np.zeros((0, dim), np.uint32)
    channels = len(quantised.scaling.multiplier)
    if channels not in {1, layer.K}:
        raise ProgramError(f"layer {layer}: {channels} scales for {layer.K} output channels")
    table = quantised.scaling.table(tile_channels, dim)
    if len(table) > SCALE_CHANNELS // dim:
        raise ProgramError(
            f"layer {layer}: scales of {layer.K} output channels in tiles of {tile_channels} fill {len(table)} rows,"
            f" the accelerator has {SCALE_CHANNELS // dim}"
        )
    return table


def scale_rows(first_channel: Indices, tile_channels: int, dim: int) -> Indices:
    """Row of the table at which the scales of a tile start, by its first channel."""
    return first_channel // tile_channels * -(-tile_channels // dim)


def load_scales(scales: Tensor, accumulator_rows: int) -> NDArray[np.uint32]:
    """Commands [n, 16] that load the rows of scales, above those of the accumulator, and wait until they are there."""
    rows, dim = scales.shape
    if rows == 0:
        return np.zeros((0, WORDS), np.uint32)
    start = np.arange(0, rows, LOAD_ROWS)
    fields: dict[str, Indices | int] = {
        "opcode": LOAD,
        "operand_acc": 1,
        "operand_row": accumulator_rows + start,
        "rows": np.minimum(LOAD_ROWS, rows - start),
        "cols": dim,
        "wide": 1,
        "stride": 4 * dim,
        "dram": scales.address + 4 * dim * start,
    }
    loads = pack(OPERATION_FIELDS, fields, len(start))
    return np.concatenate([loads, pack(OPERATION_FIELDS, {"opcode": FENCE}, 1)])


def scale_traffic(table: NDArray[np.uint32]) -> dict[str, int]:
    """What loading the table adds to the counters of bytes and words."""
    return {"dram_read_bytes": table.nbytes, "accumulator_write_words": table.size}
