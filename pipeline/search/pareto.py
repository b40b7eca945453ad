"""Fronts of EDP and area: one search for each of a falling series of area limits."""

from collections.abc import Callable, Sequence

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


def front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether each point (both coordinates to be minimised) is dominated by no other one."""
    return [
        not any(other != point and other[0] <= point[0] and other[1] <= point[1] for other in points)
        for point in points
    ]
