"""How tiles overlap: up to two are in flight, each in its part of the memories.

While one tile computes, the next one loads. A tile that stores keeps its half until all its stores are issued, so the
load after next waits for them. Tiles between two stores form a run: they add to the same outputs. A run that starts
from partial sums in memory waits until all earlier stores have reached it. With a single tile in flight everything
follows one after the other; between one and two, latencies are interpolated.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks
from pipeline.workload import C, K

REFILL_RAMP_CYCLES = 64.0
"""Over so many cycles a refill goes from never to always waiting for stores."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Cycles of the stages of a tile."""

    load: Float[Tensor, "*b"]
    """Inputs and weights."""
    compute: Float[Tensor, "*b"]


@dataclass(frozen=True, slots=True)
class Ends:
    """Cycles at the start and the end of a run."""

    zeros: Float[Tensor, "*b"]
    """To clear the accumulator."""
    refill: Float[Tensor, "*b"]
    """To fetch partial sums."""
    store_result: Float[Tensor, "*b"]
    store_sums: Float[Tensor, "*b"]


@dataclass(frozen=True, slots=True)
class Order:
    """How the tiles of a layer follow each other."""

    tiles: Float[Tensor, "*b"]
    inner: Float[Tensor, "*b"]
    """Turns of the innermost DRAM loop."""
    runs: Float[Tensor, "*b"]
    """Runs of tiles that add to the same outputs."""
    visits: Float[Tensor, "*b"]
    """Runs of each output tile."""
    is_matmul: Float[Tensor, "*b"]
    columns: Float[Tensor, "*b"]
    """Blocks of output channels of a tile: what of a matrix product is stored while the rest still computes."""
    depth: Float[Tensor, "*b"]
    """Blocks of input channels of a tile."""


def order_of(tiles: Tiles, drop: bool) -> Order:
    """The order of ``tiles``; with ``drop`` every output tile is left once, whatever the loops."""
    visits = torch.ones_like(tiles.count) if drop else tiles.visits
    return Order(
        tiles.count,
        tiles.inner_loops,
        tiles.output_tiles * visits,
        visits,
        tiles.is_matmul,
        tiles.average(K, blocks(tiles.extent[K], tiles.dim)),
        tiles.average(C, blocks(tiles.extent[C], tiles.dim)),
    )


def busy_cycles(
    order: Order, full: Stages, last: Stages, host_cycles: Float[Tensor, "*b"], timing: Timing
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Cycles from the first tile's compute to the last one's without stores, and their mean over the tiles.

    ``full`` and ``last`` are tiles at the start and the end of the innermost loop; each loads while the one before it
    computes. The host takes ``host_cycles`` to send a tile.
    """
    alone = 2 - timing.tiles_in_flight

    def step(compute: Stages, load: Stages) -> Float[Tensor, "*b"]:
        both = torch.maximum(load.load, compute.compute)
        one_by_one = load.load + compute.compute + timing.load_to_compute_cycles
        return torch.maximum(both + alone * (one_by_one - both), host_cycles)

    cycles = order.tiles / order.inner
    within, into_last, into_first = step(full, full), step(full, last), step(last, full)
    total = cycles * ((order.inner - 2) * within + into_last) + (cycles - 1) * into_first
    return total, (total + into_first) / order.tiles


def boundary_cycles(
    order: Order, stages: Stages, ends: Ends, period: Float[Tensor, "*b"], timing: Timing
) -> Float[Tensor, "*b"]:
    """Mean cycles that a change of outputs adds to the period of the tiles around it.

    The outputs' first run leaves sums and starts from zeros, the last one starts from sums and leaves results, those
    between do both. An output with a single run needs neither.
    """
    length = order.tiles / order.runs
    start = stages.load + ends.zeros

    def clear(store: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        through = store + start + stages.compute + timing.store_to_load_cycles - 2 * period
        waits = (length / 2).clamp(max=1.0) * through
        two = torch.maximum(torch.maximum(waits, start - period), store - length * period).clamp(min=0.0)
        return _between(two, ends.zeros + store + timing.store_to_load_cycles, timing)

    def refill(store: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        two = _refill_cycles(order, stages, ends.refill, store, period, timing)
        return _between(two, ends.refill + store + timing.refill_cycles, timing)

    visits = order.visits
    several = clear(ends.store_sums) + refill(ends.store_result)
    between = (visits - 2).clamp(min=0.0) * refill(ends.store_sums)
    split = (visits - 1).clamp(0.0, 1.0)
    return ((1 - split) * clear(ends.store_result) + split * several + between) / visits


def _between(two: Float[Tensor, "*b"], one: Float[Tensor, "*b"], timing: Timing) -> Float[Tensor, "*b"]:
    """What is added with as many tiles in flight as there are, from what two and what one of them add."""
    return two + (2 - timing.tiles_in_flight) * (one - two)


def _refill_cycles(
    order: Order,
    stages: Stages,
    refill: Float[Tensor, "*b"],
    store: Float[Tensor, "*b"],
    period: Float[Tensor, "*b"],
    timing: Timing,
) -> Float[Tensor, "*b"]:
    """What a run that starts from partial sums adds, its outputs stored in ``store`` cycles.

    Sums wait until all earlier stores have reached memory. In a convolution these end while the tile before computes;
    sums that are still coming when it has been computed wait for its stores, too. A matrix product stores while it
    computes its last block of input channels: sums that have not come before wait until it has been stored, so that
    nothing overlaps but the blocks within a tile.
    """
    plain = order.is_matmul
    room = plain * (stages.compute * (1 - 1 / order.depth) - stages.load).clamp(min=0.0)
    room = room + (1 - plain) * (stages.compute + timing.compute_to_store_cycles - store)
    late = ((refill - room) / REFILL_RAMP_CYCLES).clamp(0.0, 1.0)
    waits = stages.load + refill + (1 - plain) * late * (store + timing.refill_cycles) - period
    longest = torch.maximum(torch.maximum(stages.load, stages.compute), store)
    rest = stages.load + stages.compute + store - longest
    chain = longest + rest / order.columns + refill + timing.refill_cycles - period
    return torch.maximum(waits, plain * late * chain).clamp(min=0.0)
