"""The best sum of one choice a layer, by convex hulls instead of by trying all combinations.

A network's cycles and energy are sums over its layers, so on given hardware the reachable totals are the sum of the
layers' sets of (cycles, energy). The objective a log(cycles) + b log(energy) with a, b >= 0 is concave, and a concave
function has its minimum over a polygon at a corner. A corner of a sum of sets minimises w cycles + energy for some
w >= 0, and that splits by layer: it is the sum of one corner of each layer's hull. So walking the edges of all hulls
in the order of their slopes passes every corner of the sum, and the best of them is the best of all combinations.

With a limit on cycles the best combination need not be a corner. The corners and the point where the hull crosses the
limit bound it from below; the best corner within the limit is reachable. Both are given.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from pipeline.search.pareto import front


@dataclass(frozen=True, slots=True)
class Hull:
    """The corners of a set of (cycles, energy) that some weighting of both makes the least, by rising cycles."""

    index: Int[np.ndarray, " corners"]
    """Which elements of the set they are."""
    cycles: Float[np.ndarray, " corners"]
    energy_uj: Float[np.ndarray, " corners"]


@dataclass(frozen=True, slots=True)
class Best:
    """The best sum of one element a set."""

    log_score: float
    """a log(cycles) + b log(energy) of the choice."""
    bound: float
    """No choice within the limit has a lower one; equal to ``log_score`` without a limit."""
    cycles: float
    energy_uj: float
    choice: tuple[int, ...]
    """Index into each set."""


def lower_hull(cycles: Float[np.ndarray, " n"], energy_uj: Float[np.ndarray, " n"]) -> Hull:
    """The corners of the lower left part of the convex hull (Andrew's monotone chain, 1979)."""
    chain: list[int] = []
    for at in front(cycles, energy_uj).tolist():
        while len(chain) > 1 and not _turns(cycles, energy_uj, chain[-2], chain[-1], at):
            chain.pop()
        chain.append(at)
    index = np.array(chain, dtype=np.int64)
    return Hull(index, cycles[index], energy_uj[index])


def _turns(x: np.ndarray, y: np.ndarray, first: int, middle: int, last: int) -> bool:
    """Whether the middle point lies below the line between the others."""
    return bool((x[middle] - x[first]) * (y[last] - y[first]) > (y[middle] - y[first]) * (x[last] - x[first]))


def best_sum(
    hulls: list[Hull], counts: Float[np.ndarray, " L"], weights: tuple[float, float], max_cycles: float = np.inf
) -> Best | None:
    """The best sum of one corner a hull, each ``counts`` times, by the ``weights`` of log cycles and log energy.

    None where no choice keeps ``max_cycles``.
    """
    cycles, energy, owner = corner_sums(hulls, counts)
    a, b = weights
    score = a * np.log(cycles) + b * np.log(energy)
    within = np.flatnonzero(cycles <= max_cycles)
    if len(within) == 0:
        return None
    best = int(within[score[within].argmin()])
    bound = float(score[best])
    if within[-1] + 1 < len(cycles):
        share = (max_cycles - cycles[within[-1]]) / (cycles[within[-1] + 1] - cycles[within[-1]])
        crossing = energy[within[-1]] + share * (energy[within[-1] + 1] - energy[within[-1]])
        bound = min(bound, float(a * np.log(max_cycles) + b * np.log(crossing)))
    steps = np.bincount(owner[:best], minlength=len(hulls))
    choice = tuple(int(hull.index[step]) for hull, step in zip(hulls, steps, strict=True))
    return Best(float(score[best]), bound, float(cycles[best]), float(energy[best]), choice)


def corner_sums(
    hulls: list[Hull], counts: Float[np.ndarray, " L"]
) -> tuple[Float[np.ndarray, " corners"], Float[np.ndarray, " corners"], Int[np.ndarray, " edges"]]:
    """Corners of the sum by rising cycles, and whose edge leads from each to the next."""
    d_cycles = np.concatenate([np.diff(h.cycles) * n for h, n in zip(hulls, counts, strict=True)])
    d_energy = np.concatenate([np.diff(h.energy_uj) * n for h, n in zip(hulls, counts, strict=True)])
    owner = np.repeat(np.arange(len(hulls)), [len(h.cycles) - 1 for h in hulls])
    order = np.argsort(d_energy / d_cycles, kind="stable")
    first_cycles = sum(h.cycles[0] * n for h, n in zip(hulls, counts, strict=True))
    first_energy = sum(h.energy_uj[0] * n for h, n in zip(hulls, counts, strict=True))
    cycles = first_cycles + np.r_[0.0, d_cycles[order].cumsum()]
    energy = first_energy + np.r_[0.0, d_energy[order].cumsum()]
    return cycles, energy, owner[order]
