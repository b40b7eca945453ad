"""What to measure next: the fast candidates that a model knows least about."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.machine.latency import Latency


def most_uncertain(latency: Latency, limit_cycles: Float[Tensor, " n"], count: int) -> Int[Tensor, " k"]:
    """The ``count`` candidates with the largest relative uncertainty; by a model without one, the fastest.

    Only candidates count whose predicted cycles are at most ``limit_cycles``: what is surely slow need not be known
    better. Fast is meant in relation to that limit.
    """
    deviation = limit_cycles if latency.cycles_std is None else latency.cycles_std
    relative = torch.where(latency.cycles <= limit_cycles, deviation / latency.cycles, -1.0)
    chosen = relative.argsort(descending=True, stable=True)[:count]
    return chosen[relative[chosen] >= 0]
