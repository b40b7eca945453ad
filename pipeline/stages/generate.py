"""Generate the SystemVerilog of one design point, see that it elaborates, and note what names its content."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.files import ROOT, write_json
from pipeline.hardware import Hardware
from pipeline.stages import command
from pipeline.stages.entry import run
from pipeline.stages.machines import machine_choice
from pipeline.stages.simulate import DESIGNS
from rtl.generate import generate
from sim.build import elaborate
from sim.design import Design


def generated(design: str, hardware: Hardware) -> dict[str, object]:
    """Generate ``design`` for ``hardware``; returns its id, folder, sources and digest.

    Raises ValueError when the design cannot have the sizes, or does not elaborate.
    """
    folder = generate(hardware, design=design, folder=DESIGNS)
    loaded = Design.load(folder)
    elaborate(loaded)
    return {
        "design": design,
        "id": loaded.id,
        "folder": str(folder.resolve().relative_to(ROOT)),
        "rtl_digest": loaded.rtl_digest,
        "sources": [path.name for path in loaded.sources],
    }


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="JSON file: folder and digest of what was generated.")],
    design: Annotated[str, typer.Option(help="A design under rtl/.")],
    hardware: Annotated[str, typer.Option(metavar="DIM,SPAD_KIB,ACC_KIB", help="The design point.")],
) -> None:
    """Generate the SystemVerilog of one design point."""
    write_json(out, generated(design, command.hardware(hardware, machine_choice(design=design).find().template)))


if __name__ == "__main__":
    run(main)
