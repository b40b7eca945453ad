"""What tile commands move and compute: the counters of bytes, words and operations, from the commands alone."""

import numpy as np

from sim.program_tiles import Indices


def traffic(fields: dict[str, Indices], is_matmul: bool, dim: int) -> dict[str, int]:
    """Totals of all tiles, by the counters' names."""
    return {name: int(values.sum()) for name, values in tile_traffic(fields, is_matmul, dim).items()}


def tile_traffic(fields: dict[str, Indices], is_matmul: bool, dim: int) -> dict[str, Indices]:
    """What each tile adds to the counters, by their names, one element a tile."""
    pixels = fields["batches"] * fields["orows"] * fields["ocols"]
    outputs = pixels * fields["ochs"]
    taps = fields["krows"] * fields["kcols"]
    channels = fields["kchs"]
    weights = taps * channels * fields["ochs"]
    loaded = fields["batches"] * fields["irows"] * fields["icols"] * channels
    real = fields["batches"] * fields["irows_real"] * fields["icols_real"] * channels
    if is_matmul:
        loaded = real = fields["ocols"] * channels
    # A bias is read once for a block of pixels.
    row_blocks = fields["batches"] * fields["orows"] * -(-fields["ocols"] // dim)
    refills = np.where(fields["broadcast"], row_blocks * fields["ochs"], outputs) * fields["refill"]
    k_blocks, c_blocks = -(-fields["ochs"] // dim), -(-channels // dim)
    passes = taps * c_blocks
    starts = 1 - fields["accumulate"]
    overwrites = starts * (1 - fields["refill"]) if is_matmul else 0 * starts
    fills = starts * fields["refill"] if is_matmul else starts
    stored = outputs * fields["store"]
    return {
        "dram_read_bytes": real + weights + 4 * refills,
        "dram_write_bytes": stored * (1 + 3 * fields["store_wide"]),
        "scratchpad_read_words": pixels * taps * channels * k_blocks + weights,
        "scratchpad_write_words": loaded + weights,
        "accumulator_read_words": outputs * (passes - overwrites) + stored,
        "accumulator_write_words": outputs * (passes + fills),
        "weight_write_words": weights,
        "macs": outputs * taps * channels,
    }
