"""Write the layers of a workload, or of several, mapped by its machine's default tiler on the default hardware."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.hardware import Hardware
from pipeline.machine.machine import Machine
from pipeline.search.problem import join_workloads
from pipeline.stages.entry import run
from pipeline.stages.machines import DesignOption, machine_choice
from pipeline.stages.search import weighted
from pipeline.stages.totals import NETWORK
from pipeline.table import Row, columns_of, write_table
from pipeline.workload import Workload


def tiled_table(workload: Workload, machine: Machine, hardware: Hardware) -> pd.DataFrame:
    """Layers of ``workload`` on ``hardware`` as the default tiler maps them, with names and counts."""
    rows = [Row(machine.default_mapping(entry.layer, hardware), hardware) for entry in workload.layers]
    return columns_of(rows, [entry.name for entry in workload.layers], [entry.count for entry in workload.layers])


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table to write.")],
    workload: Annotated[
        list[str], typer.Option(metavar="NAME|FILE[=WEIGHT]", help="A workload; several share the hardware.")
    ],
    design: DesignOption = None,
) -> None:
    """Map a workload by the default tiler on the default hardware."""
    machine = machine_choice(design=design).find()
    joined, networks = join_workloads(*weighted(workload))
    table = tiled_table(joined, machine, machine.default_hardware)
    for column, field in zip(NETWORK, ("name", "weight"), strict=True):
        table[column] = [getattr(network, field) for network in networks for _ in range(network.layers)]
    write_table(table.assign(variant="reference", candidate="default", **{"sample.origin": "tiled"}), out)


if __name__ == "__main__":
    run(main)
