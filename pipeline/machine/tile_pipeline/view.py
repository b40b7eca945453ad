"""Latency of a tile pipeline: tiles are loaded, reduced and stored, one after the other at each stage."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.caches import last_level_misses, misses
from pipeline.machine.constants import Values
from pipeline.machine.system import LINE_BYTES, MemorySystem
from pipeline.machine.tile_pipeline.cache import reuse_of
from pipeline.machine.tile_pipeline.description import Description
from pipeline.machine.tile_pipeline.tiles import Tiles, Work, work_of
from pipeline.workload import R, S


@dataclass(frozen=True, slots=True)
class Terms:
    """What the latency is made of; of a mean tile unless said otherwise."""

    tiles: Float[Tensor, "*b"]
    compute_cycles: Float[Tensor, "*b"]
    load_cycles: Float[Tensor, "*b"]
    store_cycles: Float[Tensor, "*b"]
    period_cycles: Float[Tensor, "*b"]
    """From one tile to the next."""
    fill_cycles: Float[Tensor, "*b"]
    """Of the layer: first load, last reduction and results."""
    bus_cycles: Float[Tensor, "*b"]
    """Of the layer: everything that moves over the bus."""
    missed_cycles: Float[Tensor, "*b"]
    """Of the layer: lines that a cache below the bus lacks; 0 where there is none."""
    cycles: Float[Tensor, "*b"]
    """Of the layer."""


@dataclass(frozen=True, slots=True)
class _Stages:
    """Cycles of a tile at each stage."""

    load: Float[Tensor, "*b"]
    compute: Float[Tensor, "*b"]
    store: Float[Tensor, "*b"]


def terms_of(tiles: Tiles, values: Values, description: Description, below: MemorySystem, last_level_kib: int) -> Terms:
    """The latency of ``tiles`` with timing constants ``values`` on the memory ``below``."""
    work, splits, count = work_of(tiles), tiles.splits, tiles.count
    bus_bytes = description.bus_bytes
    missed = _missed(tiles, values, below, last_level_kib, bus_bytes)
    mean = _stages(work, tiles, values, missed / count, bus_bytes)
    mask, turns = tiles.innermost()
    full = _stages_of(tiles.only(mask, tiles.full), values, missed / count, bus_bytes)
    last = _stages_of(tiles.only(mask, tiles.last), values, missed / count, bus_bytes)

    host = values["host_tile_cycles"] + values["host_tap_cycles"] * tiles.changes((R, S))
    host = host + values["host_resize_cycles"] * tiles.resizes()

    def period(load: _Stages, compute: _Stages) -> Tensor:
        """Cycles from one tile to the next: one is loaded while another is reduced."""
        reduce = torch.maximum(compute.compute, compute.store / splits) + values["compute_tile_cycles"]
        arrive = load.load + values["load_tile_cycles"]
        reuse = (reduce + load.load + values["buffer_cycles"]) / description.buffers
        slowest = torch.maximum(torch.maximum(reduce, arrive), reuse)
        return torch.maximum(slowest, host)

    # Along the innermost loop a full tile follows a full one, but for the last tile and the one after it.
    edges = period(last, full) + period(full, last) - 2 * period(full, full)
    steady = torch.where(turns > 1, period(full, full) + edges / turns.clamp(min=2), period(mean, mean))
    drain = 2 * tiles.dim + work.block_pixels * _beats(tiles, bus_bytes) + values["drain_cycles"]
    fill = mean.load + values["round_trip_cycles"] + torch.maximum(mean.compute, mean.store / splits) + drain
    written = work.pixels * tiles.dim.clamp(min=bus_bytes) / splits
    moved = count * ((work.input_rows + work.weight_rows) * tiles.dim + written)
    bus = moved / values["bytes_per_cycle"] + missed
    pipeline = values["host_layer_cycles"] + values["first_tile_cycles"] + fill + (count - 1) * steady
    return Terms(
        tiles=count,
        compute_cycles=mean.compute,
        load_cycles=mean.load,
        store_cycles=mean.store / splits,
        period_cycles=steady,
        fill_cycles=fill,
        bus_cycles=bus,
        missed_cycles=missed,
        cycles=torch.maximum(pipeline, values["host_layer_cycles"] + bus),
    )


def _missed(
    tiles: Tiles, values: Values, below: MemorySystem, last_level_kib: int, bus_bytes: int
) -> Float[Tensor, "*b"]:
    """Cycles of the layer for lines that are not in the cache, beyond those in which they are received."""
    if below.cache is None:
        return torch.zeros_like(tiles.count)
    reuse = reuse_of(tiles)
    near, far = misses(reuse, below.cache.kib), last_level_misses(reuse, last_level_kib)
    fetched = near.lines[:2].sum(0)
    from_dram = torch.minimum(far[:2].sum(0), fetched)
    fetching = fetched * values["miss_cycles"] + from_dram * values["dram_line_cycles"]
    received = fetched * LINE_BYTES / tiles.dim * _beats(tiles, bus_bytes)
    return (fetching + near.written_back * values["write_back_cycles"] - received).clamp(min=0)


def _stages_of(tiles: Tiles, values: Values, missed: Tensor, bus_bytes: int) -> _Stages:
    return _stages(work_of(tiles), tiles, values, missed, bus_bytes)


def _stages(work: Work, tiles: Tiles, values: Values, missed: Tensor, bus_bytes: int) -> _Stages:
    arriving = (work.input_rows + work.weight_rows) * _beats(tiles, bus_bytes)
    answered = work.lines * values["round_trip_cycles"] / values["reads_in_flight"]
    return _Stages(
        load=torch.maximum(arriving, answered) + missed,
        compute=work.slots,
        store=work.pixels * _beats(tiles, bus_bytes) + values["block_cycles"] * work.blocks,
    )


def _beats(tiles: Tiles, bus_bytes: int) -> Float[Tensor, "*b"]:
    """Cycles for a row of DIM bytes."""
    return (tiles.dim / bus_bytes).clamp(min=1.0)
