"""Timeloop's files for one row of a table."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.files import check_out_folder
from pipeline.machine.timeloop.template import TEMPLATE
from pipeline.machine.timeloop.yaml_files import write_timeloop
from pipeline.stages.command import InTable
from pipeline.stages.entry import run
from pipeline.table import RowError, read_table, rows_of


def main(
    in_table: InTable,
    row: Annotated[int, typer.Argument(min=0, metavar="ROW", help="Number of the row, from 0.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the three YAML files.")],
) -> None:
    """Write Timeloop's three files for one row.

    Problem, architecture and mapping.
    """
    check_out_folder(out)
    rows = rows_of(read_table(in_table), TEMPLATE)
    if row >= len(rows):
        raise ValueError(f"table {in_table}: there is no row {row}, it has {len(rows)}")
    chosen = rows[row]
    if isinstance(chosen, RowError):
        raise ValueError(f"table {in_table}, row {row}: {chosen.message}")
    write_timeloop(chosen.mapping, chosen.hardware, out)


if __name__ == "__main__":
    run(main)
