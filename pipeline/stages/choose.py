"""Compare the simulated designs of one workload, or of networks that share the hardware, and choose the best.

A design is one hardware with one mapping a layer. Layers run one after another, so on the same hardware the measured
mapping of each layer can be chosen freely: the *assembled* design takes, from everything simulated on a hardware up
to a round, the mappings with the lowest energy-delay product of the network. Networks that share the hardware are
assembled one by one: then the weighted geometric mean of their products is lowest too. The result is the design with
the lowest simulated energy-delay product, whoever found it: the loop, a baseline, or the default itself.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.hardware import Hardware, Template
from pipeline.stages.entry import run
from pipeline.stages.machines import DesignOption, machine_choice
from pipeline.stages.totals import each_network, totals
from pipeline.table import hardware_columns, hardware_of, read_table, write_table

REFERENCE = "reference"
SWEEPS = 20


def designs_table(measured: pd.DataFrame, template: Template) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All designs of a workload (one row each), and the mappings of the best, whoever found it.

    ``simulated`` is how many simulated mappings a design was chosen from: its own where it is as a search found it.
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
        chosen = None if variant == REFERENCE else assemble(good[good["variant"].isin(members)], layers, template)
        if chosen is not None:
            designs.append((chosen, variant, "", "assembled"))
    designs = [design for design in designs if set(design[0]["layer.name"]) == layers]
    if not any(is_round(variant) for _, variant, _, _ in designs):
        reasons = measured.loc[measured["error"] != "", "error"].tolist()
        raise ValueError(f"no design of the loop was simulated in full; {len(reasons)} failed, first: {reasons[:1]}")
    records = [
        _record(rows, layers, template)
        | {"variant": variant, "candidate": candidate, "kind": kind}
        | {"simulated": len(rows) if kind == "found" else int(good["variant"].isin(families[variant]).sum())}
        for rows, variant, candidate, kind in designs
    ]
    best, *_ = min(designs, key=lambda design: totals(design[0])[2])
    return pd.DataFrame(records), best.reset_index(drop=True)


def is_round(variant: str) -> bool:
    """Whether a variant is a round of the loop (``r1``, ``r2``, ...)."""
    return variant[0] == "r" and variant[1:].isdigit()


def assemble(rows: pd.DataFrame, layers: set[str], template: Template) -> pd.DataFrame | None:
    """The best design that can be put together from measured ``rows``; None when no hardware has every layer."""
    options = [group for _, group in rows.groupby(hardware_columns(template)) if set(group["layer.name"]) == layers]
    designs = [
        pd.concat([_best_mappings(network) for network, _ in each_network(group).values()], ignore_index=True)
        for group in options
    ]
    return min(designs, key=lambda design: totals(design)[2], default=None)


def _best_mappings(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a layer of one network; each in turn is replaced where that lowers its EDP, until none is."""
    by_layer = [group for _, group in rows.groupby("layer.name", sort=False)]
    chosen = [int(group["sim.cycles"].argmin()) for group in by_layer]
    cycles = [(group["sim.cycles"] * group["layer.count"]).to_numpy(float) for group in by_layer]
    energy = [(group["sim.energy_uj"] * group["layer.count"]).to_numpy(float) for group in by_layer]
    for _ in range(SWEEPS):
        before = list(chosen)
        for at in range(len(by_layer)):
            other_cycles = sum(cycles[i][chosen[i]] for i in range(len(by_layer)) if i != at)
            other_energy = sum(energy[i][chosen[i]] for i in range(len(by_layer)) if i != at)
            chosen[at] = int(((other_cycles + cycles[at]) * (other_energy + energy[at])).argmin())
        if chosen == before:
            break
    return pd.concat([group.iloc[[pick]] for group, pick in zip(by_layer, chosen, strict=True)], ignore_index=True)


def _record(design: pd.DataFrame, layers: Iterable[str], template: Template) -> dict[str, object]:
    point: Hardware = hardware_of({str(k): v for k, v in design.iloc[0].items()}, template)
    record: dict[str, object] = {
        "variant": "",
        "candidate": "",
        "kind": "",
        "hardware": point.id,
        **point.sizes,
        "layers": len(set(design["layer.name"]) & set(layers)),
    }
    for prefix in ("pred", "sim"):
        record |= zip((f"{prefix}.cycles", f"{prefix}.energy_uj", f"{prefix}.edp"), totals(design, prefix), strict=True)
    return record


def load_measured(paths: Sequence[Path]) -> pd.DataFrame:
    """The tables of several batches in one."""
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


def main(
    designs: Annotated[Path, typer.Argument(metavar="DESIGNS", help="Table of designs to write.")],
    mappings: Annotated[Path, typer.Argument(metavar="MAPPINGS", help="Mappings of the best design to write.")],
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE...", help="Simulated batches of the workload.")],
    design: DesignOption = None,
) -> None:
    """Compare the simulated designs of a workload, choose the best."""
    compared, best = designs_table(load_measured(tables), machine_choice(design=design).find().template)
    write_table(compared, designs)
    write_table(best.drop(columns="error"), mappings)


if __name__ == "__main__":
    run(main)
