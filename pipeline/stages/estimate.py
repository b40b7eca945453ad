"""Predict cycles, energy, energy-delay product and area for every row of a table."""

from typing import Annotated

import pandas as pd
import torch
import typer

from pipeline.hardware import HardwareTensors, check_fits
from pipeline.machine.analytical import AnalyticalModel
from pipeline.machine.area import area_mm2
from pipeline.machine.energy import energy_uj
from pipeline.machine.explain import explain_columns, explain_record
from pipeline.machine.latency import LatencyModel
from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.stages.command import (
    DimOption,
    InTable,
    ModelOption,
    OutTable,
    PlatformOption,
    SumsOption,
    check_out_table,
    finish,
)
from pipeline.stages.entry import run
from pipeline.stages.models import dim_rule_of, load_latency_model
from pipeline.table import DimRule, Row, RowError, add_columns, read_table, rows_of

CHUNK_ROWS = 1 << 14
PREDICTED = ("pred.cycles", "pred.energy_uj", "pred.edp", "pred.area_mm2")


def estimate_table(
    table: pd.DataFrame, *, model: LatencyModel, dim_rule: DimRule = "from-table", explain: bool = False
) -> pd.DataFrame:
    """``table`` with ``pred.cycles``, ``pred.energy_uj``, ``pred.edp`` (microjoule-cycles) and ``pred.area_mm2``.

    ``pred.cycles_std`` is added where the model has uncertainty, and the ``explain.*`` columns when asked for.
    A row that cannot be estimated gets the reason in ``error``.
    """
    rows = [_checked(row) for row in rows_of(table, model.platform, dim_rule)]
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


def _checked(row: Row | RowError) -> Row | RowError:
    if isinstance(row, RowError):
        return row
    try:
        check_fits(row.mapping, row.hardware)
    except ValueError as error:
        return RowError(str(error))
    return row


def _records(rows: list[Row], model: LatencyModel, explain: bool) -> list[dict[str, float | str]]:
    layers = LayerTensors.stack([row.mapping.layer for row in rows])
    mappings = MappingTensors.stack([row.mapping for row in rows])
    hardware = HardwareTensors.stack([row.hardware for row in rows])
    latency = model(layers, mappings, hardware)
    energy = energy_uj(layers, mappings, hardware, model.platform)
    area = area_mm2(hardware, model.platform)
    predicted = dict(zip(PREDICTED, (latency.cycles, energy, latency.cycles * energy, area), strict=True))
    if latency.cycles_std is not None:
        predicted["pred.cycles_std"] = latency.cycles_std
    columns: dict[str, list[float] | list[str]] = {name: value.tolist() for name, value in predicted.items()}
    if explain:
        sums = model.partial_sums if isinstance(model, AnalyticalModel) else "spill"
        columns |= explain_columns(layers, mappings, hardware, model.platform, sums)
    return [dict(zip(columns, record, strict=True)) for record in zip(*columns.values(), strict=True)]


def main(
    in_table: InTable,
    out_table: OutTable,
    model: ModelOption = "analytical",
    platform: PlatformOption = None,
    dim: DimOption = "from-table",
    partial_sums: SumsOption = "spill",
    explain: Annotated[bool, typer.Option("--explain", help="Print and add the terms behind every estimate.")] = False,
) -> None:
    """Predict cycles, energy, EDP and area of every row."""
    check_out_table(out_table, in_table)
    table = read_table(in_table)
    latency = load_latency_model(model, platform, partial_sums)
    trained = dim_rule_of(latency)
    if trained not in (None, dim):
        typer.echo(f"note: {model} was trained with --dim {trained}, rows are read with --dim {dim}", err=True)
    result = estimate_table(table, model=latency, dim_rule=dim, explain=explain)
    if explain:
        typer.echo(explain_text(result))
    finish(result, out_table)


if __name__ == "__main__":
    run(main)
