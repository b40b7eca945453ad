"""Latency of the accelerator as hardware executes a mapping: tiles that are loaded, computed and stored in a pipeline.

Two tiles are in flight, each in its half of the memories. With L, C, S the cycles to load, compute and store a tile,
the steady state takes per tile the largest of L, C, S and half of what one tile needs from its load to the release of
its half; the first load and the last compute and store are not hidden.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.model.rtl_cache import misses
from pipeline.model.rtl_execute import execute
from pipeline.model.rtl_load import input_stream, stream_cycles, sum_stream, weight_stream
from pipeline.model.rtl_platform import Memory, PartialSums, rtl_platform
from pipeline.model.rtl_store import store
from pipeline.model.rtl_tile import Tiles, tiles_of


@dataclass(frozen=True, slots=True)
class RtlTerms:
    """Everything that the latency is made of; cycles and counts of a mean tile unless said otherwise."""

    tiles: Float[Tensor, "*b"]
    """Tiles of the layer."""
    stores: Float[Tensor, "*b"]
    """Output tiles written, over the layer; each leaves out of the accumulator once."""
    sum_stores: Float[Tensor, "*b"]
    """Those of them that write int32 partial sums, which come back later."""
    computes: Float[Tensor, "*b"]
    weight_blocks: Float[Tensor, "*b"]
    slot_cycles: Float[Tensor, "*b"]
    in_flight_cycles: Float[Tensor, "*b"]
    compute_cycles: Float[Tensor, "*b"]
    input_cycles: Float[Tensor, "*b"]
    weight_cycles: Float[Tensor, "*b"]
    sum_cycles: Float[Tensor, "*b"]
    miss_cycles: Float[Tensor, "*b"]
    load_cycles: Float[Tensor, "*b"]
    """Sum of the four above."""
    store_cycles: Float[Tensor, "*b"]
    period_cycles: Float[Tensor, "*b"]
    """Cycles from one tile to the next in steady state."""
    fill_cycles: Float[Tensor, "*b"]
    """Cycles of the whole layer that no other tile hides: first load, last compute and store."""
    cycles: Float[Tensor, "*b"]
    """Latency of the layer."""


def memory_of(partial_sums: PartialSums) -> Memory:
    """The memory that goes with a rule: partial sums are dropped only in the public measurements, made on an SoC."""
    return "soc" if partial_sums == "drop" else "simple"


def rtl_terms(
    layers: LayerTensors,
    mappings: MappingTensors,
    hardware: HardwareTensors,
    partial_sums: PartialSums = "spill",
    memory: Memory | None = None,
) -> RtlTerms:
    """The latency of ``mappings`` on ``hardware`` and what it is made of, differentiable in factors and sizes.

    ``memory`` defaults to ``memory_of(partial_sums)``.
    """
    platform = rtl_platform()
    timing = platform.memory[memory or memory_of(partial_sums)]
    tiles = tiles_of(layers, mappings)
    dim = hardware.dim
    count = tiles.count
    spills = torch.zeros_like(count) if partial_sums == "drop" else tiles.output_tiles * (tiles.visits - 1)
    stores = tiles.output_tiles + spills
    work = execute(tiles, dim, platform.array)
    written = store(tiles, dim, timing)
    inputs, weights = (
        stream_cycles(stream(tiles, dim), dim, platform.dma, timing) for stream in (input_stream, weight_stream)
    )
    sums = stream_cycles(sum_stream(tiles, dim), dim, platform.dma, timing) * spills / count
    missed = torch.zeros_like(count)
    if timing.cache_kib:
        lines = misses(tiles, timing.cache_kib)
        missed = (lines.input_lines + lines.weight_lines) * timing.miss_line_cycles / count
    load = inputs + weights + sums + missed
    save = (tiles.output_tiles * written.result_cycles + spills * written.sum_cycles) / count
    delay = platform.overheads
    release = delay.load_to_compute_cycles + (delay.compute_to_store_cycles + delay.store_to_load_cycles) * stores / count
    period = torch.stack((load, work.cycles, save, (load + work.cycles + save + release) / 2)).amax(0)
    last_store = save * count / stores
    fill = load + delay.load_to_compute_cycles + work.cycles + delay.compute_to_store_cycles + last_store
    return RtlTerms(
        tiles=count, stores=stores, sum_stores=spills, computes=work.computes, weight_blocks=work.weight_blocks,
        slot_cycles=work.slot_cycles, in_flight_cycles=work.in_flight_cycles, compute_cycles=work.cycles,
        input_cycles=inputs, weight_cycles=weights, sum_cycles=sums, miss_cycles=missed, load_cycles=load,
        store_cycles=save, period_cycles=period, fill_cycles=fill,
        cycles=delay.host_cycles + (count - 1) * period + fill,
    )
