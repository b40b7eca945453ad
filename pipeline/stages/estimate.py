"""Predict cycles, energy, energy-delay product and area for every row of a table."""

from collections.abc import Sequence
from typing import Annotated

import pandas as pd
import torch
import typer

from pipeline.choices import DimRule
from pipeline.hardware import HardwareTensors
from pipeline.machine.capacity import misfits
from pipeline.machine.explain import PREFIX, explain_record
from pipeline.machine.latency import LatencyModel
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.stages.command import (
    DimOption,
    InTable,
    ModelOption,
    OutTable,
    SumsOption,
    check_out_table,
    finish,
)
from pipeline.stages.entry import run
from pipeline.stages.machines import DesignOption, MemoryOption, PlatformOption
from pipeline.stages.models import dim_rule_of, model_asked
from pipeline.table import Row, RowError, add_columns, read_table, rows_of

CHUNK_ROWS = 1 << 14
PREDICTED = ("pred.cycles", "pred.energy_uj", "pred.edp", "pred.area_mm2")


def estimate_table(
    table: pd.DataFrame, *, model: LatencyModel, dim_rule: DimRule = "from-table", explain: bool = False
) -> pd.DataFrame:
    """``table`` with ``pred.cycles``, ``pred.energy_uj``, ``pred.edp`` (microjoule-cycles) and ``pred.area_mm2``.

    ``pred.cycles_std`` is added where the model has uncertainty, and the ``explain.*`` columns when asked for.
    A row that cannot be estimated gets the reason in ``error``.
    """
    rows = fitting(rows_of(table, model.machine.template, dim_rule), model.machine)
    good = [row for row in rows if isinstance(row, Row)]
    results: list[dict[str, float | str]] = []
    with torch.no_grad():
        for start in range(0, len(good), CHUNK_ROWS):
            results += _records(good[start : start + CHUNK_ROWS], model, explain)
    remaining = iter(results)
    failed: dict[str, float | str] = dict.fromkeys(PREDICTED, float("nan"))
    return add_columns(
        table, [next(remaining) if isinstance(row, Row) else failed | {"error": row.message} for row in rows]
    )


def explain_text(table: pd.DataFrame) -> str:
    """What stands behind every row of a table that ``estimate_table`` explained."""
    texts = []
    for number, record in enumerate(table.to_dict("records"), start=1):
        row = {str(name): value for name, value in record.items()}
        head = f"row {number}: {row.get('mapping.mapping')}"
        texts.append(f"{head}\n{row['error']}" if row["error"] else f"{head}\n{explain_record(row)}")
    return "\n".join(texts)


def fitting(rows: Sequence[Row | RowError], machine: Machine) -> list[Row | RowError]:
    """``rows`` with those that do not fit their hardware turned into errors."""
    messages = iter(misfits(machine, [(row.mapping, row.hardware) for row in rows if isinstance(row, Row)]))

    def checked(row: Row | RowError) -> Row | RowError:
        message = next(messages) if isinstance(row, Row) else ""
        return RowError(message) if message else row

    return [checked(row) for row in rows]


def _records(rows: list[Row], model: LatencyModel, explain: bool) -> list[dict[str, float | str]]:
    layers = LayerTensors.stack([row.mapping.layer for row in rows])
    mappings = MappingTensors.stack([row.mapping for row in rows])
    hardware = HardwareTensors.stack([row.hardware for row in rows])
    latency = model(layers, mappings, hardware)
    machine = model.machine
    energy = machine.energy(machine.words(layers, mappings, hardware), hardware).total
    area = machine.area_mm2(hardware)
    predicted = dict(zip(PREDICTED, (latency.cycles, energy, latency.cycles * energy, area), strict=True))
    if latency.cycles_std is not None:
        predicted["pred.cycles_std"] = latency.cycles_std
    columns: dict[str, list[float] | list[str]] = {name: value.tolist() for name, value in predicted.items()}
    if explain:
        behind = machine.explanation(layers, mappings, hardware)
        columns |= {PREFIX + "bound": behind.bound}
        columns |= {PREFIX + name: value.tolist() for name, value in behind.columns.items()}
    return [dict(zip(columns, record, strict=True)) for record in zip(*columns.values(), strict=True)]


def main(
    in_table: InTable,
    out_table: OutTable,
    model: ModelOption = "analytical",
    platform: PlatformOption = None,
    design: DesignOption = None,
    memory: MemoryOption = None,
    dim: DimOption = "from-table",
    partial_sums: SumsOption = "spill",
    explain: Annotated[bool, typer.Option("--explain", help="Print and add the terms behind every estimate.")] = False,
) -> None:
    """Predict cycles, energy, EDP and area of every row."""
    check_out_table(out_table, in_table)
    table = read_table(in_table)
    latency = model_asked(model, platform, design, memory, partial_sums)
    trained = dim_rule_of(latency)
    if trained not in (None, dim):
        typer.echo(f"note: {model} was trained with --dim {trained}, rows are read with --dim {dim}", err=True)
    result = estimate_table(table, model=latency, dim_rule=dim, explain=explain)
    if explain:
        typer.echo(explain_text(result))
    finish(result, out_table)


if __name__ == "__main__":
    run(main)
