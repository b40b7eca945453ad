"""Tables of mappings in the column layout of the public DOSA data, as CSV, CSV.gz or Parquet by file ending."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.choices import DimRule
from pipeline.files import write_atomically
from pipeline.hardware import Hardware, Template, array_size
from pipeline.mapping import Mapping
from pipeline.workload import DIMS, Layer

ARRAY_COLUMN = "arch.meshX"
FROM_MAPPING_KIB = 4096.0
"""Physical KiB of each memory under the rule ``from-mapping`` (the public FPGA build)."""

ENDINGS = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table as objects."""

    mapping: Mapping
    hardware: Hardware


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that cannot be handled, and why."""

    message: str


def check_ending(path: Path) -> None:
    """Raise ValueError when the file ending is not one that tables have."""
    if not path.name.endswith(ENDINGS):
        raise ValueError(f"table {path}: the name must end in {', '.join(ENDINGS)}")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table. Raises ValueError that names the file when it cannot be read."""
    check_ending(path)
    try:
        table = pd.read_parquet(path) if path.name.endswith(".parquet") else pd.read_csv(path, low_memory=False)
    except FileNotFoundError as error:
        raise ValueError(f"table {path}: no such file") from error
    except Exception as error:
        raise ValueError(f"table {path}: cannot be read ({str(error).splitlines()[0][:200]})") from error
    if "error" in table:
        table["error"] = table["error"].astype(object).fillna("")  # CSV has no empty text
    return table


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table atomically."""
    check_ending(path)

    def write(temporary: Path) -> None:
        if path.name.endswith(".parquet"):
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False)

    write_atomically(path, write)


def layer_of(row: dict[str, Any]) -> Layer:
    """The layer of a row. Raises ValueError that names the column."""
    sizes = {dim: _integer(row, f"prob.{dim}") for dim in DIMS if dim != "N"}
    optional = {
        "N": "prob.N",
        "stride_w": "prob.Wstride",
        "stride_h": "prob.Hstride",
        "dilation_w": "prob.Wdilation",
        "dilation_h": "prob.Hdilation",
    }
    return Layer(**sizes, **{field: _integer(row, column, default=1) for field, column in optional.items()})


def hardware_of(row: dict[str, Any], template: Template, mapping: Mapping | None = None) -> Hardware:
    """The hardware of a row: its ``arch`` columns, or with ``mapping`` the one that the rule from-mapping implies."""
    if mapping is not None:
        return template.hardware(array_size(mapping), *[FROM_MAPPING_KIB] * len(template.memories))
    dim = _integer(row, ARRAY_COLUMN)
    rows = {memory.name: _integer(row, memory.column) for memory in template.memories}
    numbers = {axis.name: _integer(row, axis.column, default=axis.default) for axis in template.structure}
    return template.from_tile_rows(dim, rows).restructured(numbers)


def rows_of(table: pd.DataFrame, template: Template, dim_rule: DimRule = "from-table") -> list[Row | RowError]:
    """Every row as a mapping on its hardware, or the reason why it cannot be one; order kept."""

    def build(row: dict[str, Any]) -> Row:
        text = row.get("mapping.mapping")
        if not isinstance(text, str):
            raise ValueError(f"column mapping.mapping: {repr(text)[:80]} is not a mapping")
        mapping = Mapping.parse(text, layer_of(row), template.hierarchy)
        return Row(mapping, hardware_of(row, template, mapping if dim_rule == "from-mapping" else None))

    return each_row(table, build)


def each_row(table: pd.DataFrame, build: Callable[[dict[str, Any]], Row]) -> list[Row | RowError]:
    """``build`` applied to every row, a ValueError kept as that row's error."""
    results: list[Row | RowError] = []
    for record in table.to_dict("records"):
        try:
            results.append(build({str(key): value for key, value in record.items()}))
        except ValueError as error:
            results.append(RowError(str(error).splitlines()[0]))
    return results


def hardware_key(table: pd.DataFrame, template: Template) -> pd.DataFrame:
    """The columns of ``table`` that say on which hardware each row is, defaults of the structure filled in."""
    sizes = table[[ARRAY_COLUMN, *sorted(memory.column for memory in template.memories)]]
    return sizes.assign(
        **{a.column: table.get(a.column, pd.Series(index=table.index)).fillna(a.default) for a in template.structure}
    )


def columns_of(rows: Iterable[Row], names: Iterable[str] = (), counts: Iterable[int] = ()) -> pd.DataFrame:
    """The input columns of a table for ``rows``, with ``layer.name`` and ``layer.count`` where they are given."""
    records = []
    rows = list(rows)
    changed = {name for row in rows for name in row.hardware.changed}
    for row in rows:
        layer, hardware = row.mapping.layer, row.hardware
        record: dict[str, Any] = {"mapping.mapping": str(row.mapping)}
        record |= {f"prob.{dim}": size for dim, size in zip(DIMS, layer.sizes, strict=True)}
        record |= {"prob.Wstride": layer.stride_w, "prob.Hstride": layer.stride_h}
        record |= {"prob.Wdilation": layer.dilation_w, "prob.Hdilation": layer.dilation_h}
        record |= {ARRAY_COLUMN: hardware.dim}
        record |= {m.column: hardware.tile_rows(m) for m in sorted(hardware.template.memories, key=lambda m: m.column)}
        record |= {a.column: int(hardware[a.name]) for a in hardware.template.structure if a.name in changed}
        records.append(record)
    table = pd.DataFrame(records)
    for column, values in (("layer.name", list(names)), ("layer.count", list(counts))):
        if values:
            table[column] = values
    return table


def add_columns(table: pd.DataFrame, results: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """``table`` with the columns of ``results`` (one dict a row) added or replaced, and an ``error`` column last."""
    added = pd.DataFrame(list(results), index=table.index)
    if "error" not in added:
        added["error"] = ""
    added["error"] = added["error"].fillna("")
    kept = table.drop(columns=[column for column in added.columns if column in table.columns])
    return pd.concat([kept, added[[c for c in added.columns if c != "error"] + ["error"]]], axis=1)


def _integer(row: dict[str, Any], column: str, default: int | None = None) -> int:
    value = row.get(column)
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    if missing and default is not None:
        return default
    if missing:
        raise ValueError(f"column {column} is missing or empty")
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"column {column}: {repr(value)[:80]} is not an integer") from None
    if not math.isfinite(number) or number != int(number) or abs(number) > 1e15:
        raise ValueError(f"column {column}: {repr(value)[:80]} is not an integer")
    return int(number)
