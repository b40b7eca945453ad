"""Shares of several causes in a difference that they make together (Shapley, 1953)."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations

Subset = frozenset[str]


def subsets(causes: Iterable[str]) -> Iterator[Subset]:
    """All subsets of ``causes``, the empty one first, all of them last."""
    causes = list(causes)
    return (frozenset(chosen) for size in range(len(causes) + 1) for chosen in combinations(causes, size))


def shares(causes: Sequence[str], saved: Mapping[Subset, int]) -> dict[str, float]:
    """The part of each cause in ``saved[all] - saved[none]``: what it adds, averaged over all orders of adding them.

    ``saved`` has a value for every subset of ``causes``. The shares add up to the difference: they are rounded only
    once, from exact fractions.
    """
    count = len(causes)
    result = {}
    for cause in causes:
        share = Fraction(0)
        for others in subsets(other for other in causes if other != cause):
            orders = math.factorial(len(others)) * math.factorial(count - len(others) - 1)
            share += Fraction(orders, math.factorial(count)) * (saved[others | {cause}] - saved[others])
        result[cause] = float(share)
    return result
