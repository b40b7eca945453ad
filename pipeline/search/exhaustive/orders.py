"""Loop orders that make a difference to a tiling.

A DRAM loop of one turn is none, so only the order of the others counts. Without a cache below the accelerator that
order acts through two things alone: which reduction loops lie outside an output loop (their sums are spilled), and,
where tiles are ragged, which loop is innermost (it decides which tile follows which). With a cache every permutation
may cost differently.
"""

from collections.abc import Iterator
from functools import cache
from itertools import combinations, permutations

import numpy as np
from jaxtyping import Int

from pipeline.workload import DIMS, C, R, S

REDUCTIONS = (R, S, C)


@cache
def distinct_ranks(turns: tuple[bool, ...], cached: bool, ragged: bool) -> Int[np.ndarray, "orders 7"]:
    """One loop order for every cost that the loops which turn more than once (``turns``) can have.

    ``cached`` says that there is a cache below the accelerator, ``ragged`` that tiles differ in size. Each order is
    the position of every dimension, 0 = outermost; the loops of one turn come first.
    """
    active = [d for d in range(len(DIMS)) if turns[d]]
    idle = [d for d in range(len(DIMS)) if not turns[d]]
    orders = permutations(active) if cached else _spill_orders(active, ragged)
    return np.array([np.argsort([*idle, *order]) for order in orders], dtype=np.int64)


def _spill_orders(active: list[int], ragged: bool) -> Iterator[tuple[int, ...]]:
    """An order for each set of reductions outside the outputs and, where ``ragged``, each innermost loop."""
    reductions = [d for d in active if d in REDUCTIONS]
    outputs = [d for d in active if d not in REDUCTIONS]
    if not outputs or not reductions:
        for last in active if ragged else active[:1]:
            yield (*(d for d in active if d != last), last)
        if not active:
            yield ()
        return
    for count in range(len(reductions) + 1):
        for outside in combinations(reductions, count):
            inside = [d for d in reductions if d not in outside]
            innermost = inside or outputs
            for last in innermost if ragged else innermost[:1]:
                body = [d for d in (*outputs, *inside) if d != last]
                yield (*outside, *body, last)
