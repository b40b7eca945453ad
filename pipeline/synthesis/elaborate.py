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
        read = read_command(linked(folder, sources), top, parameters)
        yosys(f"{read} --keep-hierarchy\nwrite_rtlil design.il\n", folder)
        return (folder / "design.il").read_text(encoding="utf-8")


def read_command(files: Sequence[str], top: str, parameters: Mapping[str, int]) -> str:
    """The command that reads ``files`` flat, memories as black boxes."""
    boxes = " ".join(f"--blackboxed-module {memory}" for memory in MEMORIES)
    values = " ".join(f"-G {parameter}={value}" for parameter, value in parameters.items())
    return f"read_slang --ignore-assertions -D SYNTHESIS=1 -I . {boxes} --top {top} {values} {' '.join(files)}"


def linked(folder: Path, sources: Sequence[Path]) -> list[str]:
    """Links to the sources in ``folder``; returns those to compile.

    They are named by number, because arguments of slang cannot be quoted; headers keep their names, which sources say.
    """
    files = []
    for number, source in enumerate(sources):
        header = source.suffix in _HEADERS
        link = folder / (source.name if header else f"source{number}{source.suffix}")
        link.symlink_to(source.resolve())
        files += [] if header else [link.name]
    return files
