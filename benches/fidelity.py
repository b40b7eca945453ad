"""How far our RTL's cycle counts are from those that the public data measured on real Gemmini RTL.

A stratified sample of the public FPGA measurements (every array size, convolutions and matrix products, up to 20
million cycles each) is simulated with the timing build on the ``soc`` memory, without partial-sum traffic, as the
measurements were. Memory constants may have been calibrated on the rows with an even position in the sample; the rows
with an odd one are held out. Writes ``results/bench/fidelity.json`` (the table), ``fidelity_rows.csv`` (every row) and
``fidelity.png`` (scatter plots per array size and layer kind).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benches.common import FOLDER, GEMMINI, Cell, quick, write
from pipeline.files import ROOT, reference_file, write_atomically
from pipeline.stages.entry import guarded
from pipeline.stages.simulate import simulate_table
from pipeline.table import Row, RowError, read_table, rows_of, write_table

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SEED = 7
MAX_CYCLES = 20e6
QUICK_MAX_CYCLES = 1.2e6
PER_STRATUM = 16
QUICK_PER_STRATUM = 2


def sample(table: pd.DataFrame, per_stratum: int, max_cycles: float, seed: int) -> pd.DataFrame:
    """Up to ``per_stratum`` rows of each array size and layer kind, spread evenly over the measured cycles."""
    rows = rows_of(table, GEMMINI.template, "from-mapping")
    table = table.assign(
        dim=[row.hardware.dim if isinstance(row, Row) else 0 for row in rows],
        kind=["" if isinstance(row, RowError) else _kind(row) for row in rows],
        half="",
    )
    table = table[(table["dim"] > 0) & (table["target.cycle"] <= max_cycles)]
    generator = np.random.default_rng(seed)
    chosen = []
    for _, group in table.groupby(["dim", "kind"]):
        ordered = group.sort_values("target.cycle", kind="stable")
        # One row at random from each of equally large bins of the sorted rows.
        bins = np.array_split(np.arange(len(ordered)), min(per_stratum, len(ordered)))
        rows_taken = ordered.iloc[[int(generator.choice(members)) for members in bins]].copy()
        rows_taken["half"] = ["calibration" if i % 2 == 0 else "held out" for i in range(len(rows_taken))]
        chosen.append(rows_taken)
    return pd.concat(chosen, ignore_index=True)


def scores(simulated: pd.DataFrame, name: dict[str, Cell]) -> dict[str, Cell]:
    """One line of the table: rank correlation and errors of the rows without an error."""
    good = simulated[simulated["error"] == ""]
    ratio = good["sim.cycles"] / good["target.cycle"]
    error = 100 * (ratio - 1).abs()
    return name | {
        "rows": len(simulated),
        "failed": len(simulated) - len(good),
        "spearman": float(spearmanr(good["sim.cycles"], good["target.cycle"]).statistic) if len(good) > 1 else None,
        "median_error_percent": float(error.median()),
        "mean_error_percent": float(error.mean()),
        "p90_error_percent": float(error.quantile(0.9)),
        "median_ratio": float(ratio.median()),
    }


def table_rows(simulated: pd.DataFrame) -> Iterator[dict[str, Cell]]:
    """The scores of all rows, of both halves, and of every stratum on its held-out half."""
    held_out = simulated[simulated["half"] == "held out"]
    yield scores(simulated, {"dim": "all", "kind": "all", "half": "both"})
    for half, group in simulated.groupby("half"):
        yield scores(group, {"dim": "all", "kind": "all", "half": str(half)})
    for kind, group in held_out.groupby("kind"):
        yield scores(group, {"dim": "all", "kind": str(kind), "half": "held out"})
    for (dim, kind), group in held_out.groupby(["dim", "kind"]):
        yield scores(group, {"dim": int(dim), "kind": str(kind), "half": "held out"})


def plot(simulated: pd.DataFrame, path: Path) -> None:
    """Simulated against measured cycles, a panel per array size and layer kind."""
    dims, kinds = sorted(simulated["dim"].unique()), sorted(simulated["kind"].unique())
    figure, axes = plt.subplots(len(kinds), len(dims), figsize=(3 * len(dims), 3 * len(kinds)), squeeze=False)
    for i, kind in enumerate(kinds):
        for j, dim in enumerate(dims):
            panel, group = axes[i][j], simulated[(simulated["dim"] == dim) & (simulated["kind"] == kind)]
            if group.empty:
                panel.set_axis_off()
                continue
            for half, rows in group.groupby("half"):
                panel.scatter(rows["target.cycle"], rows["sim.cycles"], s=12, label=str(half))
            limits = [group["target.cycle"].min() / 2, group["target.cycle"].max() * 2]
            panel.plot(limits, limits, color="grey", linewidth=0.8)
            panel.set(xscale="log", yscale="log", title=f"DIM {dim}, {kind}", xlim=limits, ylim=limits)
            panel.set(xlabel="measured cycles", ylabel="simulated cycles")
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=110))
    plt.close(figure)


def main() -> None:
    """Run the bench."""
    source = reference_file("firesim_gemmini.csv.gz")
    sizes = (QUICK_PER_STRATUM, QUICK_MAX_CYCLES) if quick() else (PER_STRATUM, MAX_CYCLES)
    chosen = sample(read_table(source), *sizes, SEED)
    simulated = simulate_table(
        chosen,
        design="gemmini",
        datapath="timing",
        memory="soc",
        driver="cocotb",
        jobs=len(os.sched_getaffinity(0)),
        dim_rule="from-mapping",
        partial_sums="drop",
        work_dir=ROOT / "results" / "bench" / "fidelity.work",
    )
    write_table(simulated, FOLDER / "fidelity_rows.csv")
    plot(simulated[simulated["error"] == ""], FOLDER / "fidelity.png")
    write("fidelity", list(table_rows(simulated)), seeds=[SEED])


def _kind(row: Row) -> str:
    return "matrix product" if row.mapping.layer.is_matmul else "convolution"


if __name__ == "__main__":
    guarded(main)
