"""What a design costs: sums over the layers of a network; over several networks their weighted geometric mean.

Tables of mappings hold ``layer.count``, and where networks share the hardware ``network`` and ``network.weight``.
"""

import math

import numpy as np
import pandas as pd

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
