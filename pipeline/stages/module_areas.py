"""Synthesise the default hardware and the design found, for the report of a study.

Nothing of a study rests on it: without the tools, and where a design cannot be synthesised, the file says why and the
study goes on.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.files import check_out, write_json
from pipeline.hardware import Hardware
from pipeline.stages import command
from pipeline.stages.entry import run
from pipeline.stages.machines import machine_choice
from pipeline.stages.synthesize import report, synthesize
from pipeline.table import Row, read_table, rows_of


def module_areas(hardware: dict[str, Hardware], design: str) -> dict[str, Any]:
    """What ``synthesize`` reports of each hardware, by its name; or why there is nothing, as ``missing``."""
    try:
        return {name: report(synthesize(design, point), design, point) for name, point in hardware.items()}
    except (ValueError, RuntimeError) as error:
        return {"missing": str(error)}


def main(
    found: Annotated[Path, typer.Argument(metavar="FOUND", help="mappings.csv of the final design.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.json", help="File to write.")],
    design: Annotated[str, typer.Option(help="A design by name, or its folder.")],
) -> None:
    """Synthesise the default and the design found, for the report."""
    check_out(out, found)
    machine = machine_choice(design=design).find()
    row = rows_of(read_table(found).head(1), machine.template)[0]
    if not isinstance(row, Row):
        raise ValueError(f"{found}: {row.message}")
    areas = module_areas({"default": machine.default_hardware, "found": row.hardware}, design)
    write_json(out, areas)
    command.say("synthesis", [out.stem, areas.get("missing") or "default and found"])


if __name__ == "__main__":
    run(main)
