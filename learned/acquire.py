"""What to measure next: candidates that a model finds fastest, knows least about, or that differ most from the rest."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.machine.latency import Latency

LEAST_SCALE = 1e-6
"""Standard deviation below which a feature counts as constant."""


def best_predicted(cycles: Float[Tensor, " n"], groups: Int[Tensor, " n"], per_group: int) -> Int[Tensor, " k"]:
    """The ``per_group`` candidates of each group (a layer on a hardware) with the fewest predicted cycles."""
    order = cycles.argsort(stable=True)
    order = order[groups[order].argsort(stable=True)]
    place = torch.arange(len(order)) - torch.searchsorted(groups[order], groups[order])
    return order[place < per_group]


def group_best(cycles: Float[Tensor, " n"], groups: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The fewest predicted cycles in each candidate's group."""
    best = torch.full((int(groups.max()) + 1,), torch.inf, dtype=cycles.dtype)
    return best.scatter_reduce(0, groups, cycles, "amin")[groups]


def most_uncertain(latency: Latency, limit_cycles: Float[Tensor, " n"], count: int) -> Int[Tensor, " k"]:
    """The ``count`` candidates with the largest relative uncertainty; by a model without one, the fastest.

    Only candidates count whose predicted cycles are at most ``limit_cycles``: what is surely slow need not be known
    better. Fast is meant in relation to that limit.
    """
    deviation = limit_cycles if latency.cycles_std is None else latency.cycles_std
    relative = torch.where(latency.cycles <= limit_cycles, deviation / latency.cycles, -1.0)
    chosen = relative.argsort(descending=True, stable=True)[:count]
    return chosen[relative[chosen] >= 0]


def most_diverse(candidates: Float[Tensor, "n f"], measured: Float[Tensor, "m f"], count: int) -> Int[Tensor, " k"]:
    """``count`` candidates, each the farthest from all measured and chosen ones.

    Distances are Euclidean on features divided by their standard deviation; with nothing measured the first is the
    farthest from the mean.
    """
    everything = torch.cat([candidates, measured])
    scale = everything.std(0).clamp(min=LEAST_SCALE)
    points = candidates / scale
    known = measured / scale if len(measured) else points.mean(0, keepdim=True)
    distance = torch.cdist(points, known).amin(1)
    chosen: list[int] = []
    for _ in range(min(count, len(points))):
        pick = int(distance.argmax())
        chosen.append(pick)
        distance = torch.minimum(distance, (points - points[pick]).square().sum(1).sqrt())
        distance[chosen] = -1.0
    return torch.tensor(chosen, dtype=torch.int64)
