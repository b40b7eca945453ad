"""What the commands share: options, what is checked before any work begins, and how they end."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.choices import DimRule, PartialSums
from pipeline.files import check_out
from pipeline.hardware import Hardware, Template
from pipeline.table import check_ending, write_table

InTable = Annotated[Path, typer.Argument(metavar="IN", help="Table to read (.csv, .csv.gz or .parquet).")]
OutTable = Annotated[Path, typer.Argument(metavar="OUT", help="Table to write (.csv, .csv.gz or .parquet).")]
DimOption = Annotated[DimRule, typer.Option("--dim", help="Array size: from arch.meshX or from the mapping.")]
SumsOption = Annotated[PartialSums, typer.Option("--partial-sums", help="Spill partial sums, or leave them out.")]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="analytical|FILE|MODULE:CLASS",
        help="'analytical', the file of a trained model, or a class of your own.",
    ),
]


def check_out_table(out: Path, *inputs: Path) -> None:
    """``check_out``, and the ending must be one that tables have."""
    check_ending(out)
    check_out(out, *inputs)


def finish(table: pd.DataFrame, out: Path) -> None:
    """Write ``table``, say its totals and how many rows have an error. Exit status 1 when all have one."""
    write_table(table, out)
    bad = table.loc[table["error"] != "", "error"]
    if len(bad):
        said = f"{len(bad)} of {len(table)} rows have an error, the first: {bad.iloc[0]}"
        typer.echo(f"{out}: {said}", err=True)
    typer.echo(", ".join([f"{out}: {len(table)} rows", *totals(table)]))
    if len(table) and len(bad) == len(table):
        raise typer.Exit(1)


def totals(table: pd.DataFrame) -> list[str]:
    """Sums over the rows without an error, each as often as ``layer.count`` says, and predictions against simulations.

    EDP is the product of the sums, as for a network.
    """
    good = table[table["error"] == ""]
    times = good.get("layer.count", 1)
    said = []
    for prefix, name in (("sim", "simulated"), ("pred", "predicted")):
        if len(good) and {f"{prefix}.cycles", f"{prefix}.energy_uj"} <= set(good.columns):
            cycles = float((good[f"{prefix}.cycles"] * times).sum())
            energy = float((good[f"{prefix}.energy_uj"] * times).sum())
            said.append(f"{name} {cycles:.4g} cycles, {energy:.4g} uJ, EDP {cycles * energy:.4g} uJ-cycles")
    if len(said) > 1:
        error = (good["pred.cycles"] / good["sim.cycles"] - 1).abs().median()
        said.append(f"cycles predicted to {100 * error:.2g} % (median)")
    return said


def hardware(text: str, template: Template, *also: str) -> Hardware:
    """Hardware from its sizes, and AXIS=NUMBER for what of its structure is not the default, separated by commas.

    Raises ValueError that lists what else it may be, ``also``.
    """
    parts = text.split(",")
    count = len(template.sizes)
    try:
        sizes = int(parts[0]), *map(float, parts[1:count])
        numbers = {name: int(number) for name, number in (part.split("=") for part in parts[count:])}
        if len(sizes) != count:
            raise ValueError
    except ValueError:
        names = ",".join(name.upper() for name in template.sizes)
        structure = "[,AXIS=NUMBER...]" if template.structure else ""
        other = f", or one of {', '.join(also)}" if also else ""
        raise ValueError(f"hardware {text!r}: expected {names}{structure} such as 16,128,32{other}") from None
    return template.hardware(*sizes).restructured(numbers)


def say(stage: str, parts: Iterable[str]) -> None:
    """One line of progress."""
    print(f"{stage}: {', '.join(parts)}", flush=True)
