"""A generated design as the simulation sees it: sources, counters and what names their content."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pipeline.files import ROOT, digest_files
from sim.compiler import GEMMINI

Ports = Literal["native", "axi4"]
"""Memory and command ports: those of ``sim/tb/tb.sv``, or AXI4 with AXI4-Lite (``sim/tb/axi4/tb.sv``)."""


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
    ports: Ports = "native"
    compiler: str = GEMMINI
    """The file that makes its programs."""
    dim: int = 1
    """Size of the array."""
    data_bits: int = 128
    """Width of the memory port's data."""

    @classmethod
    def load(cls, folder: Path) -> "Design":
        """Read ``design.json``. Raises ValueError that names a missing source or unknown ports."""
        content = json.loads((folder / "design.json").read_text(encoding="utf-8"))
        sources = tuple(_source(folder, name) for name in content["sources"])
        return cls(
            id=content["id"],
            sources=sources,
            rtl_digest=digest_files(sources),
            counters=tuple(content["counters"]),
            ports=_ports(folder, content["ports"]),
            compiler=str(_source(folder, content["compiler"])),
            dim=content["dim"],
            data_bits=content["data_bits"],
        )


def _source(folder: Path, name: str) -> Path:
    """A source given relative to the design's folder or to the project root."""
    for path in (folder / name, ROOT / name):
        if path.is_file():
            return path
    raise ValueError(f"design {folder.name}: source {name} does not exist")


def _ports(folder: Path, name: str) -> Ports:
    for ports in get_args(Ports):
        if name == ports:
            found: Ports = ports
            return found
    raise ValueError(f"design {folder.name}: ports {name!r} are not one of {', '.join(get_args(Ports))}")
