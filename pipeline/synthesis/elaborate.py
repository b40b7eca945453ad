"""Elaboration: SystemVerilog sources and parameters to yosys's intermediate language, hierarchy kept.

The front end is slang (M. Popoloski) as yosys's plug-in ``read_slang``; it reads what ``read_verilog`` does not: type
parameters, packages in module headers.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.synthesis.tools import yosys

MEMORIES = ("sram_1rw", "sram_1r1w")
"""Modules that stand for memory macros of ``Rows`` x ``Bytes``: one port, or one to read and one to write."""
_HEADERS = {".svh", ".vh"}


def elaborate(sources: Sequence[Path], top: str, parameters: Mapping[str, int]) -> str:
    """RTLIL of ``top`` with ``parameters``; a module for each instance, memories left as black boxes.

    Assertions are left out. Raises RuntimeError with the first error of the front end.
    """
    with tempfile.TemporaryDirectory(prefix="elaborate-") as name:
        folder = Path(name)
        # Links have plain names, because arguments of slang cannot be quoted.
        files = [_link(folder, number, source) for number, source in enumerate(sources)]
        boxes = " ".join(f"--blackboxed-module {memory}" for memory in MEMORIES)
        values = " ".join(f"-G {parameter}={value}" for parameter, value in parameters.items())
        read = "read_slang --keep-hierarchy --ignore-assertions -I ."
        modules = " ".join(file for file in files if file)
        yosys(f"{read} {boxes} --top {top} {values} {modules}\nwrite_rtlil design.il\n", folder)
        return (folder / "design.il").read_text(encoding="utf-8")


def _link(folder: Path, number: int, source: Path) -> str:
    """A link to a source by number; headers keep their names, because sources name them. Returns what to compile."""
    header = source.suffix in _HEADERS
    link = folder / (source.name if header else f"source{number}{source.suffix}")
    link.symlink_to(source.resolve())
    return "" if header else link.name
