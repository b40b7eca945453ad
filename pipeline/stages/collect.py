"""Join the measurements of one round to the training data.

Rows that could not be measured are left out and counted. Each new row gets its ``round`` and, per model trained
before the round, ``pred.<kind>.cycles`` and ``pred.<kind>.cycles_std``: predictions for mappings that the model had
not seen.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.machine.latency import LatencyModel
from pipeline.plugins import is_own, short_name
from pipeline.stages import command
from pipeline.stages.entry import run
from pipeline.stages.estimate import estimate_table
from pipeline.stages.machines import DesignOption, MemoryOption
from pipeline.stages.models import model_asked
from pipeline.table import read_table, write_table

IDENTITY = ("prob.", "arch.", "mapping.mapping")
"""What tells two measurements apart: columns that start with one of these."""


def collect_tables(
    before: pd.DataFrame | None, tables: Sequence[pd.DataFrame], number: int, models: Mapping[str, LatencyModel]
) -> tuple[pd.DataFrame, list[str]]:
    """Data of all rounds up to ``number``, and the messages of rows that could not be measured."""
    joined = pd.concat(tables, ignore_index=True)
    failed = joined[joined["error"] != ""]["error"].tolist()
    fresh = joined[joined["error"] == ""]
    fresh = fresh[[name for name in fresh.columns if name != "error" and not name.startswith("pred.")]]
    fresh.insert(0, "round", number)
    for kind, model in models.items():
        fresh = _predicted(fresh, kind, model)
    everything = fresh if before is None else pd.concat([before, fresh], ignore_index=True)
    identity = [column for column in everything.columns if column.startswith(IDENTITY)]
    return everything.drop_duplicates(identity, ignore_index=True), failed


def _predicted(table: pd.DataFrame, kind: str, model: LatencyModel) -> pd.DataFrame:
    estimate = estimate_table(table, model=model)
    names = [name for name in ("cycles", "cycles_std") if f"pred.{name}" in estimate]
    return table.assign(**{f"pred.{kind}.{name}": estimate[f"pred.{name}"] for name in names})


def _name(model: str) -> str:
    """What the columns of a model are called."""
    return short_name(model) if is_own(model) else Path(model).stem


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table to write.")],
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE...", help="Simulated batches of the round.")],
    number: Annotated[int, typer.Option("--round", help="Number of the round.")],
    before: Annotated[Path | None, typer.Option(help="Data of the rounds before.")] = None,
    model: Annotated[list[str], typer.Option(help="A model known before this round (repeatable).")] = [],  # noqa: B006
    design: DesignOption = None,
    memory: MemoryOption = None,
) -> None:
    """Join measurements of one round to the training data."""
    models = {_name(spec): model_asked(spec, None, design, memory) for spec in model}
    known = read_table(before) if before else None
    table, failed = collect_tables(known, [read_table(path) for path in tables], number, models)
    if table.empty:
        raise ValueError(f"no mapping could be measured; the first of {len(failed)} reasons: {failed[0]}")
    write_table(table, out)
    command.say(f"collect round {number}", [f"{len(table)} measurements", f"{len(failed)} failed", *failed[:1]])


if __name__ == "__main__":
    run(main)
