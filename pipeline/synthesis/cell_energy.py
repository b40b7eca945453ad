"""Energy of gates and of registers by OpenSTA, in picojoule a cycle; leakage is left out.

OpenSTA propagates activity through the gates, as if the inputs of a gate were independent. Gates have no delay there,
so there are no glitches; wires have no capacitance.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.synthesis.activity import Bit
from pipeline.synthesis.cut import Cut, Register
from pipeline.synthesis.liberty import Liberty
from pipeline.synthesis.probe import GROUP, PERIOD_NS, changes_counted
from pipeline.synthesis.tools import sta

_TO_PJ = PERIOD_NS * 1e3
Kind = tuple[str, str, float]
"""Name of a register, its output and what that drives in femtofarad."""


@dataclass(frozen=True, slots=True)
class Registers:
    """Energy of registers."""

    clock_pj: Mapping[str, float]
    """Of a cycle in which nothing changes, by cell."""
    change_pj: Mapping[Kind, float]
    """Of a change of its data and its output."""


def kind_of(register: Register, part: Cut) -> Kind:
    """What the energy of a register depends on."""
    load = part.loads_ff.get(register.net, 0.0) + part.gate_loads_ff.get(register.net, 0.0)
    return register.cell, register.output, round(load, 1)


def registers_energy(kinds: Iterable[Kind], liberty: Liberty) -> Registers:
    """Energy of all ``kinds`` of registers; settled data changes as often as the output."""
    every = sorted(set(kinds))
    if not every:
        return Registers({}, {})
    idle, active = (_registers(every, changes, liberty) for changes in (0.0, 1.0))
    clock = {
        cell: energy + liberty.cells[cell].loads.get(liberty.cells[cell].clock, 0.0)
        * liberty.capacitance_unit_ff * 1e-3 * liberty.volts**2
        for (cell, _, _), energy in zip(every, idle, strict=True)
    }  # fmt: skip
    return Registers(clock, {kind: a - b for kind, a, b in zip(every, active, idle, strict=True)})


def _registers(kinds: Sequence[Kind], changes: float, liberty: Liberty) -> list[float]:
    cells = [_register(number, kind, liberty) for number, kind in enumerate(kinds)]
    data, outputs = (", ".join(f"{name}{number}" for number in range(len(kinds))) for name in "dq")
    verilog = f"module registers (clk, {data}, {outputs});\n  input clk, {data};\n  output {outputs};\n"
    loads = [f"set_load {kind[2] / liberty.capacitance_unit_ff} q{number}" for number, kind in enumerate(kinds)]
    script = f"""read_verilog registers.v
link_design registers
{_clock("[get_ports clk]", liberty)}
set inputs [get_ports d*]
{_inputs("$inputs", liberty)}
{chr(10).join(loads)}
set_power_activity -input_ports $inputs -activity {changes} -duty 0.5
for {{set i 0}} {{$i < {len(kinds)}}} {{incr i}} {{
  puts "register [sta::instance_power [get_cells c$i] [sta::cmd_corner]]"
}}
"""
    said = _run({"registers.v": verilog + "".join(cells) + "endmodule\n"}, script, liberty)
    watts = [line.split()[1:3] for line in said.splitlines() if line.startswith("register ")]
    return [_TO_PJ * (float(inside) / changes_counted() + float(net)) for inside, net in watts]


def _register(number: int, kind: Kind, liberty: Liberty) -> str:
    cell = liberty.cells[kind[0]]
    pins = dict.fromkeys(cell.loads, "1'b1") | {cell.clock: "clk", cell.data: f"d{number}", kind[1]: f"q{number}"}
    return f"  {cell.name} c{number} ({', '.join(f'.{pin}({net})' for pin, net in pins.items() if pin)});\n"


def gates_energy(units: Sequence[tuple[Cut, Sequence[Mapping[str, Bit]]]], liberty: Liberty) -> list[list[float]]:
    """Energy of the gates of each unit for each of its sets of activities, which have one for every input of theirs."""
    files = {f"gates{number}.v": part.gates for number, (part, _) in enumerate(units)}
    lines = [
        line
        for name, (part, sets) in zip(files, units, strict=True)
        for line in (f"read_verilog {name}", "link_design gates", *_gates(part, sets, liberty))
    ]
    said = _run(files, "\n".join([*lines, ""]), liberty)
    groups = [(float(inside), float(net)) for kind, inside, net in GROUP.findall(said) if kind == "Combinational"]
    energies = iter([_TO_PJ * (inside / changes_counted() + net) for inside, net in groups])
    return [[next(energies) for _ in sets] for _, sets in units]


def _gates(part: Cut, sets: Sequence[Mapping[str, Bit]], liberty: Liberty) -> Iterator[str]:
    yield _clock("", liberty)
    if part.gate_inputs:
        yield _inputs(f"[get_ports {{{' '.join(part.gate_inputs)}}}]", liberty)
    for net in part.outputs:
        yield f"set_load {part.loads_ff[net] / liberty.capacitance_unit_ff} {net}"
    for net in part.gate_inputs:
        yield f"set {net} [get_ports {net}]"
    for bits in sets:
        for net in part.gate_inputs:
            yield f"sta::set_power_input_port_activity ${net} {bits[net].changes:.6g} {bits[net].high:.6g}"
        yield "report_power -digits 6"


def _clock(source: str, liberty: Liberty) -> str:
    return f"create_clock -name clock -period {PERIOD_NS / liberty.time_unit_ns} {source}"


def _inputs(ports: str, liberty: Liberty) -> str:
    return f"set_input_delay 0 -clock clock {ports}\nset_driving_cell -lib_cell {liberty.buffer.name} {ports}"


def _run(files: Mapping[str, str], script: str, liberty: Liberty) -> str:
    with tempfile.TemporaryDirectory(prefix="energy-") as name:
        folder = Path(name)
        (folder / "cells.lib").symlink_to(liberty.path)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        return sta(f"read_liberty cells.lib\n{script}", folder)
