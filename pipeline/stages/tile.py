"""Adds the mapping and tile of Gemmini's default tiler to a table."""

from typing import Any

import pandas as pd

from pipeline.machine.gemmini.template import TEMPLATE
from pipeline.machine.gemmini.tiler import default_mapping, default_tile
from pipeline.stages.command import InTable, OutTable, check_out_table, finish
from pipeline.stages.entry import run
from pipeline.table import add_columns, hardware_of, layer_of, read_table


def tile_table(table: pd.DataFrame) -> pd.DataFrame:
    """``table`` with ``mapping.mapping`` and ``tile`` (R_S_P_Q_C_K_N) by the default tiler, on each row's hardware."""
    return add_columns(table, [_tile_row(record) for record in table.to_dict("records")])


def _tile_row(record: dict[Any, Any]) -> dict[str, Any]:
    row = {str(key): value for key, value in record.items()}
    try:
        layer, hardware = layer_of(row), hardware_of(row, TEMPLATE)
        mapping, tile = default_mapping(layer, hardware), default_tile(layer, hardware)
    except ValueError as error:
        return {"mapping.mapping": "", "tile": "", "error": str(error).splitlines()[0]}
    return {"mapping.mapping": str(mapping), "tile": str(tile), "error": ""}


def main(in_table: InTable, out_table: OutTable) -> None:
    """Add the mapping of Gemmini's default tiler to every row.

    Its tile is added too.
    """
    check_out_table(out_table, in_table)
    finish(tile_table(read_table(in_table)), out_table)


if __name__ == "__main__":
    run(main)
