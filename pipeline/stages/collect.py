"""Join the measurements of one round to the training data.

Rows that could not be measured are left out and counted. Each new row gets its ``round`` and, per model trained
before the round, ``pred.<kind>.cycles`` and ``pred.<kind>.cycles_std``: predictions for mappings that the model had
not seen.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from pipeline.machine.latency import LatencyModel
from pipeline.stages import command
from pipeline.stages.estimate import estimate_table
from pipeline.stages.models import load_latency_model
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


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Join measurements of one round to the training data.")
    parser.add_argument("--round", required=True, type=int)
    parser.add_argument("--before", type=Path, help="data of the rounds before")
    parser.add_argument("--models", nargs="*", default=[], type=Path, help="models trained before this round")
    parser.add_argument("--tables", required=True, nargs="+", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    models = {path.stem: load_latency_model(str(path), "rtl", "spill") for path in args.models}
    before = read_table(args.before) if args.before else None
    table, failed = collect_tables(before, [read_table(path) for path in args.tables], args.round, models)
    if table.empty:
        raise ValueError(f"no mapping could be measured; the first of {len(failed)} reasons: {failed[0]}")
    write_table(table, args.out)
    command.say(f"collect round {args.round}", [f"{len(table)} measurements", f"{len(failed)} failed", *failed[:1]])


if __name__ == "__main__":
    command.run(main)
