"""Write a design as what people build and run: Gemmini's configuration, tiling arguments, Timeloop's files."""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from pipeline.files import check_out_folder, write_json, write_text
from pipeline.hardware import Hardware
from pipeline.machine.gemmini.template import TEMPLATE
from pipeline.machine.timeloop import template as timeloop
from pipeline.machine.timeloop.yaml_files import write_timeloop
from pipeline.stages.entry import run
from pipeline.table import Row, RowError, read_table, rows_of
from pipeline.workload import DIMS

TILE_ARGUMENTS = ("batches", "porows", "pocols", "pochs", "krows", "kcols", "kchs")
"""Arguments of Gemmini's tiled_conv, in its order, for the dimensions N, Q, P, K, S, R, C."""


def gemmini_configuration(hardware: Hardware) -> dict[str, Any]:
    """The parameters of Gemmini's generator that differ by design point, by the names that they have there.

    Memories are physical: the generator's capacities count both halves that two tiles share.
    """
    return {
        "meshRows": hardware.dim,
        "meshColumns": hardware.dim,
        "tileRows": 1,
        "tileColumns": 1,
        "sp_capacity": f"CapacityInKilobytes({hardware.scratchpad_kib:g})",
        "acc_capacity": f"CapacityInKilobytes({hardware.accumulator_kib:g})",
        "dataflow": "Dataflow.WS",
    }


def tiling(row: Row) -> dict[str, int]:
    """Arguments that make Gemmini's library run the tiles of a mapping.

    A convolution takes those of ``tiled_conv`` (elements of one tile); a matrix product those of ``tiled_matmul``
    (blocks of DIM along its three sides). The order in which tiles run is the library's own.
    """
    tile = {name: row.mapping.tile(name) for name in DIMS}
    if row.mapping.layer.is_matmul:
        blocks = {"tile_I": tile["P"], "tile_J": tile["K"], "tile_K": tile["C"]}
        return {name: -(-size // row.hardware.dim) for name, size in blocks.items()}
    return dict(zip(TILE_ARGUMENTS, (tile[name] for name in "NQPKSRC"), strict=True))


def export_design(mappings: pd.DataFrame, out: Path) -> list[str]:
    """Write the design of a table of mappings on one hardware to ``out``; returns the names of what was written.

    Raises ValueError when the rows are on several designs or one of them is no mapping.
    """
    rows = rows_of(mappings, TEMPLATE)
    bad = next((row.message for row in rows if isinstance(row, RowError)), None)
    if bad is not None:
        raise ValueError(f"mappings: {bad}")
    good = [row for row in rows if isinstance(row, Row)]
    hardware = {row.hardware for row in good}
    if len(hardware) != 1:
        raise ValueError(f"mappings are on {len(hardware)} designs, one is exported")
    names = [str(name) for name in mappings.get("layer.name", pd.Series(range(len(good))))]
    [point] = hardware
    write_text(out / "GemminiConfig.scala", _scala(gemmini_configuration(point)))
    arguments = [{"layer": name, **tiling(row)} for name, row in zip(names, good, strict=True)]
    write_json(out / "tiling.json", {"dim": point.dim, "layers": arguments})
    for name, row in zip(names, good, strict=True):
        _timeloop(row, out / "timeloop" / name)
    write_json(out / "mappings.schema.json", table_schema())
    return ["GemminiConfig.scala", "tiling.json", f"timeloop/ ({len(good)} layers)", "mappings.schema.json"]


def _scala(values: dict[str, Any]) -> str:
    lines = [f"  {name} = {value}," for name, value in values.items()]
    head = "// Parameters of this design for Gemmini's generator; everything else as in its default configuration."
    return "\n".join([head, "defaultConfig.copy(", *lines, ")", ""])


def _timeloop(row: Row, folder: Path) -> None:
    """Timeloop's three files. Its memories are whole, so the depths are those that one tile may fill."""
    rows = {memory.name: row.hardware.tile_rows(memory) for memory in TEMPLATE.memories}
    write_timeloop(row.mapping, timeloop.TEMPLATE.from_tile_rows(row.hardware.dim, rows), folder)


def table_schema() -> dict[str, Any]:
    """JSON schema of one row of a table of mappings."""
    number = {"type": "integer", "minimum": 1}
    required = ["mapping.mapping", *(f"prob.{dim}" for dim in DIMS if dim != "N"), "arch.meshX"]
    optional = ["prob.N", "prob.Wstride", "prob.Hstride", "prob.Wdilation", "prob.Hdilation", "layer.count"]
    memories = ["arch.mem1_depth", "arch.mem2_depth"]
    properties: dict[str, Any] = dict.fromkeys([*required[1:], *optional, *memories], number)
    properties["mapping.mapping"] = {"type": "string", "description": "levels outermost first; see docs/concepts.md"}
    properties["layer.name"] = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A row of a table of mappings",
        "type": "object",
        "properties": properties,
        "required": [*required, *memories],
    }


def found_mappings(design: Path) -> Path:
    """The table of a design: a table itself, the folder of a search, or a study's ``designs/<workload>``."""
    path = design / "mappings.csv" if design.is_dir() else design
    if not path.is_file():
        raise ValueError(f"design {design}: {path} does not exist; give a table, or a folder with mappings.csv")
    return path


def main(
    design: Annotated[Path, typer.Argument(metavar="DESIGN", help="Folder with mappings.csv, or a table of mappings.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write.")],
) -> None:
    """Write a design for Gemmini's generator and for Timeloop.

    Gemmini's parameters and tiling arguments, Timeloop's three files for each layer.
    """
    check_out_folder(out)
    for name in export_design(read_table(found_mappings(design)), out):
        typer.echo(str(out / name))


if __name__ == "__main__":
    run(main)
