"""Latency of the accelerator as hardware executes a mapping: tiles that are loaded, computed and stored in a pipeline.

Two tiles are in flight, each in its half of the memories. With L, C, S the cycles to load, compute and store a tile,
the steady state takes per tile the largest of L, C, S and half of what one tile needs from its first load to the
release of its half. The first load and the last compute and store are not hidden.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.model.rtl_cache import misses
from pipeline.model.rtl_execute import Execution, execution
from pipeline.model.rtl_load import input_stream, stream_cycles, sum_stream, weight_stream
from pipeline.model.rtl_platform import Memory, PartialSums, RtlPlatform, memory_of, rtl_platform
from pipeline.model.rtl_relax import blocks
from pipeline.model.rtl_store import store
from pipeline.model.rtl_tile import K, Tiles, tiles_of


@dataclass(frozen=True, slots=True)
class RtlTerms:
    """Everything that the latency is made of; cycles and counts of a mean tile unless said otherwise."""

    tiles: Float[Tensor, "*b"]
    """Tiles of the layer."""
    stores: Float[Tensor, "*b"]
    """Output tiles written, over the layer, partial sums included."""
    sum_stores: Float[Tensor, "*b"]
    """Those of them that write int32 partial sums, which come back later."""
    computes: Float[Tensor, "*b"]
    weight_blocks: Float[Tensor, "*b"]
    slot_cycles: Float[Tensor, "*b"]
    in_flight_cycles: Float[Tensor, "*b"]
    compute_cycles: Float[Tensor, "*b"]
    """The larger of the two above."""
    input_cycles: Float[Tensor, "*b"]
    weight_cycles: Float[Tensor, "*b"]
    sum_cycles: Float[Tensor, "*b"]
    """Partial sums that come back, and zeros written to the accumulator."""
    miss_cycles: Float[Tensor, "*b"]
    load_cycles: Float[Tensor, "*b"]
    """Sum of the four above."""
    store_cycles: Float[Tensor, "*b"]
    """Write misses included."""
    read_bytes: Float[Tensor, "*b"]
    write_bytes: Float[Tensor, "*b"]
    period_cycles: Float[Tensor, "*b"]
    """Cycles from one tile to the next in steady state."""
    fill_cycles: Float[Tensor, "*b"]
    """Cycles of the whole layer that no other tile hides: first load, last compute and store."""
    cycles: Float[Tensor, "*b"]
    """Latency of the layer."""


@dataclass(frozen=True, slots=True)
class _Traffic:
    """Cycles and bytes that a mean tile spends on memory."""

    input_cycles: Float[Tensor, "*b"]
    weight_cycles: Float[Tensor, "*b"]
    sum_cycles: Float[Tensor, "*b"]
    miss_cycles: Float[Tensor, "*b"]
    load_cycles: Float[Tensor, "*b"]
    store_cycles: Float[Tensor, "*b"]
    read_bytes: Float[Tensor, "*b"]
    write_bytes: Float[Tensor, "*b"]


def rtl_terms(
    layers: LayerTensors,
    mappings: MappingTensors,
    hardware: HardwareTensors,
    partial_sums: PartialSums = "spill",
    memory: Memory | None = None,
) -> RtlTerms:
    """The latency of ``mappings`` on ``hardware`` and what it is made of, differentiable in factors and sizes.

    ``memory`` defaults to ``memory_of(partial_sums)``. Mappings are taken as they are: comparisons with the public
    FPGA runs pass them through ``rtl_published.as_published`` first.
    """
    platform = rtl_platform(memory or memory_of(partial_sums))
    tiles = tiles_of(layers, mappings, hardware.dim)
    count = tiles.count
    spills = torch.zeros_like(count) if partial_sums == "drop" else tiles.output_tiles * (tiles.visits - 1)
    work = execution(tiles, platform.array)
    traffic = _traffic(tiles, spills, platform)
    stores = tiles.output_tiles + spills
    period = _period(tiles, traffic, work, stores / count, platform)
    delay = platform.overheads
    fill = (
        traffic.load_cycles
        + delay.load_to_compute_cycles
        + work.cycles
        + delay.compute_to_store_cycles
        + traffic.store_cycles * count / stores
    )
    return RtlTerms(
        tiles=count,
        stores=stores,
        sum_stores=spills,
        computes=work.computes,
        weight_blocks=work.weight_blocks,
        slot_cycles=work.slot_cycles,
        in_flight_cycles=work.in_flight_cycles,
        compute_cycles=work.cycles,
        input_cycles=traffic.input_cycles,
        weight_cycles=traffic.weight_cycles,
        sum_cycles=traffic.sum_cycles,
        miss_cycles=traffic.miss_cycles,
        load_cycles=traffic.load_cycles,
        store_cycles=traffic.store_cycles,
        read_bytes=traffic.read_bytes,
        write_bytes=traffic.write_bytes,
        period_cycles=period,
        fill_cycles=fill,
        cycles=delay.host_cycles + (count - 1) * period + fill,
    )


def _traffic(tiles: Tiles, spills: Float[Tensor, "*b"], platform: RtlPlatform) -> _Traffic:
    """Memory traffic of the mean tile; what happens once an output tile is spread over its tiles."""
    count, outputs = tiles.count, tiles.output_tiles
    inputs, weights, sums = input_stream(tiles), weight_stream(tiles), sum_stream(tiles)
    input_cycles, weight_cycles = (stream_cycles(stream, tiles.dim, platform.dma) for stream in (inputs, weights))
    zeros = (1 - tiles.is_matmul) * tiles.pixels * tiles.average(K, blocks(tiles.extent[K], tiles.dim))
    sum_cycles = (stream_cycles(sums, tiles.dim, platform.dma) * spills + zeros * outputs) / count
    written = store(tiles, platform.dma)
    store_cycles = (outputs * written.result_cycles + spills * written.sum_cycles) / count
    miss_cycles = torch.zeros_like(count)
    if platform.cache is not None:
        missed = misses(tiles, platform.cache)
        miss_cycles = (missed.input_lines + missed.weight_lines) * platform.cache.miss_cycles / count
        stored = missed.output_lines * (outputs + spills) / count
        store_cycles = store_cycles + stored * platform.cache.write_miss_cycles / count
    output_bytes = tiles.pixels * tiles.mean[K]
    return _Traffic(
        input_cycles,
        weight_cycles,
        sum_cycles,
        miss_cycles,
        load_cycles=input_cycles + weight_cycles + sum_cycles + miss_cycles,
        store_cycles=store_cycles,
        read_bytes=inputs.bytes + weights.bytes + sums.bytes * spills / count,
        write_bytes=(outputs + 4 * spills) * output_bytes / count,
    )


def _period(
    tiles: Tiles, traffic: _Traffic, work: Execution, stores: Float[Tensor, "*b"], platform: RtlPlatform
) -> Float[Tensor, "*b"]:
    """Cycles from one tile to the next: the busiest of its resources, or two tiles in turn.

    With two tiles in flight, the load of tile i + 2 starts when the store of tile i has been issued, so two periods
    are at least one tile's way through all stages.
    """
    delay = platform.overheads
    through = delay.load_to_compute_cycles + stores * (delay.compute_to_store_cycles + delay.store_to_load_cycles)
    way = (traffic.load_cycles + work.cycles + traffic.store_cycles + through) / 2
    moved = (traffic.read_bytes + traffic.write_bytes) / platform.dma.bytes_per_cycle
    plain = tiles.is_matmul
    host = plain * delay.host_matmul_tile_cycles + (1 - plain) * delay.host_convolution_tile_cycles
    return torch.stack((traffic.load_cycles, work.cycles, traffic.store_cycles, way, moved, host)).amax(0)
