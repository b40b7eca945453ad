"""A synthesised unit cut at its children, memories and registers, so that its gates stand alone.

Nets are named by number; each knows the names that the sources have for it.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.synthesis.liberty import Liberty
from pipeline.synthesis.netlist import LOAD_FF, Netlist
from pipeline.synthesis.timing import CLOCK
from pipeline.synthesis.tools import yosys
from pipeline.synthesis.units import Units, port_widths


@dataclass(frozen=True, slots=True)
class Register:
    """A flip-flop or latch."""

    cell: str
    output: str
    """Its pin."""
    net: str
    """What that drives."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A unit in parts."""

    gates: str
    """Verilog of module ``gates``: what is neither register nor child. Ports are named as their nets, ``n<number>``."""
    inputs: tuple[str, ...]
    """Nets that come from outside or from a child."""
    gate_inputs: tuple[str, ...]
    """Nets of inputs and registers that gates read."""
    outputs: tuple[str, ...]
    """Nets of gates that something else reads."""
    registers: tuple[Register, ...]
    """One for each output of a register that drives something."""
    loads_ff: Mapping[str, float]
    """What a net drives besides gates: pins of registers, and ``LOAD_FF`` where it leaves the unit."""
    gate_loads_ff: Mapping[str, float]
    """What a net drives of gates."""
    names: Mapping[str, tuple[str, ...]]
    """What the sources call a net, below the unit."""


def cut(netlists: Sequence[Netlist], units: Units, liberty: Liberty) -> dict[str, Cut]:
    """The parts of each of ``netlists`` by unit. Raises RuntimeError with the first error of yosys."""
    with tempfile.TemporaryDirectory(prefix="cut-") as name:
        folder = Path(name)
        script = []
        for number, netlist in enumerate(netlists):
            (folder / f"{number}.v").symlink_to(netlist.verilog.resolve())
            script += [f"read_verilog {number}.v", f"write_json {number}.json", "design -reset"]
        yosys("\n".join([*script, ""]), folder)
        return {
            netlist.unit.name: _cut(folder / f"{number}.json", netlist, units, liberty)
            for number, netlist in enumerate(netlists)
        }


def _cut(file: Path, netlist: Netlist, units: Units, liberty: Liberty) -> Cut:
    module = json.loads(file.read_text(encoding="utf-8"))["modules"][netlist.unit.name]
    children = {instance: units.units[child].ports for instance, child in netlist.unit.children}
    children |= {instance: macro.ports(units.boxes[macro.kind]) for instance, macro in netlist.unit.macros}
    return _Cutter(module, children, liberty).cut()


class _Cutter:
    """Collects the parts; ``children`` are the ports in RTLIL of each child and memory, by the name of its instance."""

    def __init__(self, module: Mapping[str, Any], children: Mapping[str, str], liberty: Liberty) -> None:
        self._module = module
        self._children = children
        self._liberty = liberty
        self._inputs: set[str] = set()
        self._registers: list[Register] = []
        self._cells: list[str] = []
        self._driven: set[str] = set()
        self._leaving: set[str] = set()
        self._loads: defaultdict[str, float] = defaultdict(float)
        self._gate_loads: defaultdict[str, float] = defaultdict(float)
        self._names: defaultdict[str, list[str]] = defaultdict(list)

    def cut(self) -> Cut:
        for name, net in self._module["netnames"].items():
            if not net["hide_name"]:
                self._name(name, net["bits"])
        for name, port in self._module["ports"].items():
            if name != CLOCK:
                self._port(port["bits"], comes=port["direction"] == "input")
        for name, cell in self._module["cells"].items():
            if name in self._children:
                self._child(name, cell["connections"])
            else:
                self._cell(cell)
        for net in self._leaving:
            self._loads[net] += LOAD_FF
        sources = self._inputs | {register.net for register in self._registers}
        outputs = tuple(sorted(self._driven & self._loads.keys()))
        used = tuple(sorted(sources & self._gate_loads.keys()))
        ports = [f"  {way} {net};" for way, nets in (("input", used), ("output", outputs)) for net in nets]
        head = f"module gates ({', '.join([*used, *outputs])});"
        return Cut(
            gates="\n".join([head, *ports, *self._cells, "endmodule", ""]),
            inputs=tuple(sorted(self._inputs)),
            gate_inputs=used,
            outputs=outputs,
            registers=tuple(self._registers),
            loads_ff=dict(self._loads),
            gate_loads_ff=dict(self._gate_loads),
            names={net: tuple(names) for net, names in self._names.items()},
        )

    def _name(self, name: str, bits: list[int | str]) -> None:
        for index, bit in enumerate(bits):
            if isinstance(bit, int):
                self._names[f"n{bit}"].append(name if len(bits) == 1 else f"{name}[{index}]")

    def _port(self, bits: list[int | str], *, comes: bool) -> None:
        nets = [f"n{bit}" for bit in bits if isinstance(bit, int)]
        (self._inputs if comes else self._leaving).update(nets)

    def _child(self, instance: str, connections: Mapping[str, list[int | str]]) -> None:
        for port, (way, _) in port_widths(self._children[instance]).items():
            bits = connections.get(port, [])
            self._name(f"{instance}.{port}", bits)
            self._port(bits, comes=way == "output")

    def _cell(self, cell: Mapping[str, Any]) -> None:
        kind = self._liberty.cells[cell["type"]]
        nets = {pin: bits[0] for pin, bits in cell["connections"].items() if bits}
        loads = self._loads if kind.registers else self._gate_loads
        for pin, net in nets.items():
            if not isinstance(net, int):
                continue
            if pin in kind.loads:
                if pin != kind.clock:
                    loads[f"n{net}"] += kind.loads[pin] * self._liberty.capacitance_unit_ff
            elif kind.registers:
                self._registers.append(Register(kind.name, pin, f"n{net}"))
            else:
                self._driven.add(f"n{net}")
        if not kind.registers:
            said = ", ".join(f".{pin}({_term(net)})" for pin, net in nets.items())
            self._cells.append(f"  {kind.name} c{len(self._cells)} ({said});")


def _term(net: int | str) -> str:
    return f"n{net}" if isinstance(net, int) else f"1'b{'1' if net == '1' else '0'}"
