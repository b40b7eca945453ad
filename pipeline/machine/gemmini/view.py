"""Latency of the accelerator as hardware executes a mapping: tiles that are loaded, computed and stored in a pipeline.

What a tile costs at each stage is in ``loads``, ``execution``, ``stores`` and ``cache``, how tiles overlap
in ``overlap``. The first load and the last compute and store are hidden by nothing.
"""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.caches import last_level_misses, misses
from pipeline.machine.gemmini.bursts import BEAT_BYTES
from pipeline.machine.gemmini.cache import SUM_BYTES
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.execution import execution
from pipeline.machine.gemmini.facts import Facts, Kinds
from pipeline.machine.gemmini.loads import Missing, overlapped, stream_cycles
from pipeline.machine.gemmini.overlap import boundary_cycles, busy_cycles
from pipeline.machine.gemmini.stages import Ends, Stages, Writes
from pipeline.machine.gemmini.stores import store
from pipeline.machine.gemmini.structure import structured
from pipeline.machine.system import LINE_BYTES
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
class _AllMissing:
    """Missing lines of a tile's inputs and weights, of a tile of results, of one of sums."""

    inputs: Missing
    weights: Missing
    results: Missing
    sums: Missing
    stored_cycles: Float[Tensor, "*b"]
    """For results and sums, over all tiles."""

    def of(self, kinds: Kinds, facts: Facts) -> "_AllMissing":
        """Those of the mean tile of each kind, whose lines miss as often as those of the mean of all."""
        # A tile of nothing but padding loads no inputs.
        inputs = kinds.mean(kinds.parts.inputs.beats) / facts.mean.inputs.beats.clamp(min=LEAST_BEATS)
        weights = kinds.mean(kinds.parts.weights.beats) / facts.mean.weights.beats
        stored = (kinds.rows.pixels * kinds.rows.beats) / (facts.rows.pixels * facts.rows.beats)
        return _AllMissing(
            self.inputs.part(inputs),
            self.weights.part(weights),
            self.results.part(stored),
            self.sums.part(stored),
            self.stored_cycles * stored,
        )


def _missing(facts: Facts, timing: Timing) -> _AllMissing:
    """Those of the mean tile."""
    order, reuse = facts.order, facts.reuse
    none = torch.zeros_like(facts.tiles.dim)
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
    return _AllMissing(inputs, weights, results, sums, cycles[2:].sum(0) / order.tiles)


def _stages(kinds: Kinds, missing: _AllMissing, timing: Timing) -> Stages:
    """Load and compute cycles of all parts; their lines miss as often as those of the mean tile of their kind."""
    parts, dim = kinds.parts, kinds.tiles.dim
    inputs = missing.inputs.part(parts.inputs.beats / kinds.mean(parts.inputs.beats).clamp(min=LEAST_BEATS))
    weights = missing.weights.part(parts.weights.beats / kinds.mean(parts.weights.beats))
    return Stages(
        stream_cycles(parts.inputs, dim, timing, inputs),
        stream_cycles(parts.weights, dim, timing, weights),
        execution(parts.work, timing).cycles,
        parts.inputs.commands + parts.weights.commands,
        parts.work.computes,
        parts.work.weight_blocks * kinds.tiles.pixels,
    )


def terms_of(facts: Facts, timing: Timing) -> Terms:
    """The latency and what it is made of; differentiable in the values of ``timing`` too.

    ``timing`` is that of the default structure. Tiles may differ in other loops than the innermost, and what takes
    longest is not the same of all: the latency is the mean over the kinds of tiles, not that of the mean tile.
    """
    timing = structured(timing, facts.hardware)
    missing = _missing(facts, timing)
    if facts.shares is None:
        return _terms(facts.kinds, missing, timing)
    each, shares = _terms(facts.kinds, missing.of(facts.kinds, facts), timing), facts.shares
    return Terms(**{field.name: (shares * getattr(each, field.name)).sum(0) for field in fields(Terms)})


def _terms(kinds: Kinds, missing: _AllMissing, timing: Timing) -> Terms:
    """Those of layers whose tiles are all of a kind."""
    tiles, order, rows, dim = kinds.tiles, kinds.order, kinds.rows, kinds.tiles.dim
    written = store(rows, timing, missing.results)
    ends = Ends(
        kinds.zeros,
        stream_cycles(kinds.sums, dim, timing, missing.sums),
        Writes(written.result_cycles, rows.commands, rows.pixels * rows.columns),
        Writes(written.sum_cycles, rows.sum_commands, rows.pixels * rows.columns),
    )
    work, mean = execution(kinds.parts.work, timing), kinds.mean
    stages = _stages(kinds, missing, timing)
    full, last = stages, stages
    if kinds.has_ends:
        stages, full, last = (stages[place] for place in range(3))
    busy, period = busy_cycles(order, full, last, _host_cycles(kinds, timing), timing)
    boundary = boundary_cycles(order, stages, ends, period, timing)
    fill = ends.zeros + full.load + timing.load_to_compute_cycles
    fill = fill + last.compute + timing.compute_to_store_cycles + ends.results.cycles
    count, stores = order.tiles, order.runs
    spills = stores * (1 - 1 / order.visits)
    read_bytes = mean(kinds.parts.inputs.bytes + kinds.parts.weights.bytes) + kinds.sums.bytes * spills / count
    write_bytes = tiles.pixels * tiles.mean[K] * (stores + 3 * spills) / count
    moved = count * _memory_cycles(kinds, stages.load, missing, timing)
    sum_cycles = (ends.zeros * (stores - spills) + ends.refill * spills) / count
    return Terms(
        tiles=count,
        stores=stores,
        sum_stores=spills,
        computes=mean(kinds.parts.work.computes),
        weight_blocks=mean(kinds.parts.work.weight_blocks),
        slot_cycles=mean(work.slot_cycles),
        in_flight_cycles=mean(work.in_flight_cycles),
        compute_cycles=stages.compute,
        input_cycles=mean(stream_cycles(kinds.parts.inputs, dim, timing)),
        weight_cycles=mean(stream_cycles(kinds.parts.weights, dim, timing)),
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
    kinds: Kinds, load: Float[Tensor, "*b"], missing: _AllMissing, timing: Timing
) -> Float[Tensor, "*b"]:
    """Time in which the memory serves a mean tile: what is stored while it loads passes it in between."""
    rows, order = kinds.rows, kinds.order
    results, sums = order.runs / order.visits, order.runs * (1 - 1 / order.visits)
    beats = rows.pixels * (rows.beats * results + rows.sum_beats * sums) + kinds.sums.beats * sums
    sent = beats / order.tiles * (BEAT_BYTES / timing.bytes_per_cycle)
    return load + overlapped(sent, missing.stored_cycles, timing)


def _host_cycles(kinds: Kinds, timing: Timing) -> Float[Tensor, "*b"]:
    """Time in which the host sends a tile: as one command, or as one for each load, preload, compute and store."""
    plain, parts, rows = kinds.tiles.is_matmul, kinds.parts, kinds.rows
    tile = plain * timing.host_matmul_tile_cycles + (1 - plain) * timing.host_convolution_tile_cycles
    stores = rows.pixels * rows.bursts / kinds.tiles.dim * kinds.order.runs / kinds.order.tiles
    commands = kinds.mean(parts.inputs.commands + parts.weights.commands + 2 * parts.work.computes) + 2 * stores
    return tile + timing.host_command_cycles * commands
