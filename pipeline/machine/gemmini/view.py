"""Latency of the accelerator as hardware executes a mapping: tiles that are loaded, computed and stored in a pipeline.

What a tile costs at each stage is in ``loads``, ``execution``, ``stores`` and ``cache``, how tiles overlap
in ``overlap``. The first load and the last compute and store are hidden by nothing.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.caches import Reuse, last_level_misses, misses
from pipeline.machine.gemmini.bursts import BEAT_BYTES
from pipeline.machine.gemmini.cache import SUM_BYTES, reuse_of
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.execution import Work, execution, work_of
from pipeline.machine.gemmini.loads import (
    Missing,
    Stream,
    input_stream,
    overlapped,
    stream_cycles,
    sum_stream,
    weight_stream,
)
from pipeline.machine.gemmini.overlap import boundary_cycles, busy_cycles, order_of
from pipeline.machine.gemmini.stages import Ends, Order, Stages, Writes
from pipeline.machine.gemmini.stores import Rows, rows_of, store
from pipeline.machine.gemmini.structure import structured
from pipeline.machine.gemmini.tiles import Tiles, tiles_of
from pipeline.machine.gemmini.windows import Window, window_of
from pipeline.machine.system import LINE_BYTES, Cache
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import K

LEAST_BEATS = 1e-6


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
    """The larger of the two above, with conflicts of banks, or what the reservation station makes of it."""
    input_cycles: Float[Tensor, "*b"]
    weight_cycles: Float[Tensor, "*b"]
    sum_cycles: Float[Tensor, "*b"]
    """Partial sums that come back, and zeros written to the accumulator."""
    miss_cycles: Float[Tensor, "*b"]
    load_cycles: Float[Tensor, "*b"]
    """Of inputs, weights and sums, misses included."""
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

    cache: Cache | None
    """The cache below the accelerator, where there is one."""
    drop: bool = False
    """Leave partial sums out, as the public FPGA measurements did."""
    public: bool = False
    """Place tensors and load pixels as the public FPGA measurements did (``Tiles.public``)."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a tile loads and computes."""

    window: Window
    inputs: Stream
    weights: Stream
    work: Work


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a mapping determines before any constant of the timing matters."""

    tiles: Tiles
    order: Order
    mean: Part
    ends: tuple[Part, Part]
    """Tiles at the start and at the end of the innermost loop."""
    sums: Stream
    """Partial sums of an output tile that come back."""
    zeros: Float[Tensor, "*b"]
    """Rows of the accumulator that are cleared for an output tile."""
    rows: Rows
    reuse: Reuse | None
    hardware: HardwareTensors


def facts_of(layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, setting: Setting) -> Facts:
    """What ``mappings`` do on ``hardware``; they are taken as they are. Differentiable in factors and sizes."""
    tiles = tiles_of(layers, mappings, hardware, public=setting.public)
    mean = _part(tiles)
    ends = (_part(tiles.at(0)), _part(tiles.at(1))) if tiles.is_ragged else (mean, mean)
    return Facts(
        tiles,
        order_of(tiles, setting.drop),
        mean,
        ends,
        sum_stream(tiles),
        (1 - tiles.is_matmul) * tiles.pixels * mean.work.columns,
        rows_of(tiles),
        None if setting.cache is None else reuse_of(tiles, setting.cache, setting.drop),
        hardware,
    )


def _part(tiles: Tiles) -> Part:
    window = window_of(tiles)
    return Part(window, input_stream(tiles, window), weight_stream(tiles), work_of(tiles, window))


@dataclass(frozen=True, slots=True)
class _AllMissing:
    """Missing lines of a mean tile's inputs and weights, of a tile of results, of one of sums."""

    inputs: Missing
    weights: Missing
    results: Missing
    sums: Missing
    tile_cycles: Float[Tensor, "*b"]
    """All of them for a mean tile."""


def _missing(facts: Facts, timing: Timing) -> _AllMissing:
    order, reuse = facts.order, facts.reuse
    none = torch.zeros_like(facts.zeros)
    if reuse is None:
        nothing = Missing(none, none)
        return _AllMissing(nothing, nothing, nothing, nothing, none)
    near = misses(reuse, timing.cache_kib)
    far = torch.minimum(near.lines, last_level_misses(reuse, timing.last_level_kib))
    # Matrix products write whole lines, which are not fetched; so do rows of sums of a line and more, at first.
    whole = (facts.tiles.dim * SUM_BYTES >= LINE_BYTES).to(none.dtype)
    coming_back = 1 - whole * near.first[3] / near.lines[3].clamp(min=1.0)
    fetched = torch.stack((none + 1, none + 1, 1 - order.is_matmul, coming_back))
    change = timing.write_back_cycles * near.written_back / near.lines.sum(0).clamp(min=1.0)
    cycles = near.lines * (fetched * timing.miss_cycles + change) + far * fetched * timing.last_level_miss_cycles
    of = torch.stack((1 / order.tiles, 1 / order.tiles, order.visits / order.runs, 1 / order.runs))
    inputs, weights, results, sums = (Missing(*part) for part in zip(near.lines * of, cycles * of, strict=True))
    return _AllMissing(inputs, weights, results, sums, cycles.sum(0) / order.tiles)


