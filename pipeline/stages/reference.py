"""Write a workload's layers mapped by the default tiler on Gemmini's default hardware."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.hardware import Hardware
from pipeline.machine.gemmini.tiler import default_mapping
from pipeline.stages.entry import run
from pipeline.table import Row, columns_of, write_table
from pipeline.workload import Workload, load_workload

HARDWARE = Hardware(16, 256, 64, "rtl")
"""Gemmini's default: 16 x 16 array, 256 KiB scratchpad, 64 KiB accumulator."""


def tiled_table(workload: Workload, hardware: Hardware) -> pd.DataFrame:
    """Layers of ``workload`` on ``hardware`` as the default tiler maps them, with names and counts."""
    rows = [Row(default_mapping(entry.layer, hardware), hardware) for entry in workload.layers]
    return columns_of(rows, [entry.name for entry in workload.layers], [entry.count for entry in workload.layers])


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table to write.")],
    workload: Annotated[str, typer.Option(metavar="NAME|FILE", help="The workload.")],
) -> None:
    """Map a workload by the default tiler on the default hardware."""
    table = tiled_table(load_workload(workload), HARDWARE)
    write_table(table.assign(variant="reference", candidate="default", **{"sample.origin": "tiled"}), out)


if __name__ == "__main__":
    run(main)
