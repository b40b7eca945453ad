"""The train stage: a latency model from a table of measured cycles."""

from pathlib import Path
from typing import TextIO

import pandas as pd

from learned.data import default_target
from learned.model import KINDS, Kind
from learned.train import train
from pipeline.choices import PartialSums
from pipeline.hardware import Platform
from pipeline.progress import Line, time_left
from pipeline.table import DimRule


def train_table(
    table: pd.DataFrame,
    out: Path,
    *,
    kind: Kind = "default",
    target: str | None = None,
    platform: Platform = "rtl",
    dim_rule: DimRule = "from-table",
    partial_sums: PartialSums = "spill",
    seed: int = 0,
    stream: TextIO | None = None,
) -> dict[str, float | str | int]:
    """Train on the rows of ``table``, write the model to exactly ``out`` and return its held-out scores.

    ``target`` is the column of measured cycles, by default ``sim.cycles``, else ``target.cycle``. Progress is shown on
    ``stream``.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of model {kind!r}; known: {', '.join(KINDS)}")
    line = Line(stream)

    def observe(done: int, total: int) -> None:
        line.show(f"{kind} model: fit {done} of {total} done{time_left(done, total, line.seconds)}")

    model = train(
        table,
        out,
        kind=kind,
        target=target or default_target(table),
        platform=platform,
        dim_rule=dim_rule,
        partial_sums=partial_sums,
        seed=seed,
        observe=observe,
    )
    line.end(f"{kind} model: fitted to {model.metadata.rows} rows")
    about = model.metadata
    return {"kind": about.kind, "rows": about.rows, "data_digest": about.data_digest} | about.scores
