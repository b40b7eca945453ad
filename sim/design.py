"""A generated design as the simulation sees it: sources, counters and what names their content."""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.files import ROOT, digest_files


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
    verilator_arguments: tuple[str, ...] = ()
    """Further arguments that make this design simulate faster."""

    @classmethod
    def load(cls, folder: Path) -> "Design":
        """Read ``design.json``. Raises ValueError that names a source which does not exist."""
        content = json.loads((folder / "design.json").read_text(encoding="utf-8"))
        sources = tuple(_source(folder, name) for name in content["sources"])
        return cls(
            id=content["id"],
            sources=sources,
            rtl_digest=digest_files(sources),
            counters=tuple(content["counters"]),
            verilator_arguments=tuple(content.get("verilator_arguments", ())),
        )


def _source(folder: Path, name: str) -> Path:
    """A source given relative to the design's folder or to the project root."""
    for path in (folder / name, ROOT / name):
        if path.is_file():
            return path
    raise ValueError(f"design {folder.name}: source {name} does not exist")
