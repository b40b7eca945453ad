"""Loop orders: which ones a search looks at.

Only what the innermost loops leave untouched is reused, so an order is a choice of the innermost group: P, Q, N keep
weights in place, K keeps inputs, R, S, C keep outputs (DOSA, section 5.2). Inside a group the order decides which
neighbouring input windows overlap.
"""

from itertools import permutations
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.workload import C, K, N, P, Q, R, S

OrderMethod = Literal["none", "three", "soft", "all"]
"""Fixed orders; the three published ones re-chosen at rounding; a soft choice of these three in every step; every
order that matters re-chosen at rounding."""

WEIGHT_STATIONARY = (K, C, S, R, N, Q, P)
INPUT_STATIONARY = (N, C, Q, P, S, R, K)
OUTPUT_STATIONARY = (N, Q, P, K, C, S, R)


def rank_of(order: tuple[int, ...]) -> list[int]:
    """Position of each dimension for an order written outermost first."""
    return [order.index(dim) for dim in range(len(order))]


THREE = torch.tensor([rank_of(order) for order in (WEIGHT_STATIONARY, INPUT_STATIONARY, OUTPUT_STATIONARY)])
"""Weight, input and output stationary [3, 7]."""


def _every_order() -> Int[Tensor, "orders 7"]:
    groups: list[list[tuple[int, ...]]] = [
        [(N, Q, P), (N, P, Q)],
        [(K,)],
        [(C, S, R), (S, R, C), (C, R, S)],
    ]
    found = []
    for first, second, third in permutations(groups):
        found += [rank_of(a + b + c) for a in first for b in second for c in third]
    return torch.tensor(found)


EVERY = _every_order()
"""Every order of the three groups, with the orders inside a group that shift input windows differently [36, 7]."""


def start_rank(levels: int) -> Int[Tensor, "levels 7"]:
    """Weight stationary at every level: what the accelerator does inside a tile."""
    return THREE[0].expand(levels, 7).clone()


def orders_of(method: OrderMethod) -> Int[Tensor, "orders 7"]:
    """DRAM loop orders among which ``method`` chooses."""
    return {"none": THREE[:1], "three": THREE, "soft": THREE, "all": EVERY}[method]
