"""Record when the first tiles of each layer load, compute and store, for the default and for the design found."""

import argparse
from pathlib import Path

import pandas as pd

from pipeline.choices import MEMORIES, Memory
from pipeline.stages import command
from pipeline.stages.simulate import DESIGNS
from pipeline.table import Row, read_table, rows_of, write_table
from rtl.generate import generate
from sim.design import Design
from sim.memory import MemorySettings
from sim.task import Task
from sim.timeline import record

COLUMNS = ("design", "layer.name", "tile", "stage", "start", "end")


def timeline_table(layers: pd.DataFrame, *, design: str, memory: Memory, tiles: int) -> pd.DataFrame:
    """The stages of the first ``tiles`` tiles of every simulated layer, in cycles from its start; one row a stage.

    Layers that cannot be run again are left out. Raises ValueError when the design's counters cannot tell tiles apart.
    """
    records: list[tuple[object, ...]] = []
    for row, name, cycles in zip(rows_of(layers, "rtl"), layers["layer.name"], layers["sim.cycles"], strict=True):
        if not isinstance(row, Row) or not cycles > 0:
            continue
        target = Design.load(generate(row.hardware, DESIGNS, design=design))
        task = Task(row.mapping, row.hardware, "timing", MemorySettings.of(memory), program=target.program)
        spans = record(target, task, tiles=tiles, cycles=int(cycles))
        records += [(name, span.tile, span.stage, span.start, span.end) for span in spans]
    return pd.DataFrame(records, columns=list(COLUMNS[1:]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Record the first tiles of each layer of two designs over time.")
    parser.add_argument("--design", required=True)
    parser.add_argument("--memory", required=True, choices=MEMORIES)
    parser.add_argument("--tiles", type=int, default=12)
    parser.add_argument("default", type=Path, help="simulated table of the default")
    parser.add_argument("found", type=Path, help="mappings.csv of the final design")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    parts = []
    for name, path in (("default", args.default), ("found", args.found)):
        spans = timeline_table(read_table(path), design=args.design, memory=args.memory, tiles=args.tiles)
        parts.append(spans.assign(design=name))
    write_table(pd.concat(parts, ignore_index=True)[list(COLUMNS)], args.out)
    command.say("timeline", [args.out.stem, f"{sum(len(part) for part in parts)} stages of tiles"])


if __name__ == "__main__":
    command.run(main)
