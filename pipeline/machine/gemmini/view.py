"""Latency of the accelerator as hardware executes a mapping: tiles that are loaded, computed and stored in a pipeline.

What a tile costs at each stage is in ``loads``, ``execution``, ``stores`` and ``cache``, how tiles overlap
in ``overlap``. The first load and the last compute and store are hidden by nothing.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.cache import misses
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.execution import execution
from pipeline.machine.gemmini.loads import input_stream, stream_cycles, sum_stream, weight_stream
from pipeline.machine.gemmini.overlap import Ends, Stages, boundary_cycles, busy_cycles
from pipeline.machine.gemmini.stores import store
from pipeline.machine.gemmini.tiles import Tiles, tiles_of
from pipeline.machine.rounding import blocks
from pipeline.machine.system import Cache
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.workload import K


@dataclass(frozen=True, slots=True)
class Terms:
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
class Setting:
    """Under which conditions mappings run."""

    timing: Timing
    cache: Cache | None
    """The cache below the accelerator, where there is one."""
    drop: bool = False
    """Leave partial sums out, as the public FPGA measurements did."""
    public: bool = False
    """Place tensors and load pixels as the public FPGA measurements did (``Tiles.public``)."""


@dataclass(frozen=True, slots=True)
class _Traffic:
    """What a mean tile, or one event, spends on memory."""

    input_cycles: Float[Tensor, "*b"]
    weight_cycles: Float[Tensor, "*b"]
    miss_cycles: Float[Tensor, "*b"]
    ends: Ends
    read_bytes: Float[Tensor, "*b"]
    """Inputs and weights."""

    @property
    def load_cycles(self) -> Float[Tensor, "*b"]:
        """Cycles to load inputs and weights."""
        return self.input_cycles + self.weight_cycles + self.miss_cycles


def terms_of(
    layers: LayerTensors,
    mappings: MappingTensors,
    hardware: HardwareTensors,
    setting: Setting,
) -> Terms:
    """The latency of ``mappings`` on ``hardware`` and what it is made of.

    Differentiable in factors, sizes and the values of ``setting.timing``. Mappings are taken as they are.
    """
    timing, drop = setting.timing, setting.drop
    tiles = tiles_of(layers, mappings, hardware, public=setting.public)
    work, traffic = execution(tiles, timing), _traffic(tiles, setting)
    stages = Stages(traffic.load_cycles, work.cycles)
    full = last = stages
    if tiles.is_ragged:
        full, last = (_stages(tiles.at(end), setting) for end in (0, 1))
    count, outputs, ends = tiles.count, tiles.output_tiles, traffic.ends
    spills = torch.zeros_like(count) if drop else outputs * (tiles.visits - 1)
    stores = outputs + spills
    busy, period = busy_cycles(tiles, full, last, timing)
    boundary = boundary_cycles(tiles, stages, ends, period, drop, timing)
    fill = ends.zeros + full.load + timing.load_to_compute_cycles
    fill = fill + last.compute + timing.compute_to_store_cycles + ends.store_result
    read_bytes = traffic.read_bytes + 4 * tiles.pixels * tiles.mean[K] * spills / count
    write_bytes = tiles.pixels * tiles.mean[K] * (outputs + 4 * spills) / count
    moved = count * (read_bytes + write_bytes) / timing.bytes_per_cycle
    sum_cycles = (ends.zeros * outputs + ends.refill * spills) / count
    return Terms(
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
        sum_cycles=sum_cycles,
        miss_cycles=traffic.miss_cycles,
        load_cycles=stages.load + sum_cycles,
        store_cycles=(ends.store_result * outputs + ends.store_sums * spills) / count,
        read_bytes=read_bytes,
        write_bytes=write_bytes,
        period_cycles=period + boundary * stores / count,
        fill_cycles=fill,
        cycles=timing.host_cycles + torch.maximum(fill + busy + (stores - 1) * boundary, moved),
    )


def _stages(tiles: Tiles, setting: Setting) -> Stages:
    """Load and compute cycles of the mean tile."""
    return Stages(_traffic(tiles, setting).load_cycles, execution(tiles, setting.timing).cycles)


def _traffic(tiles: Tiles, setting: Setting) -> _Traffic:
    """Memory traffic of the mean tile."""
    timing, dim = setting.timing, tiles.dim
    inputs, weights = input_stream(tiles), weight_stream(tiles)
    zeros = (1 - tiles.is_matmul) * tiles.pixels * tiles.average(K, blocks(tiles.extent[K], dim))
    written = store(tiles, timing)
    missed = written_misses = torch.zeros_like(zeros)
    if setting.cache is not None:
        lines = misses(tiles, setting.cache)
        missed = (lines.input_lines + lines.weight_lines) * timing.miss_cycles / tiles.count
        # Each pass over the reduction loops outside the outputs' loops writes all outputs, unless sums stay behind.
        passes = tiles.count if setting.drop else tiles.output_tiles * tiles.visits
        written_misses = lines.output_lines * timing.write_miss_cycles / passes
    ends = Ends(
        zeros,
        stream_cycles(sum_stream(tiles), dim, timing),
        written.result_cycles + written_misses,
        written.sum_cycles + written_misses,
    )
    return _Traffic(
        stream_cycles(inputs, dim, timing),
        stream_cycles(weights, dim, timing),
        missed,
        ends,
        inputs.bytes + weights.bytes,
    )
