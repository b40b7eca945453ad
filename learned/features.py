"""Features of a mapping's execution: shares, rates and waste of its tiles, as the accelerator view counts them.

All are logarithms of ratios or counts and say how a tile runs, not which factors made it. Memory sizes are absent:
they decide whether a mapping fits, not how long it takes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.constants import Values
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import C, K, N, P, Q, R, S

VERSION = 6
"""Raised whenever a feature changes its meaning, is added or removed."""

LINE_BYTES = 64.0
CACHE_SETS = 1024.0
CACHE_WAYS = 8.0
BEAT_BYTES = 16.0
HOST_TILE_CYCLES = 250.0
"""Order of the cycles that a host needs to send one tile's commands."""

NAMES = (
    "tiles",
    "stores_per_tile",
    "period",
    "load_to_compute",
    "store_to_compute",
    "release",
    "load_and_store",
    "load_and_compute",
    "host",
    "fill",
    "input_share",
    "weight_share",
    "miss_share",
    "sum_share",
    "dim",
    "slot",
    "in_flight",
    "row_waste",
    "array_waste",
    "input_traffic",
    "weight_traffic",
    "input_row",
    "weight_row",
    "weight_conflict",
    "input_conflict",
    "taps",
    "stride",
    "matmul",
)


NEEDED = {
    *("tiles", "stores", "period_cycles", "load_cycles", "compute_cycles", "store_cycles", "fill_cycles", "cycles"),
    *("input_cycles", "weight_cycles", "miss_cycles", "sum_cycles", "computes", "weight_blocks", "slot_cycles"),
    "in_flight_cycles",
}
"""Terms of a machine that the features are made of; a machine without them has no features."""

Terms = dict[str, Float[Tensor, "*b"]]


@dataclass(frozen=True, slots=True)
class Features:
    """Features and the latency that a learned correction multiplies."""

    values: Float[Tensor, "*b f"]
    """In the order of ``NAMES``; none where the machine lacks their terms."""
    base_cycles: Float[Tensor, "*b"]
    version: int = VERSION

    def __getitem__(self, index: Int[Tensor, " k"] | Bool[Tensor, " b"]) -> "Features":
        return Features(self.values[index], self.base_cycles[index], self.version)


def features(
    machine: Machine,
    layers: LayerTensors,
    mappings: MappingTensors,
    hardware: HardwareTensors,
    values: Values | None = None,
) -> Features:
    """Features of each mapping on each hardware by a machine's timing, differentiable in factors and sizes.

    ``values`` are the constants of the timing, by default the starting values.
    """
    terms = machine.terms(layers, mappings, hardware, values)
    cycles = terms["cycles"]
    if not set(terms) >= NEEDED:
        return Features(cycles[..., None][..., :0], cycles)
    layers, mappings = machine.executed(layers, mappings, hardware)
    tile = torch.minimum(mappings.tile(machine.template.hierarchy), layers.size)
    parts = _pipeline(terms) | _streams(terms) | _array(layers, terms, tile, hardware) | _memory(layers, terms, tile)
    return Features(torch.stack([parts[name].broadcast_to(cycles.shape) for name in NAMES], -1), cycles)


def _pipeline(terms: Terms) -> dict[str, Tensor]:
    """How tiles overlap: what bounds the period, what is not hidden."""
    busiest = torch.stack((terms["load_cycles"], terms["compute_cycles"], terms["store_cycles"])).amax(0)
    return {
        "tiles": terms["tiles"].log(),
        "stores_per_tile": (terms["stores"] / terms["tiles"]).log(),
        "period": terms["period_cycles"].log(),
        "load_to_compute": (terms["load_cycles"] / terms["compute_cycles"]).log(),
        "store_to_compute": torch.log1p(terms["store_cycles"] / terms["compute_cycles"]),
        "release": (terms["period_cycles"] / busiest).log(),
        "load_and_store": ((terms["load_cycles"] + terms["store_cycles"]) / terms["period_cycles"]).log(),
        "load_and_compute": ((terms["load_cycles"] + terms["compute_cycles"]) / terms["period_cycles"]).log(),
        "host": torch.log1p(HOST_TILE_CYCLES / terms["period_cycles"]),
        "fill": (terms["fill_cycles"] / terms["cycles"]).clamp(max=1.0),
    }


