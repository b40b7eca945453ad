"""How tiles overlap: up to two are in flight, each in its part of the memories.

While one tile computes, the next one loads. A tile that stores keeps its half until all its stores are issued, so the
load after next waits for them. Tiles between two stores form a run: they add to the same outputs. A run that starts
from partial sums in memory waits until all earlier stores have reached it. With a single tile in flight (``one_tile``)
the next one loads when all of it has entered the reservation station; between one and two, latencies are interpolated.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini import one_tile
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.stages import Ends, Order, Stages, Writes, held
from pipeline.machine.gemmini.template import EXECUTE_ENTRIES, STORE_ENTRIES
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.rounding import blocks
from pipeline.workload import C, K

MOST_BUSY = 0.95
"""Share of a bank's cycles that results take at most."""

REFILL_RAMP_CYCLES = 64.0
"""Over so many cycles a refill goes from never to always waiting for stores."""


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

    def step(compute: Stages, load: Stages) -> Float[Tensor, "*b"]:
        both = torch.maximum(load.load, compute.compute)
        alone = one_tile.step_cycles(order, compute.loading(load), timing)
        return torch.maximum(_between(both, alone, timing), host_cycles)

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
    start = stages.load + ends.zeros + _waiting(ends.zeros, stages, timing)

    def clear(writes: Writes) -> Float[Tensor, "*b"]:
        store = writes.cycles + _waiting(writes.reads, stages, timing)
        through = store + start + stages.compute + timing.store_to_load_cycles - 2 * period
        through = through - _earlier(order, stages, writes, timing)
        waits = (length / 2).clamp(max=1.0) * through
        two = torch.maximum(torch.maximum(waits, start - period), store - length * period).clamp(min=0.0)
        return _between(two, ends.zeros + one_tile.store_cycles(order, stages, writes, timing), timing)

    def refill(writes: Writes) -> Float[Tensor, "*b"]:
        two = _refill_cycles(order, stages, ends.refill, writes.cycles, period, timing)
        return _between(two, ends.refill + writes.cycles + timing.refill_cycles, timing)

    visits = order.visits
    several = clear(ends.sums) + refill(ends.results)
    between = (visits - 2).clamp(min=0.0) * refill(ends.sums)
    split = (visits - 1).clamp(0.0, 1.0)
    return ((1 - split) * clear(ends.results) + split * several + between) / visits


def _earlier(order: Order, stages: Stages, writes: Writes, timing: Timing) -> Float[Tensor, "*b"]:
    """How much earlier a tile has left than with the default reservation station, which constants of latencies have.

    It has left when its last store has entered: entries hold the end of its computes and stores. Loads of a convolution
    begin with zeros, which wait for the stores of the tile before last.
    """
    computes, stores = EXECUTE_ENTRIES.default / 2, STORE_ENTRIES.default
    earlier = held(stages.compute, stages.computes, timing.execute_entries / 2)
    earlier = earlier - held(stages.compute, stages.computes, computes)
    more = held(writes.cycles, writes.commands, timing.store_entries) - held(writes.cycles, writes.commands, stores)
    return earlier + order.is_matmul * more


def _waiting(rows: Float[Tensor, "*b"], stages: Stages, timing: Timing) -> Float[Tensor, "*b"]:
    """Cycles that ``rows`` of one tile wait for results of the other, where the accumulator has one bank for both."""
    shared = torch.as_tensor(2 - timing.accumulator_banks).clamp(0.0, 1.0)
    busy = (stages.results / stages.compute).clamp(max=MOST_BUSY)
    return shared * torch.minimum(rows * busy / (1 - busy), stages.results)


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
