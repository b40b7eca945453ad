"""One tile in flight: the next one begins when everything of a tile has entered the reservation station.

What the station holds is still to be done then: small tiles overlap as if several were in flight.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.stages import Order, Stages, Writes, held

TILE_COMMAND_CYCLES = 60.0
"""[S] From a tile that has entered to the next one's first load."""


def step_cycles(order: Order, stages: Stages, timing: Timing) -> Float[Tensor, "*b"]:
    """Cycles from a tile to the next one without stores."""
    busy = torch.maximum(stages.load, stages.compute)
    return torch.maximum(busy, _entered(order, stages, timing) + TILE_COMMAND_CYCLES)


def store_cycles(order: Order, stages: Stages, writes: Writes, timing: Timing) -> Float[Tensor, "*b"]:
    """What a tile takes longer that stores: from its last compute's entering to its last store's."""
    end = _computed(order, stages) + timing.load_to_compute_cycles + timing.compute_to_store_cycles
    left = writes.cycles - held(writes.cycles, writes.commands, timing.store_entries)
    # A matrix product stores what it has while the rest of its last block of input channels computes.
    left = (left - order.is_matmul * stages.compute / order.depth).clamp(min=0.0)
    waits = 1 - _all_held(writes.commands, timing.store_entries)
    return waits * (end + left - _entered(order, stages, timing)).clamp(min=0.0)


def _computed(order: Order, stages: Stages) -> Float[Tensor, "*b"]:
    """Cycles of loads and computes. A matrix product computes with the inputs that have come."""
    longest = torch.maximum(stages.inputs, stages.compute)
    overlapped = longest + (stages.inputs + stages.compute - longest) / order.depth
    plain = order.is_matmul
    return stages.weights + plain * overlapped + (1 - plain) * (stages.inputs + stages.compute)


def _entered(order: Order, stages: Stages, timing: Timing) -> Float[Tensor, "*b"]:
    """Cycles from the first load's entering to the last compute's. Where all are held, no compute is waited for."""
    every = _all_held(stages.computes, timing.execute_entries / 2)
    rest = _computed(order, stages) - held(stages.compute, stages.computes, timing.execute_entries / 2)
    rest = rest + (1 - every) * timing.load_to_compute_cycles
    return rest - every * held(stages.load, stages.commands, timing.load_entries)


def _all_held(operations: Float[Tensor, "*b"], entries: float | Tensor) -> Float[Tensor, "*b"]:
    """1 where all of ``operations`` are held, else 0, continuous: a ramp over the last quarter."""
    return (4 * entries / operations - 3).clamp(0.0, 1.0)
