"""Compare the simulated designs of one workload, or of networks that share the hardware, and choose the best.

A design is one hardware with one mapping a layer. Layers run one after another, so on the same hardware the measured
mapping of each layer can be chosen freely: the *assembled* design takes, from everything simulated on a hardware up
to a round, the mappings that are best for the network by the objective (by default its energy-delay product) within
its latency limit. Networks that share the hardware are assembled one by one: then the weighted geometric mean of their
objectives is lowest too. The result is the best simulated design, whoever found it: the loop, a baseline, or the
default itself. Designs within all limits come before others.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from pipeline.choices import OBJECTIVES
from pipeline.hardware import Hardware, Template
from pipeline.search.exhaustive.hull import best_sum, lower_hull
from pipeline.search.result import CLOCK_MHZ
from pipeline.stages.entry import run
from pipeline.stages.machines import DesignOption, machine_choice
from pipeline.stages.search import ClockOption, LatencyOption, ObjectiveOption, latency_limits
from pipeline.stages.totals import COSTS, Goal, each_network, totals
from pipeline.table import hardware_key, hardware_of, read_table, write_table

REFERENCE = "reference"

EDP = Goal()
"""The lowest energy-delay product, without limits."""


def designs_table(measured: pd.DataFrame, template: Template, goal: Goal = EDP) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All designs of a workload (one row each), and the mappings of the best by ``goal``, whoever found it.

    ``simulated`` is how many simulated mappings a design was chosen from: its own where it is as a search found it.
    ``objective`` and ``over_limit`` are what it is judged by (``Goal``).
    ``measured`` holds the rows of all batches with ``variant`` and ``candidate``; failed ones have an ``error``.
    Raises ValueError when no design of the loop was simulated in full.
    """
    good = measured[measured["error"] == ""]
    layers = set(measured["layer.name"])
    found = good[good["sample.origin"].isin(["found"]) | (good["variant"] == REFERENCE)]
    groups = found.groupby(["variant", "candidate"], sort=False)
    designs = [(group, str(variant), str(candidate), "found") for (variant, candidate), group in groups]
    rounds = sorted((v for v in set(good["variant"]) if is_round(v)), key=lambda name: int(name[1:]))
    families = {variant: [variant] for variant in dict.fromkeys(good["variant"]) if not is_round(variant)}
    families |= {name: rounds[: index + 1] for index, name in enumerate(rounds)}
    for variant, members in families.items():
        chosen = None if variant == REFERENCE else assemble(good[good["variant"].isin(members)], layers, template, goal)
        if chosen is not None:
            designs.append((chosen, variant, "", "assembled"))
    designs = [design for design in designs if set(design[0]["layer.name"]) == layers]
    if not any(is_round(variant) for _, variant, _, _ in designs):
        reasons = measured.loc[measured["error"] != "", "error"].tolist()
        raise ValueError(f"no design of the loop was simulated in full; {len(reasons)} failed, first: {reasons[:1]}")
    records = [
        _record(rows, layers, template, goal)
        | {"variant": variant, "candidate": candidate, "kind": kind}
        | {"simulated": len(rows) if kind == "found" else int(good["variant"].isin(families[variant]).sum())}
        for rows, variant, candidate, kind in designs
    ]
    best, *_ = min(designs, key=lambda design: goal.rank(design[0]))
    return pd.DataFrame(records), best.reset_index(drop=True)


def is_round(variant: str) -> bool:
    """Whether a variant is a round of the loop (``r1``, ``r2``, ...)."""
    return variant[0] == "r" and variant[1:].isdigit()


def assemble(rows: pd.DataFrame, layers: set[str], template: Template, goal: Goal = EDP) -> pd.DataFrame | None:
    """The best design that can be put together from measured ``rows``; None when no hardware has every layer."""
    key = hardware_key(rows, template)
    groups = rows.groupby([key[column] for column in key])
    options = [group for _, group in groups if set(group["layer.name"]) == layers]
    designs = [
        pd.concat(
            [_best_mappings(network, name, goal) for name, (network, _) in each_network(group).items()],
            ignore_index=True,
        )
        for group in options
    ]
    return min(designs, key=goal.rank, default=None)


def _best_mappings(rows: pd.DataFrame, name: str, goal: Goal) -> pd.DataFrame:
    """One row a layer of the network ``name``: the best sum by the objective, or the fastest where all are too slow."""
    by_layer = [group for _, group in rows.groupby("layer.name", sort=False)]
    counts = np.array([float(group["layer.count"].iloc[0]) for group in by_layer])
    hulls = [lower_hull(*(group[f"sim.{cost}"].to_numpy(float) for cost in COSTS)) for group in by_layer]
    best = best_sum(hulls, counts, OBJECTIVES[goal.objective], goal.max_cycles.get(name, np.inf))
    best = best or best_sum(hulls, counts, OBJECTIVES["latency"])
    assert best is not None
    return pd.concat([group.iloc[[at]] for group, at in zip(by_layer, best.choice, strict=True)], ignore_index=True)


def _record(design: pd.DataFrame, layers: Iterable[str], template: Template, goal: Goal) -> dict[str, object]:
    point: Hardware = hardware_of({str(k): v for k, v in design.iloc[0].items()}, template)
    record: dict[str, object] = {
        "variant": "",
        "candidate": "",
        "kind": "",
        "hardware": point.id,
        **point.sizes,
        **({"structure": point.structure_words} if point.changed else {}),
        "layers": len(set(design["layer.name"]) & set(layers)),
    }
    for prefix in ("pred", "sim"):
        record |= zip((f"{prefix}.cycles", f"{prefix}.energy_uj", f"{prefix}.edp"), totals(design, prefix), strict=True)
    over_limit, objective = goal.rank(design)
    return record | {"objective": objective, "over_limit": over_limit}


def load_measured(paths: Sequence[Path]) -> pd.DataFrame:
    """The tables of several batches in one."""
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


def main(
    designs: Annotated[Path, typer.Argument(metavar="DESIGNS", help="Table of designs to write.")],
    mappings: Annotated[Path, typer.Argument(metavar="MAPPINGS", help="Mappings of the best design to write.")],
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE...", help="Simulated batches of the workload.")],
    design: DesignOption = None,
    objective: ObjectiveOption = "edp",
    max_latency: LatencyOption = None,
    clock_mhz: ClockOption = CLOCK_MHZ,
) -> None:
    """Compare the simulated designs of a workload, choose the best."""
    measured = load_measured(tables)
    names = list(each_network(measured))
    limits = zip(names, latency_limits(max_latency or [], names), strict=False)
    goal = Goal(objective, {name: ms * clock_mhz * 1e3 for name, ms in limits})
    compared, best = designs_table(measured, machine_choice(design=design).find().template, goal)
    write_table(compared, designs)
    write_table(best.drop(columns="error"), mappings)


if __name__ == "__main__":
    run(main)
