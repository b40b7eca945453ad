"""EDP-area front of a workload: one search for each of a falling series of area limits, as one table."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.machine.latency import LatencyModel
from pipeline.search.pareto import on_front, sweep_areas
from pipeline.search.result import SearchResult
from pipeline.stages.command import ModelOption, check_out_table
from pipeline.stages.entry import run
from pipeline.stages.machines import DesignOption, MemoryOption, PlatformOption
from pipeline.stages.models import model_asked
from pipeline.stages.search import run_search
from pipeline.table import write_table
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
        }
        | {size: [r.hardware[size] for r in results] for size in model.machine.template.sizes}
    )
    table["on_front"] = on_front(table["area_mm2"].to_numpy(float), table["edp"].to_numpy(float))
    return table


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table to write (.csv, .csv.gz or .parquet).")],
    workload: Annotated[str, typer.Option(help="Name of a workload, or a .yaml file.")],
    evaluations: Annotated[int, typer.Option(min=1, help="Evaluations for each point.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed.")],
    points: Annotated[int, typer.Option(min=1, help="Points of the front.")] = 8,
    model: ModelOption = "analytical",
    platform: PlatformOption = None,
    design: DesignOption = None,
    memory: MemoryOption = None,
    fix_dim: Annotated[int | None, typer.Option(help="Fix the array to DIM x DIM.")] = None,
) -> None:
    """Search the EDP-area front of a workload.

    One search for each of a falling series of area limits.
    """
    check_out_table(out)
    table = run_pareto(
        load_workload(workload),
        evaluations=evaluations,
        points=points,
        model=model_asked(model, platform, design, memory),
        seed=seed,
        fix_dim=fix_dim,
    )
    write_table(table, out)
    typer.echo(table.to_string(index=False))


if __name__ == "__main__":
    run(main)
