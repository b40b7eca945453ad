"""Record when the first tiles of each layer load, compute and store, for the default and for the design found."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.choices import Memory
from pipeline.stages import command
from pipeline.stages.entry import run
from pipeline.stages.machines import machine_choice
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

    Layers that cannot be run again, and those whose tiles cannot be told apart, are left out.
    """
    records: list[tuple[object, ...]] = []
    template = machine_choice(design=design).find().template
    for row, name, cycles in zip(rows_of(layers, template), layers["layer.name"], layers["sim.cycles"], strict=True):
        if not isinstance(row, Row) or not cycles > 0:
            continue
        target = Design.load(generate(row.hardware, DESIGNS, design=design))
        task = Task(row.mapping, row.hardware, "timing", MemorySettings.of(memory), compiler=target.compiler)
        spans = record(target, task, tiles=tiles, cycles=int(cycles))
        records += [(name, span.tile, span.stage, span.start, span.end) for span in spans]
    return pd.DataFrame(records, columns=list(COLUMNS[1:]))


def main(
    default: Annotated[Path, typer.Argument(metavar="DEFAULT", help="Simulated table of the default.")],
    found: Annotated[Path, typer.Argument(metavar="FOUND", help="mappings.csv of the final design.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table to write.")],
    design: Annotated[str, typer.Option(help="A design by name, or its folder.")],
    memory: Annotated[Memory, typer.Option(help="Memory model below the bus.")],
    tiles: Annotated[int, typer.Option(min=1, help="Tiles of a layer that are recorded.")] = 12,
) -> None:
    """Record the first tiles of each layer of two designs over time."""
    command.check_out_table(out, default, found)
    parts = []
    for name, path in (("default", default), ("found", found)):
        spans = timeline_table(read_table(path), design=design, memory=memory, tiles=tiles)
        parts.append(spans.assign(design=name))
    write_table(pd.concat(parts, ignore_index=True)[list(COLUMNS)], out)
    command.say("timeline", [out.stem, f"{sum(len(part) for part in parts)} stages of tiles"])


if __name__ == "__main__":
    run(main)
