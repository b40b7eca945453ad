"""Critical paths by OpenSTA: of one unit, and of a whole design from the netlists of its units.

Clocks are ideal, wires have no delay, reset is no timed path. Ports of a unit change at the clock edge behind a buffer;
what goes through a child or a memory macro is no path of the unit, but one of the design.
"""

import json
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.files import write_json
from pipeline.synthesis.macro_timing import MacroTiming
from pipeline.synthesis.netlist import LOAD_FF, Netlist, Options
from pipeline.synthesis.tools import sta
from pipeline.synthesis.units import Unit, Units, port_widths, verilog_head

CLOCK = "clk_i"
RESET = "rst_ni"


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The longest path from one register or port to another."""

    ns: float
    """Delay with the set-up time of its end; 0 where there is no path."""
    start: str
    end: str


def critical_path(netlist: Netlist, units: Units, options: Options) -> CriticalPath:
    """Critical path of one of ``units``, its children left out; kept beside its netlist."""
    kept = netlist.verilog.with_name("path.json")
    if not kept.is_file():
        children = {name: units.units[name] for _, name in netlist.unit.children}
        path = whole_path(netlist.unit, [netlist], children.values(), options)
        write_json(kept, {"ns": path.ns, "start": path.start, "end": path.end})
    return CriticalPath(**json.loads(kept.read_text(encoding="utf-8")))


def whole_path(
    top: Unit,
    netlists: Iterable[Netlist],
    left_out: Iterable[Unit],
    options: Options,
    memories: MacroTiming | None = None,
) -> CriticalPath:
    """Critical path of ``top`` with all of ``netlists``; paths end at the units that are left out.

    Without ``memories`` they end at memory macros, too.
    Raises RuntimeError with the first error of OpenSTA.
    """
    with tempfile.TemporaryDirectory(prefix="timing-") as name:
        folder = Path(name)
        (folder / "cells.lib").symlink_to(options.liberty.path)
        libraries, files = ["cells.lib"], []
        if memories is not None:
            libraries.append("memories.lib")
            files.append("memories.v")
            (folder / "memories.lib").write_text(memories.liberty, encoding="utf-8")
            (folder / "memories.v").write_text(memories.verilog, encoding="utf-8")
        for number, netlist in enumerate(netlists):
            files.append(f"unit{number}.v")
            (folder / files[-1]).symlink_to(netlist.verilog.resolve())
        files.append("left_out.v")
        (folder / "left_out.v").write_text("".join(map(_empty, left_out)), encoding="utf-8")
        said = sta(_script(top, libraries, files, options), folder)
    slack = re.search(r"^slack (\S+)$", said, re.MULTILINE)
    start, end = (re.search(rf"^{name}: (\S+)", said, re.MULTILINE) for name in ("Startpoint", "Endpoint"))
    if slack is None:
        raise RuntimeError(f"sta: no slack of {top.module}")
    if start is None or end is None:
        return CriticalPath(0.0, "", "")
    ns = options.period_ns - float(slack[1]) * options.liberty.time_unit_ns
    return CriticalPath(round(ns, 4), start[1], end[1])


def _empty(unit: Unit) -> str:
    """A module without content: a black box for each of a thousand instances takes OpenSTA gigabytes."""
    return f"{verilog_head(unit.name, port_widths(unit.ports))}endmodule\n"


def _script(top: Unit, libraries: list[str], files: list[str], options: Options) -> str:
    liberty, ports = options.liberty, f"{top.ports}\n"
    period = options.period_ns / liberty.time_unit_ns
    load = LOAD_FF / liberty.capacitance_unit_ff
    source = f"[get_ports {CLOCK}]" if f"\\{CLOCK}\n" in ports else ""
    reads = "\n".join([f"read_liberty {file}" for file in libraries] + [f"read_verilog {file}" for file in files])
    reset = f"set_false_path -from [get_ports {RESET}]" if f"\\{RESET}\n" in ports else ""
    return f"""{reads}
link_design {top.name}
create_clock -name clock -period {period} {source}
set_input_delay 0 -clock clock [all_inputs]
set_output_delay 0 -clock clock [all_outputs]
set_driving_cell -lib_cell {liberty.buffer.name} [all_inputs]
set_load {load} [all_outputs]
{reset}
report_checks -path_delay max -digits 4
puts "slack [worst_slack]"
"""
