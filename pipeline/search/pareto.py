"""Pareto fronts of two costs, and the front of EDP and area by one search for each of a falling series of limits."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from pipeline.search.result import SearchResult

AREA_STEP = 0.7
"""Each area limit is this share of the smallest area found so far."""


def sweep_areas(search: Callable[[float | None], SearchResult], points: int) -> list[SearchResult]:
    """Results of ``search`` (called with an area limit in mm2) without a limit and under ``points`` - 1 falling ones.

    Stops early where a limit leaves nothing to build.
    """
    results = [search(None)]
    while len(results) < points:
        limit = AREA_STEP * min(result.area_mm2 for result in results)
        try:
            results.append(search(limit))
        except ValueError:
            break
    return results


def front(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> Int[np.ndarray, " front"]:
    """Points that no other one beats in one cost without losing in the other, by rising ``first``; of equal points the
    first one. Both costs are minimised."""
    order = np.lexsort((second, first))
    least = np.minimum.accumulate(second[order])
    new = np.ones(len(order), dtype=bool)
    new[1:] = second[order][1:] < least[:-1]
    return order[new]


def on_front(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Whether each point is on the front; of equal points all are, or none is."""
    best = front(first, second)
    place = np.searchsorted(first[best], first, side="right") - 1
    equal: Bool[np.ndarray, " n"] = (first[best][place] == first) & (second[best][place] == second)
    return equal
