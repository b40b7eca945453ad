"""What hardware and what mappings give: each from the default, both, and both within an area."""

import pandas as pd

from pipeline.stages.reporting import words
from pipeline.stages.reporting.results import JUDGED, StudyResults, best_of
from pipeline.stages.totals import totals
from pipeline.table import hardware_key

NEAR = 1.01
"""How much above the best objective a smaller design may be."""

ROWS = (
    "default hardware, default tiler",
    "default hardware, searched mappings",
    "found hardware, default tiler",
    "found hardware, searched mappings",
    "both, at most the default's area",
    "both, smallest within 1 % of the best",
)


def parts_table(results: StudyResults, designs: pd.DataFrame) -> pd.DataFrame:
    """``ROWS`` of each workload that were simulated; ``designs`` have area and gain. Gains above 1 are better."""
    records: list[dict[str, object]] = []
    for workload, group in designs.groupby("workload", sort=False):
        default = group[group["variant"] == "reference"].iloc[0]
        best = best_of(group)
        near = group[(group["objective"] <= NEAR * best["objective"]) & (group["over_limit"] <= best["over_limit"])]
        kept, small = group["hardware"] == default["hardware"], group["area_mm2"] <= default["area_mm2"]
        searched = group["variant"] != "reference"
        rows = (
            default,
            _least(group[kept & searched], *JUDGED),
            _tiled(results, str(workload), best),
            best,
            _least(group[small & searched], *JUDGED),
            _least(near, "area_mm2"),
        )
        records += [
            _record(str(workload), name, row, default) for name, row in zip(ROWS, rows, strict=True) if row is not None
        ]
    return pd.DataFrame(records)


def tiled_totals(results: StudyResults, workload: str) -> tuple[float, float, float] | None:
    """Cycles, energy and EDP of the default tiler on the found hardware; None when not all layers were simulated."""
    measured, finals = results.measured, results.finals[results.finals["workload"] == workload]
    if measured.empty or finals.empty:
        return None
    tiled = measured[
        (measured["workload"] == workload) & (measured["sample.origin"] == "tiled") & (measured["error"] == "")
    ]
    template = results.machine.template
    found = hardware_key(finals, template).iloc[0]
    tiled = tiled[(hardware_key(tiled, template) == found).all(axis=1)]
    tiled = tiled.drop_duplicates("layer.name")
    return totals(tiled) if set(tiled["layer.name"]) == set(finals["layer.name"]) else None


def _tiled(results: StudyResults, workload: str, best: pd.Series) -> pd.Series | None:
    costs = tiled_totals(results, workload)
    if costs is None:
        return None
    known = dict(zip(("sim.cycles", "sim.energy_uj", "sim.edp"), costs, strict=True))
    return pd.Series(best.to_dict() | known | {"objective": results.goal.value(*costs[:2])})


def _least(rows: pd.DataFrame, *columns: str) -> pd.Series | None:
    return None if rows.empty else rows.sort_values(list(columns), kind="stable").iloc[0]


def _record(workload: str, name: str, row: pd.Series, default: pd.Series) -> dict[str, object]:
    return {
        "workload": workload,
        "design": name,
        "hardware": words.hardware(row.to_dict()),
        "improvement": float(default["objective"] / row["objective"]),
        "cycles_gain": float(default["sim.cycles"] / row["sim.cycles"]),
        "energy_gain": float(default["sim.energy_uj"] / row["sim.energy_uj"]),
        "area_ratio": float(row["area_mm2"] / default["area_mm2"]),
    }
