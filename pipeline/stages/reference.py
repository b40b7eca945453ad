"""Write a workload's layers mapped by its machine's default tiler on the default hardware."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.hardware import Hardware
from pipeline.machine.machine import Machine
from pipeline.stages.entry import run
from pipeline.stages.machines import DesignOption, machine_choice
from pipeline.table import Row, columns_of, write_table
from pipeline.workload import Workload, load_workload


def tiled_table(workload: Workload, machine: Machine, hardware: Hardware) -> pd.DataFrame:
    """Layers of ``workload`` on ``hardware`` as the default tiler maps them, with names and counts."""
    rows = [Row(machine.default_mapping(entry.layer, hardware), hardware) for entry in workload.layers]
    return columns_of(rows, [entry.name for entry in workload.layers], [entry.count for entry in workload.layers])


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table to write.")],
    workload: Annotated[str, typer.Option(metavar="NAME|FILE", help="The workload.")],
    design: DesignOption = None,
) -> None:
    """Map a workload by the default tiler on the default hardware."""
    machine = machine_choice(design=design).find()
    table = tiled_table(load_workload(workload), machine, machine.default_hardware)
    write_table(table.assign(variant="reference", candidate="default", **{"sample.origin": "tiled"}), out)


if __name__ == "__main__":
    run(main)
