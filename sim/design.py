"""A generated design as the simulation sees it: sources, counters and what names their content."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.files import ROOT, digest_files

ProgramStyle = Literal["loops", "commands"]
PROGRAM_STYLES: tuple[ProgramStyle, ...] = ("loops", "commands")
"""How a mapping becomes a program: one command a tile, or one a load, preload, compute and store."""


@dataclass(frozen=True, slots=True)
class Design:
    """A folder that ``rtl.generate`` wrote."""

    id: str
    sources: tuple[Path, ...]
    """SystemVerilog files, packages first, the generated top last."""
    rtl_digest: str
    """Names the content of all sources."""
    counters: tuple[str, ...]
    """Names of the values on the counter port, lowest first."""
    program: ProgramStyle = "loops"
    dim: int = 1
    """Size of the array."""

    @classmethod
    def load(cls, folder: Path) -> "Design":
        """Read ``design.json``. Raises ValueError that names a missing source or an unknown kind of program."""
        content = json.loads((folder / "design.json").read_text(encoding="utf-8"))
        sources = tuple(_source(folder, name) for name in content["sources"])
        return cls(
            id=content["id"],
            sources=sources,
            rtl_digest=digest_files(sources),
            counters=tuple(content["counters"]),
            program=_program(folder, content["program"]),
            dim=content["dim"],
        )


def _source(folder: Path, name: str) -> Path:
    """A source given relative to the design's folder or to the project root."""
    for path in (folder / name, ROOT / name):
        if path.is_file():
            return path
    raise ValueError(f"design {folder.name}: source {name} does not exist")


def _program(folder: Path, name: str) -> ProgramStyle:
    if name not in PROGRAM_STYLES:
        raise ValueError(f"design {folder.name}: program {name!r} is not one of {', '.join(PROGRAM_STYLES)}")
    return name
