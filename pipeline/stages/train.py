"""The train stage: a latency model from a table of measured cycles."""

import sys
from pathlib import Path
from typing import Annotated, TextIO

import pandas as pd
import typer

from learned.data import default_target
from learned.train import train
from pipeline.choices import MODEL_KINDS, DimRule, ModelKind
from pipeline.files import check_out
from pipeline.machine.machine import MachineChoice
from pipeline.progress import Line, time_left
from pipeline.stages.command import DimOption, SumsOption
from pipeline.stages.entry import run
from pipeline.stages.machines import DEFAULT, DesignOption, MemoryOption, PlatformOption, machine_choice
from pipeline.table import read_table


def train_table(
    table: pd.DataFrame,
    out: Path,
    *,
    kind: ModelKind = "default",
    target: str | None = None,
    machine: MachineChoice = DEFAULT,
    dim_rule: DimRule = "from-table",
    seed: int = 0,
    stream: TextIO | None = None,
) -> dict[str, float | str | int]:
    """Train on the rows of ``table``, write the model to exactly ``out`` and return its held-out scores.

    ``target`` is the column of measured cycles, by default ``sim.cycles``, else ``target.cycle``. Progress is shown on
    ``stream``.
    """
    if kind not in MODEL_KINDS:
        raise ValueError(f"unknown kind of model {kind!r}; known: {', '.join(MODEL_KINDS)}")
    line = Line(stream)

    def observe(done: int, total: int) -> None:
        line.show(f"{kind} model: fit {done} of {total} done{time_left(done, total, line.seconds)}")

    model = train(
        table,
        out,
        kind=kind,
        target=target or default_target(table),
        machine=machine,
        dim_rule=dim_rule,
        seed=seed,
        observe=observe,
    )
    line.end(f"{kind} model: fitted to {model.metadata.rows} rows")
    about = model.metadata
    said: dict[str, float | str | int] = {"kind": about.kind, "rows": about.rows, "data_digest": about.data_digest}
    return said | about.scores


def main(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Table with measured cycles.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File for the trained model.")],
    kind: Annotated[ModelKind, typer.Option(help="What to train.")] = "default",
    target: Annotated[
        str | None, typer.Option(help="Column of measured cycles; default: sim.cycles, else target.cycle.")
    ] = None,
    platform: PlatformOption = None,
    design: DesignOption = None,
    memory: MemoryOption = None,
    dim: DimOption = "from-table",
    partial_sums: SumsOption = "spill",
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 0,
) -> None:
    """Train a latency model on measured cycles.

    Prints its held-out scores.
    """
    check_out(out, data)
    scores = train_table(
        read_table(data),
        out,
        kind=kind,
        target=target,
        machine=machine_choice(platform, design, memory, partial_sums),
        dim_rule=dim,
        seed=seed,
        stream=sys.stderr,
    )
    for name, value in scores.items():
        typer.echo(f"{name:24s} {value:.4g}" if isinstance(value, float) else f"{name:24s} {value}")


if __name__ == "__main__":
    run(main)
