"""EDP-area front of a workload: one search for each of a falling series of area limits, as one table."""

import argparse
from pathlib import Path

import pandas as pd

from pipeline.machine.latency import LatencyModel
from pipeline.search.pareto import front, sweep_areas
from pipeline.search.result import SearchResult
from pipeline.stages import command
from pipeline.stages.search import run_search
from pipeline.table import check_ending, write_table
from pipeline.workload import Workload, load_workload


def run_pareto(
    workload: Workload, *, evaluations: int, points: int, model: LatencyModel, seed: int, fix_dim: int | None = None
) -> pd.DataFrame:
    """A row for each area limit with the design found under it, ``evaluations`` each; smallest area last."""

    def search(max_area_mm2: float | None) -> SearchResult:
        return run_search(
            workload,
            method="gradient",
            evaluations=evaluations,
            model=model,
            seed=seed,
            fix_dim=fix_dim,
            max_area_mm2=max_area_mm2,
        )

    results = sweep_areas(search, points)
    table = pd.DataFrame(
        {
            "area_mm2": [r.area_mm2 for r in results],
            "edp": [r.edp for r in results],
            "cycles": [r.cycles for r in results],
            "energy_uj": [r.energy_uj for r in results],
            "dim": [r.hardware.dim for r in results],
            "scratchpad_kib": [r.hardware.scratchpad_kib for r in results],
            "accumulator_kib": [r.hardware.accumulator_kib for r in results],
        }
    )
    table["on_front"] = front(list(zip(table["area_mm2"], table["edp"], strict=True)))
    return table


def _stage(given: argparse.Namespace) -> None:
    from pipeline.stages.models import load_latency_model  # noqa: PLC0415 (loads GPyTorch)

    check_ending(given.out)
    if given.points < 1:
        raise ValueError(f"points = {given.points}: must be at least 1")
    table = run_pareto(
        load_workload(given.workload),
        evaluations=given.evaluations,
        points=given.points,
        model=load_latency_model(given.model, given.platform, "spill"),
        seed=given.seed,
        fix_dim=given.fix_dim,
    )
    write_table(table, given.out)
    print(table.to_string(index=False))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline.stages.pareto", description=__doc__)
    parser.add_argument("--workload", required=True, help="name or .yaml file")
    parser.add_argument("--evaluations", required=True, type=int, help="evaluations for each point")
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--model", default="analytical", help="'analytical' or the file of a trained model")
    parser.add_argument("--platform", choices=["timeloop", "rtl"], default=None)
    parser.add_argument("--fix-dim", type=int, default=None)
    parser.add_argument("out", type=Path, help="table to write (.csv, .csv.gz or .parquet)")
    return parser


if __name__ == "__main__":
    arguments = _parser().parse_args()
    command.run(lambda: _stage(arguments))
