"""Simulate a final design once more, on its own.

The whole network runs on the timing build with the other driver than the study's: its cycles must be those that chose
the design. Sampled layers run on the full build, where every output byte is compared with the golden model.
"""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.choices import Memory
from pipeline.stages import command
from pipeline.stages.entry import run
from pipeline.stages.simulate import simulate_table
from pipeline.table import read_table, write_table
from sim.build import Datapath
from sim.task import Driver


def validate_table(
    mappings: pd.DataFrame,
    *,
    design: str,
    memory: Memory,
    driver: Driver,
    exact_layers: int,
    exact_max_cycles: int,
    seed: int,
    work_dir: Path,
) -> pd.DataFrame:
    """``mappings`` (with ``sim.cycles``) with what the second run found.

    Adds ``validation.cycles`` and ``validation.agrees``; ``exact.cycles`` and ``exact.agrees`` where a layer was
    sampled (full build, same cycles and every output byte right), else empty; and ``error``.
    """
    inputs = mappings[[column for column in mappings.columns if not column.startswith("sim.")]]

    def simulated(rows: pd.DataFrame, datapath: Datapath) -> pd.DataFrame:
        return simulate_table(
            rows,
            design=design,
            datapath=datapath,
            memory=memory,
            driver=driver,
            jobs=1,
            dim_rule="from-table",
            partial_sums="spill",
            work_dir=work_dir / datapath,
        )

    timing = simulated(inputs, "timing")
    result = mappings.assign(**{"validation.cycles": timing["sim.cycles"], "error": timing["error"]})
    result["validation.agrees"] = result["validation.cycles"] == result["sim.cycles"]
    sampled = exact_sample(mappings, exact_layers, exact_max_cycles, seed)
    result["exact.cycles"] = pd.Series(dtype="float64")
    result["exact.agrees"] = pd.Series(dtype="boolean")
    if sampled:
        exact = simulated(inputs.loc[sampled], "full")
        result.loc[sampled, "exact.cycles"] = exact.get("sim.cycles")
        agrees = (exact["error"] == "") & (result.loc[sampled, "exact.cycles"] == mappings.loc[sampled, "sim.cycles"])
        result.loc[sampled, "exact.agrees"] = agrees
        failed = exact.index[exact["error"] != ""]
        result.loc[failed, "error"] = exact.loc[failed, "error"]
    return result


def exact_sample(mappings: pd.DataFrame, layers: int, max_cycles: int, seed: int) -> list[int]:
    """Rows to check bit by bit: random ones that take at most ``max_cycles``, else the shortest."""
    affordable = mappings[mappings["sim.cycles"] <= max_cycles]
    if affordable.empty:
        affordable = mappings.nsmallest(1, "sim.cycles")
    return sorted(affordable.sample(min(layers, len(affordable)), random_state=seed).index)


def main(
    mappings: Annotated[Path, typer.Argument(metavar="MAPPINGS", help="mappings.csv of the final design.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table to write.")],
    design: Annotated[str, typer.Option(help="A design under rtl/.")],
    memory: Annotated[Memory, typer.Option(help="Memory model below the bus.")],
    driver: Annotated[Driver, typer.Option(help="The driver that did not choose the design.")],
    exact_layers: Annotated[int, typer.Option(help="Layers to check bit by bit.")],
    exact_max_cycles: Annotated[int, typer.Option(help="Largest simulated cycles of one of them.")],
    seed: Annotated[int, typer.Option(help="Seed of their choice.")],
) -> None:
    """Simulate a final design once more, sampled layers bit by bit."""
    command.check_out_table(out, mappings)
    table = validate_table(
        read_table(mappings),
        design=design,
        memory=memory,
        driver=driver,
        exact_layers=exact_layers,
        exact_max_cycles=exact_max_cycles,
        seed=seed,
        work_dir=out.parent / f".{out.name}.work",
    )
    write_table(table, out)
    exact = table["exact.agrees"].dropna()
    same, right = int(table["validation.agrees"].sum()), int(exact.sum())
    said = [f"{same} of {len(table)} layers with the same cycles", f"{right} of {len(exact)} sampled layers bit-exact"]
    command.say("validate", [out.stem, *said])


if __name__ == "__main__":
    run(main)