def _streams(terms: Terms) -> dict[str, Tensor]:
    """What a tile's load is made of."""
    return {
        "input_share": terms["input_cycles"] / terms["load_cycles"],
        "weight_share": terms["weight_cycles"] / terms["load_cycles"],
        "miss_share": terms["miss_cycles"] / terms["load_cycles"],
        "sum_share": terms["sum_cycles"] / terms["load_cycles"],
    }


def _array(
    layers: LayerTensors, terms: Terms, tile: Float[Tensor, "*b 7"], hardware: HardwareTensors
) -> dict[str, Tensor]:
    """How well the array is filled."""
    dim = hardware.dim
    ideal = layers.size.prod(-1) / dim.square()
    rows = terms["computes"] * dim / (terms["weight_blocks"] * tile[..., [N, P, Q]].prod(-1))
    return {
        "dim": dim.log2(),
        "slot": (terms["slot_cycles"] / (terms["computes"] * dim)).log(),
        "in_flight": (terms["in_flight_cycles"] / terms["slot_cycles"]).log(),
        "row_waste": rows.log(),
        "array_waste": (terms["tiles"] * terms["slot_cycles"] / ideal).log(),
        "taps": (tile[..., R] * tile[..., S]).log(),
        "stride": layers.stride.prod(-1).log(),
        "matmul": _is_matmul(layers).to(dim.dtype),
    }


def _memory(layers: LayerTensors, terms: Terms, tile: Float[Tensor, "*b 7"]) -> dict[str, Tensor]:
    """Reuse, row lengths and cache sets that a tile's rows share."""
    size = layers.size
    window = (size[..., P] * layers.stride[..., 0]) * (size[..., Q] * layers.stride[..., 1])
    inputs = size[..., [N, C]].prod(-1) * window / BEAT_BYTES
    weights = size[..., [R, S, C, K]].prod(-1) / BEAT_BYTES
    height = tile[..., Q] * layers.stride[..., 1] + (tile[..., S] - 1) * layers.dilation[..., 1]
    width = tile[..., P] * layers.stride[..., 0] + (tile[..., R] - 1) * layers.dilation[..., 0]
    return {
        "input_traffic": (terms["tiles"] * terms["input_cycles"] / inputs).log(),
        "weight_traffic": (terms["tiles"] * terms["weight_cycles"] / weights).log(),
        "input_row": tile[..., C].clamp(max=LINE_BYTES).log2(),
        "weight_row": tile[..., K].clamp(max=LINE_BYTES).log2(),
        "weight_conflict": set_pressure(tile[..., [R, S, C]].prod(-1), tile[..., K], size[..., K]),
        "input_conflict": set_pressure(height * width * tile[..., N], tile[..., C], size[..., C]),
    }


def set_pressure(
    rows: Float[Tensor, "*b"], row_bytes: Float[Tensor, "*b"], stride_bytes: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """log(1 + lines / lines that fit) of ``rows`` rows of ``row_bytes``, ``stride_bytes`` apart, in the L2 cache.

    Rows that are a multiple of a power of two apart fall into the same few sets.
    """
    step = stride_bytes.detach().round().long()
    apart = (step & -step).to(rows.dtype).clamp(LINE_BYTES, LINE_BYTES * CACHE_SETS) / LINE_BYTES
    lines_per_row = (row_bytes / LINE_BYTES).clamp(min=1.0)
    share = (lines_per_row / apart).clamp(max=1.0)
    return torch.log1p(rows * lines_per_row / (CACHE_SETS * CACHE_WAYS * share))


def _is_matmul(layers: LayerTensors) -> Bool[Tensor, "*b"]:
    """Whether each layer is a plain matrix product."""
    single = layers.size[..., [R, S, Q, N]].amax(-1) == 1
    return single & (layers.stride.amax(-1) == 1)
