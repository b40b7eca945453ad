"""What a design costs: sums over the layers of a network; over several networks their weighted geometric mean.

Tables of mappings hold ``layer.count``, and where networks share the hardware ``network`` and ``network.weight``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.choices import OBJECTIVES, Objective

NETWORK = ("network", "network.weight")


def each_network(design: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, float]]:
    """The layers of each network with its weight; a table without networks is one of weight 1."""
    if NETWORK[0] not in design:
        return {"": (design, 1.0)}
    groups = design.groupby(NETWORK[0], sort=False)
    return {str(name): (rows, float(rows[NETWORK[1]].iloc[0])) for name, rows in groups}


def totals(design: pd.DataFrame, prefix: str = "sim") -> tuple[float, float, float]:
    """Cycles, energy in microjoule and EDP in microjoule-cycles; not numbers where a layer was not measured.

    Of several networks each is the geometric mean with the networks' weights, so EDP is still cycles times energy.
    """
    if f"{prefix}.cycles" not in design:
        return (math.nan,) * 3
    networks = each_network(design).values()
    weights = [weight for _, weight in networks]
    cycles, energy = (_mean([_sum(rows, f"{prefix}.{cost}") for rows, _ in networks], weights) for cost in COSTS)
    return cycles, energy, cycles * energy


COSTS = ("cycles", "energy_uj")


def _sum(rows: pd.DataFrame, column: str) -> float:
    return float((rows[column] * rows["layer.count"]).sum(skipna=False))


def _mean(values: list[float], weights: list[float]) -> float:
    if len(values) == 1:
        return values[0]
    return math.exp(float(np.average(np.log(values), weights=weights)))


@dataclass(frozen=True, slots=True)
class Goal:
    """What designs are chosen by: keeping the limits comes first, then the objective."""

    objective: Objective = "edp"
    max_cycles: Mapping[str, float] = field(default_factory=dict)
    """The most that one run of a network may take, by its name; others have no limit."""

    @property
    def exponents(self) -> tuple[float, float]:
        """Of cycles and energy in the objective, without the small ones that only break ties."""
        a, b = OBJECTIVES[self.objective]
        return round(a), round(b)

    def value(self, cycles: float, energy_uj: float) -> float:
        """The objective; lower is better."""
        a, b = self.exponents
        return float(cycles**a * energy_uj**b)

    def over_limit(self, design: pd.DataFrame) -> float:
        """How many times the network that is furthest over its limit takes it; 1 where all keep theirs."""
        limits = [
            _sum(rows, "sim.cycles") / self.max_cycles[name]
            for name, (rows, _) in each_network(design).items()
            if name in self.max_cycles
        ]
        return max([1.0, *limits])

    def rank(self, design: pd.DataFrame) -> tuple[float, float]:
        """A design with the lower one is better."""
        cycles, energy, _ = totals(design)
        return self.over_limit(design), self.value(cycles, energy)
