"""Generate the SystemVerilog of one design point and note where it is and what names its content."""

import argparse
from pathlib import Path

from pipeline.files import ROOT, write_json
from pipeline.hardware import Hardware
from pipeline.stages import command
from pipeline.stages.simulate import DESIGNS
from rtl.generate import generate
from sim.design import Design


def generated(design: str, hardware: Hardware) -> dict[str, object]:
    """Generate ``design`` for ``hardware``; returns its id, folder, sources and digest."""
    folder = generate(hardware, design=design, folder=DESIGNS)
    loaded = Design.load(folder)
    return {
        "design": design,
        "id": loaded.id,
        "folder": str(folder.resolve().relative_to(ROOT)),
        "rtl_digest": loaded.rtl_digest,
        "sources": [path.name for path in loaded.sources],
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Generate the SystemVerilog of one design point.")
    parser.add_argument("--design", required=True, help="a design under rtl/")
    parser.add_argument("--hardware", required=True, metavar="DIM,SPAD_KIB,ACC_KIB")
    parser.add_argument("out", type=Path, help="JSON file with the folder and digest of what was generated")
    args = parser.parse_args()
    write_json(args.out, generated(args.design, command.hardware(args.hardware)))


if __name__ == "__main__":
    command.run(main)