def _stages(part: Part, facts: Facts, missing: _AllMissing, timing: Timing) -> Stages:
    """Load and compute cycles of a tile; its lines miss as often as those of the mean tile."""
    mean, dim = facts.mean, facts.tiles.dim
    # A tile of nothing but padding loads no inputs.
    inputs = missing.inputs.part(part.inputs.beats / mean.inputs.beats.clamp(min=LEAST_BEATS))
    weights = missing.weights.part(part.weights.beats / mean.weights.beats)
    return Stages(
        stream_cycles(part.inputs, dim, timing, inputs),
        stream_cycles(part.weights, dim, timing, weights),
        execution(part.work, timing).cycles,
        part.inputs.commands + part.weights.commands,
        part.work.computes,
        part.work.weight_blocks * facts.tiles.pixels,
    )


def terms_of(facts: Facts, timing: Timing) -> Terms:
    """The latency and what it is made of; differentiable in the values of ``timing`` too.

    ``timing`` is that of the default structure.
    """
    timing = structured(timing, facts.hardware)
    tiles, order, dim = facts.tiles, facts.order, facts.tiles.dim
    missing = _missing(facts, timing)
    written = store(facts.rows, timing, missing.results)
    rows = facts.rows
    ends = Ends(
        facts.zeros,
        stream_cycles(facts.sums, dim, timing, missing.sums),
        Writes(written.result_cycles, rows.commands, rows.pixels * rows.columns),
        Writes(written.sum_cycles, rows.sum_commands, rows.pixels * rows.columns),
    )
    work = execution(facts.mean.work, timing)
    stages = _stages(facts.mean, facts, missing, timing)
    full, last = stages, stages
    if facts.ends[0] is not facts.mean:
        full, last = (_stages(part, facts, missing, timing) for part in facts.ends)
    busy, period = busy_cycles(order, full, last, _host_cycles(facts, timing), timing)
    boundary = boundary_cycles(order, stages, ends, period, timing)
    fill = ends.zeros + full.load + timing.load_to_compute_cycles
    fill = fill + last.compute + timing.compute_to_store_cycles + ends.results.cycles
    count, stores = order.tiles, order.runs
    spills = stores * (1 - 1 / order.visits)
    read_bytes = facts.mean.inputs.bytes + facts.mean.weights.bytes + facts.sums.bytes * spills / count
    write_bytes = tiles.pixels * tiles.mean[K] * (stores + 3 * spills) / count
    moved = count * _memory_cycles(facts, stages.load, missing, timing)
    sum_cycles = (ends.zeros * (stores - spills) + ends.refill * spills) / count
    return Terms(
        tiles=count,
        stores=stores,
        sum_stores=spills,
        computes=facts.mean.work.computes,
        weight_blocks=facts.mean.work.weight_blocks,
        slot_cycles=work.slot_cycles,
        in_flight_cycles=work.in_flight_cycles,
        compute_cycles=work.cycles,
        input_cycles=stream_cycles(facts.mean.inputs, dim, timing),
        weight_cycles=stream_cycles(facts.mean.weights, dim, timing),
        sum_cycles=sum_cycles,
        miss_cycles=missing.inputs.cycles + missing.weights.cycles,
        load_cycles=stages.load + sum_cycles,
        store_cycles=(ends.results.cycles * (stores - spills) + ends.sums.cycles * spills) / count,
        read_bytes=read_bytes,
        write_bytes=write_bytes,
        period_cycles=period + boundary * stores / count,
        fill_cycles=fill,
        cycles=timing.host_cycles + torch.maximum(fill + busy + (stores - 1) * boundary, moved),
    )


def _memory_cycles(
    facts: Facts, load: Float[Tensor, "*b"], missing: _AllMissing, timing: Timing
) -> Float[Tensor, "*b"]:
    """Time in which the memory serves a mean tile: what is stored while it loads passes it in between."""
    rows, order = facts.rows, facts.order
    results, sums = order.runs / order.visits, order.runs * (1 - 1 / order.visits)
    beats = rows.pixels * (rows.beats * results + rows.sum_beats * sums) + facts.sums.beats * sums
    port = missing.tile_cycles - missing.inputs.cycles - missing.weights.cycles
    return load + overlapped(beats / order.tiles * (BEAT_BYTES / timing.bytes_per_cycle), port, timing)


def _host_cycles(facts: Facts, timing: Timing) -> Float[Tensor, "*b"]:
    """Time in which the host sends a tile: as one command, or as one for each load, preload, compute and store."""
    plain, mean, rows = facts.tiles.is_matmul, facts.mean, facts.rows
    tile = plain * timing.host_matmul_tile_cycles + (1 - plain) * timing.host_convolution_tile_cycles
    stores = rows.pixels * rows.bursts / facts.tiles.dim * facts.order.runs / facts.order.tiles
    commands = mean.inputs.commands + mean.weights.commands + 2 * mean.work.computes + 2 * stores
    return tile + timing.host_command_cycles * commands
