"""How close the two analytical views are to what they model.

The Timeloop view is compared with the public Timeloop evaluations. Both views are compared as predictors of cycles: on
the public FPGA counts (array size from the mapping, partial sums dropped, as those runs did), and on our own simulated
mappings where the default study has measured some. The RTL view's ``soc`` constants were chosen on the public counts.
"""

import numpy as np
import pandas as pd

from benches.common import GEMMINI, PUBLIC, TIMELOOP, Cell, write
from pipeline.choices import DimRule, PartialSums
from pipeline.files import ROOT, reference_file
from pipeline.machine.latency import AnalyticalModel
from pipeline.stages.entry import guarded
from pipeline.stages.estimate import estimate_table
from pipeline.table import read_table

DATASET = ROOT / "results" / "default" / "dataset.parquet"


def reference_rows() -> list[dict[str, Cell]]:
    """Errors of the Timeloop view on the public evaluations, in percent."""
    table = estimate_table(read_table(reference_file("timeloop_reference.csv.gz")), model=AnalyticalModel(TIMELOOP))
    rows: list[dict[str, Cell]] = []
    for name, target, unit in (("cycles", "cycle", 1.0), ("energy_uj", "energy", 1.0), ("edp", "edp", 1e6)):
        off = 100 * (table[f"pred.{name}"] / table[f"target.{target}"] / unit - 1).abs()
        rows.append({"against": f"Timeloop {name}", "view": "timeloop", "rows": len(off)} | _errors(off))
    off = 100 * (table["pred.area_mm2"] / table["target.area"] - 1).abs()
    return [*rows, {"against": "Timeloop area_mm2", "view": "timeloop", "rows": len(off)} | _errors(off)]


def cycle_rows(
    name: str, table: pd.DataFrame, target: str, dim_rule: DimRule, partial_sums: PartialSums
) -> list[dict[str, Cell]]:
    """Rank correlation and errors of both views as predictors of measured cycles."""
    rows: list[dict[str, Cell]] = []
    for view, machine in (("timeloop", TIMELOOP), ("rtl", PUBLIC if partial_sums == "drop" else GEMMINI)):
        estimated = estimate_table(table, model=AnalyticalModel(machine), dim_rule=dim_rule)
        good = estimated[estimated["error"] == ""]
        off = 100 * (good["pred.cycles"] / good[target] - 1).abs()
        rank = float(good["pred.cycles"].corr(good[target], method="spearman"))
        rows.append({"against": name, "view": view, "rows": len(off), "spearman": rank} | _errors(off))
    return rows


def _errors(off: pd.Series) -> dict[str, Cell]:
    values = off.to_numpy()
    return {
        "mean_percent": float(values.mean()),
        "median_percent": float(np.median(values)),
        "worst_percent": float(values.max()),
    }


def main() -> None:
    """Print the table and write ``results/bench/views.json``."""
    public = read_table(reference_file("firesim_gemmini.csv.gz"))
    rows = reference_rows() + cycle_rows("public FPGA cycles", public, "target.cycle", "from-mapping", "drop")
    if DATASET.exists():
        rows += cycle_rows("our RTL, default study", read_table(DATASET), "sim.cycles", "from-table", "spill")
    write("views", rows)


if __name__ == "__main__":
    guarded(main)
