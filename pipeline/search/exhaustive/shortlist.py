"""The mappings of a layer that cost least on a few hardware, one in a hundred of all that there are.

The certified search keeps what may be a corner; a model that judges differently may prefer what lies close to one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from pipeline.hardware import Hardware
from pipeline.mapping_tensors import LayerTensors
from pipeline.search.exhaustive.columns import TILINGS, Columns, Costing
from pipeline.search.exhaustive.tilings import EXACT, Tilings
from pipeline.workload import Layer

SHARE = 0.01
"""Of all exact mappings of a layer that fit a hardware, in all orders that make a difference."""

MOST = 2_000
"""Mappings of a layer on one hardware, at most."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The mappings of one layer that cost least on one hardware, the cheapest first."""

    cost: Float[np.ndarray, " rows"]
    extent: Int[np.ndarray, "rows 7"]
    rank: Int[np.ndarray, "rows 7"]
    seen: int = 0
    """Mappings that fit, these included."""

    @classmethod
    def none(cls) -> "Ranked":
        """Nothing yet."""
        return cls(np.empty(0), np.empty((0, 7), dtype=np.int64), np.empty((0, 7), dtype=np.int64))

    def with_more(self, columns: Columns, hardware: Hardware, weights: tuple[float, float]) -> "Ranked":
        """The best ``MOST`` of these and of ``columns``, cycles and energy weighted by ``weights``."""
        rows, cycles, energy = columns.on(hardware)
        cost = np.r_[self.cost, weights[0] * cycles + weights[1] * energy]
        extent, rank = np.r_[self.extent, columns.extent[rows]], np.r_[self.rank, columns.rank[rows]]
        least = np.argsort(cost, kind="stable")[:MOST]
        return Ranked(cost[least], extent[least], rank[least], self.seen + len(rows))

    def shortlist(self) -> Int[np.ndarray, "2 rows 7"]:
        """Extents and loop orders of the best ``SHARE`` of all that fit."""
        count = min(MOST, math.ceil(SHARE * self.seen))
        return np.stack([self.extent[:count], self.rank[:count]])


def shortlists(
    costing: Costing,
    layer: Layer,
    hardware: Sequence[Hardware],
    weights: Sequence[tuple[float, float]],
    advance: Callable[[int], None] = lambda _: None,
) -> list[Int[np.ndarray, "2 rows 7"]]:
    """Tile extents and loop orders of the shortlist of ``layer`` on each hardware, with its own weights of the costs.

    ``advance`` counts tilings.
    """
    tilings, one = Tilings.of(layer, costing.dim, EXACT), LayerTensors.stack([layer])
    best = [Ranked.none() for _ in hardware]
    for start in range(0, len(tilings), TILINGS):
        extent = tilings.block(start, TILINGS)
        advance(len(extent))
        extent, _ = costing.held(one, extent)
        if len(extent):
            columns = costing.in_every_order(one, tilings, extent)
            best = [known.with_more(columns, on, by) for known, on, by in zip(best, hardware, weights, strict=True)]
    return [known.shortlist() for known in best]
