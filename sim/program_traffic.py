"""What tile commands move and compute: the counters of bytes, words and operations, from the commands alone."""

from sim.program_tiles import Indices


def traffic(fields: dict[str, Indices], is_matmul: bool, dim: int) -> dict[str, int]:
    """Totals of all tiles, by the counters' names."""
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
