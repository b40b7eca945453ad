"""Areas from the layout: a LEF file beside a Liberty file says how large the cells are that will be placed.

The Liberty file of qflow-tech-osu018 disagrees with its layout in three cells (OAI21X1 23 for 32, NAND3X1 36 for 32,
LATCH 0 for 56 square micrometres); mapping would prefer the first for an area that nobody can build.
"""

import re
from pathlib import Path

from pipeline.files import digest_files, write_text

_MACRO = re.compile(r"^MACRO\s+(\S+)\s*$.*?^\s*SIZE\s+([\d.]+)\s+BY\s+([\d.]+)", re.MULTILINE | re.DOTALL)
_AREA = re.compile(r'(\bcell\s*\(\s*"?(\w+)"?\s*\)\s*\{.*?\barea\s*:\s*)([\d.]+)', re.DOTALL)


def with_layout_areas(liberty: Path, folder: Path) -> Path:
    """``liberty`` itself, or a copy in ``folder`` where a LEF file of the same name beside it has other areas."""
    lef = liberty.with_suffix(".lef")
    if not lef.is_file():
        return liberty
    sizes = _MACRO.findall(lef.read_text(encoding="utf-8", errors="replace"))
    areas = {name: float(width) * float(height) for name, width, height in sizes}
    text = liberty.read_text(encoding="utf-8", errors="replace")

    def layout(found: re.Match[str]) -> str:
        said = float(found[3])
        area = areas.get(found[2], said)
        return found[0] if abs(area - said) < 1e-3 * area else f"{found[1]}{area:.6g}"

    corrected = _AREA.sub(layout, text)
    if corrected == text:
        return liberty
    copy = folder / f"{liberty.stem}-{digest_files([liberty, lef])}.lib"
    if not copy.is_file():
        write_text(copy, corrected)
    return copy
