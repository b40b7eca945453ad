"""Write a workload's layers mapped by the default tiler on Gemmini's default hardware."""

import argparse
from pathlib import Path

import pandas as pd

from pipeline.hardware import Hardware
from pipeline.machine.gemmini.tiler import default_mapping
from pipeline.stages import command
from pipeline.table import Row, columns_of, write_table
from pipeline.workload import Workload, load_workload

HARDWARE = Hardware(16, 256, 64, "rtl")
"""Gemmini's default: 16 x 16 array, 256 KiB scratchpad, 64 KiB accumulator."""


def tiled_table(workload: Workload, hardware: Hardware) -> pd.DataFrame:
    """Layers of ``workload`` on ``hardware`` as the default tiler maps them, with names and counts."""
    rows = [Row(default_mapping(entry.layer, hardware), hardware) for entry in workload.layers]
    return columns_of(rows, [entry.name for entry in workload.layers], [entry.count for entry in workload.layers])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Map a workload by the default tiler on the default hardware.")
    parser.add_argument("--workload", required=True, metavar="NAME|FILE")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    table = tiled_table(load_workload(args.workload), HARDWARE)
    write_table(table.assign(variant="reference", candidate="default", **{"sample.origin": "tiled"}), args.out)


if __name__ == "__main__":
    command.run(main)
