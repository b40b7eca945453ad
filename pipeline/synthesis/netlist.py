"""Synthesis of one unit to standard cells, its children as black boxes; results are kept by content."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.files import digest, digest_files, write_json, write_text
from pipeline.synthesis.liberty import Liberty
from pipeline.synthesis.tools import yosys
from pipeline.synthesis.units import Unit, Units

LOAD_FF = 30.0
"""Load of every output in femtofarad: a few gates and some wire at 180 nm."""
SWEEP_CONFLICTS = 100
"""After as many conflicts abc takes two nodes as different; its own million never ends for a multiplier of 32 bits."""


@dataclass(frozen=True, slots=True)
class Options:
    """What synthesis is told besides the sources."""

    liberty: Liberty
    period_ns: float
    """The clock period that sizing of gates aims at."""
    cache: Path
    """Folder of units that are synthesised already."""


@dataclass(frozen=True, slots=True)
class Netlist:
    """A synthesised unit without its children."""

    unit: Unit
    verilog: Path
    cells: Mapping[str, int]
    """Standard cells by name."""

    def area(self, liberty: Liberty) -> float:
        """Area of its cells in square micrometres."""
        return sum(count * liberty.cells[name].area for name, count in self.cells.items())

    def registers(self, liberty: Liberty) -> int:
        """Flip-flops and latches."""
        return sum(count * liberty.cells[name].registers for name, count in self.cells.items())

    def leakage_nw(self, liberty: Liberty) -> float:
        """Leakage of its cells in nanowatt."""
        return sum(count * liberty.cells[name].leakage_nw for name, count in self.cells.items())


def synthesise(unit: Unit, units: Units, options: Options) -> Netlist:
    """Synthesise ``unit``, or find it in the cache.

    Raises RuntimeError with the unit's name and the first error of yosys.
    """
    script = _script(unit, options)
    folder = options.cache / f"{unit.name}-{digest(script, digest_files([options.liberty.path]))}"
    found = folder / "cells.json"
    if not found.is_file():
        try:
            _run(unit, units, script, options, folder)
        except RuntimeError as error:
            raise RuntimeError(f"{unit.module}: {error}") from error
    cells = json.loads(found.read_text(encoding="utf-8"))
    return Netlist(unit, folder / "unit.v", cells)


def _run(unit: Unit, units: Units, script: str, options: Options, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="synthesise-") as name:
        work = Path(name)
        (work / "unit.il").write_text(_rtlil(unit, units), encoding="utf-8")
        (work / "cells.lib").symlink_to(options.liberty.path)
        constraints = f"set_driving_cell {options.liberty.buffer.name}\nset_load {LOAD_FF} [all_outputs]\n"
        (work / "abc.constr").write_text(constraints, encoding="utf-8")
        yosys(script, work)
        counts = json.loads((work / "stat.json").read_text(encoding="utf-8"))
        module = counts["modules"][f"\\{unit.name}"]["num_cells_by_type"]
        own = {child for _, child in unit.children} | {macro.name for _, macro in unit.macros}
        cells = {kind: count for kind, count in module.items() if kind not in own}
        unknown = sorted(cells.keys() - options.liberty.cells.keys())
        if unknown:
            raise RuntimeError(f"{', '.join(unknown[:3])}: not mapped to a cell of {options.liberty.name}")
        write_text(folder / "unit.v", (work / "unit.v").read_text(encoding="utf-8"))
        write_json(folder / "cells.json", cells)


def _script(unit: Unit, options: Options) -> str:
    """The passes: generic synthesis, flip-flops, logic by abc with buffers and gates sized for the period."""
    abc = (
        f"strash; &get -n; &fraig -x -C {SWEEP_CONFLICTS}; &put; scorr; dc2; strash; &get -n; &dch -f; &nf {{D}}; "
        "&put; buffer; upsize {D}; dnsize {D}; stime -p"
    )
    return f"""read_rtlil unit.il
synth -top {unit.name} -run coarse: -noabc
dfflibmap -liberty cells.lib
abc -liberty cells.lib -D {round(options.period_ns * 1000)} -constr abc.constr -script +{abc.replace(" ", ",")}
setundef -zero
splitnets
opt_clean -purge
tee -q -o stat.json stat -json
write_verilog -noattr -noexpr -nohex -nodec -simple-lhs unit.v
"""


def _rtlil(unit: Unit, units: Units) -> str:
    """The unit as the only module with content."""
    boxes = {child: units.units[child].ports for _, child in unit.children}
    boxes |= {macro.name: macro.ports(units.boxes[macro.kind]) for _, macro in unit.macros}
    stubs = [f"attribute \\blackbox 1\nmodule \\{name}\n{ports}\nend\n" for name, ports in boxes.items()]
    return "".join([*stubs, f"attribute \\top 1\nmodule \\{unit.name}\n{unit.body}\nend\n"])
