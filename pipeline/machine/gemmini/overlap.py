"""How tiles overlap: two are in flight, each in its half of the memories.

While one tile computes, the next one loads. A tile that stores keeps its half until all its stores are issued, so the
load after next waits for them. Tiles between two stores form a run: they add to the same outputs. A run that starts
from partial sums in memory waits until all earlier stores have reached it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.tiles import Tiles

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


def busy_cycles(
    tiles: Tiles, full: Stages, last: Stages, timing: Timing
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Cycles from the first tile's compute to the last one's without stores, and their mean over the tiles.

    ``full`` and ``last`` are tiles at the start and the end of the innermost loop; each loads while the one before it
    computes.
    """
    plain = tiles.is_matmul
    host = plain * timing.host_matmul_tile_cycles + (1 - plain) * timing.host_convolution_tile_cycles

    def step(compute: Stages, load: Stages) -> Float[Tensor, "*b"]:
        return torch.maximum(torch.maximum(load.load, compute.compute), host)

    inner = tiles.inner_loops
    cycles = tiles.count / inner
    within, into_last, into_first = step(full, full), step(full, last), step(last, full)
    total = cycles * ((inner - 2) * within + into_last) + (cycles - 1) * into_first
    return total, (total + into_first) / tiles.count


def boundary_cycles(
    tiles: Tiles, stages: Stages, ends: Ends, period: Float[Tensor, "*b"], drop: bool, timing: Timing
) -> Float[Tensor, "*b"]:
    """Mean cycles that a change of outputs adds to the period of the tiles around it.

    The outputs' first run leaves sums and starts from zeros, the last one starts from sums and leaves results, those
    between do both. An output with a single run needs neither.
    """
    runs = tiles.output_tiles if drop else tiles.output_tiles * tiles.visits
    length = tiles.count / runs
    start = stages.load + ends.zeros

    def clear(store: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        through = store + start + stages.compute + timing.store_to_load_cycles - 2 * period
        waits = (length / 2).clamp(max=1.0) * through
        return torch.maximum(torch.maximum(waits, start - period), store - length * period).clamp(min=0.0)

    # Sums that are still coming when the tile before has been computed wait until its stores have reached memory.
    late = ((ends.refill - stages.compute - timing.compute_to_store_cycles) / REFILL_RAMP_CYCLES).clamp(0.0, 1.0)

    def refill(store: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        return (stages.load + ends.refill + late * (store + timing.refill_cycles) - period).clamp(min=0.0)

    single = clear(ends.store_result)
    if drop:
        return single
    visits = tiles.visits
    several = clear(ends.store_sums) + refill(ends.store_result)
    between = (visits - 2).clamp(min=0.0) * refill(ends.store_sums)
    split = (visits - 1).clamp(0.0, 1.0)
    return ((1 - split) * single + split * several + between) / visits
