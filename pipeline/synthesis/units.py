"""Units of synthesis: an elaborated design as distinct modules, each with how often it is there.

Elaboration makes a module of every instance. Two instances are the same unit when their texts are the same once
automatic names are numbered and the modules they instantiate are themselves named by content (a Merkle tree). So a
processing element is synthesised once, whatever the array's size.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.synthesis.elaborate import MEMORIES

LARGEST_MEMORY_BITS = 1 << 17
"""A memory above this that is no macro would become that many flip-flops: synthesis would not end."""
_MEMORY = re.compile(r"memory width (\d+) size (\d+) (?:offset \d+ )?\\?(\S+)")
_NOTES = ("attribute \\src ", "attribute \\hdlname ")
_PORT = re.compile(r"wire (?:width (\d+) )?(?:signed )?(input|output|inout) (\d+) (\\\S+)")


@dataclass(frozen=True, slots=True)
class Macro:
    """A memory macro."""

    kind: str
    """``sram_1rw`` or ``sram_1r1w``."""
    rows: int
    bytes: int
    """Bytes of a row."""

    @property
    def name(self) -> str:
        """Name of its black box."""
        return f"{self.kind}_{self.rows}x{self.bytes}"

    @property
    def label(self) -> str:
        """What tables call it."""
        return f"{self.kind} {self.rows} x {self.bytes} B"

    def ports(self, box: str) -> str:
        """Its ports, by those of another size of its kind."""
        index = max(1, (self.rows - 1).bit_length())
        widths = {"mask_i": self.bytes, "wdata_i": 8 * self.bytes, "rdata_o": 8 * self.bytes}
        widths |= dict.fromkeys(("row_i", "read_row_i", "write_row_i"), index)
        ports = [_PORT.fullmatch(line) for line in box.splitlines()]
        return "\n".join(
            f"wire width {widths.get(port[4][1:], int(port[1] or 1))} {port[2]} {port[3]} {port[4]}"
            for port in ports
            if port is not None
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """A distinct module."""

    name: str
    """Its module's name and a digest of its content."""
    module: str
    """Name of the module in the sources."""
    body: str
    """Its RTLIL, from the line after ``module``; child modules are named by unit."""
    ports: str
    """Its ports in RTLIL, for the black box that stands for it in its parents."""
    children: tuple[tuple[str, str], ...]
    """Instance name and unit of each module that it instantiates."""
    macros: tuple[tuple[str, Macro], ...]
    """Instance name and kind of each memory."""


@dataclass(frozen=True, slots=True)
class Units:
    """All units of a design by name, children before parents."""

    top: str
    units: dict[str, Unit]
    boxes: dict[str, str]
    """Ports of the memory modules, by name."""

    def places(self) -> dict[str, list[str]]:
        """Names of all instances of each unit below the top, as ``u_execute.u_array.gen_rows[0].u_skew``."""
        found: dict[str, list[str]] = {name: [] for name in self.units}
        found[self.top] = [""]
        for name in reversed(self.units):
            for instance, child in self.units[name].children:
                found[child] += [f"{place}.{instance}" if place else instance for place in found[name]]
        return found

    def instances(self) -> Counter[str]:
        """How often each unit is in the design."""
        count: Counter[str] = Counter({self.top: 1})
        for name in reversed(self.units):
            for _, child in self.units[name].children:
                count[child] += count[name]
        return count

    def macros(self) -> Counter[Macro]:
        """How many of each memory macro are in the design."""
        count: Counter[Macro] = Counter()
        for name, times in self.instances().items():
            for _, macro in self.units[name].macros:
                count[macro] += times
        return count


def split(rtlil: str, top: str) -> Units:
    """The units of the elaborated design ``rtlil``.

    Raises ValueError when it has no module ``top``, and one that names a memory too large for flip-flops.
    """
    texts = _modules(rtlil)
    if f"\\{top}" not in texts:
        raise ValueError(f"the elaborated design has no module {top}")
    boxes = {memory: _ports(texts[f"\\{memory}"]) for memory in MEMORIES if f"\\{memory}" in texts}
    units: dict[str, Unit] = {}
    known: dict[str, str] = {}
    # Children come before parents; the depth of a design is small.
    last = _unit(f"\\{top}", texts, units, known)
    return Units(last, units, boxes)


def _unit(name: str, texts: dict[str, list[str]], units: dict[str, Unit], known: dict[str, str]) -> str:
    if name in known:
        return known[name]
    numbers: dict[str, str] = {}
    lines, children, macros = [], [], []
    text = texts[name]
    boxed = False
    for position, line in enumerate(text):
        _check_memory(line, name)
        words = line.split(" ")
        if words[0] == "cell":
            boxed = words[1].startswith("\\")
        if boxed and words[0] == "parameter":
            continue  # the name of a black box says them
        if words[0] == "cell" and boxed:
            kind, instance = words[1], words[2].removeprefix("\\")
            if kind[1:] in MEMORIES:
                macros.append((instance, _macro(kind[1:], text[position + 1 : position + 4])))
                words[1] = f"\\{macros[-1][1].name}"
            else:
                child = _unit(kind, texts, units, known)
                children.append((instance, child))
                words[1] = f"\\{child}"
        keep = 2 if words[0] == "cell" else 0
        words[keep:] = [_numbered(word, numbers) for word in words[keep:]]
        lines.append(" ".join(words))
    body = "\n".join(lines)
    module = name[1:].split("$", maxsplit=1)[0]
    unit = f"{module}_{hashlib.sha256(body.encode()).hexdigest()[:12]}"
    known[name] = unit
    if unit not in units:
        units[unit] = Unit(unit, module, body, _ports(text), tuple(children), tuple(macros))
    return unit


def _check_memory(line: str, module: str) -> None:
    memory = _MEMORY.fullmatch(line)
    if memory is not None and int(memory[1]) * int(memory[2]) > LARGEST_MEMORY_BITS:
        short = module[1:].split("$", maxsplit=1)[0]
        raise ValueError(
            f"module {short}: memory {memory[3]} of {memory[2]} x {memory[1]} bits would become flip-flops; "
            f"a memory macro is a module {' or '.join(MEMORIES)} (Rows, Bytes)"
        )


def _numbered(word: str, numbers: dict[str, str]) -> str:
    """Automatic names by the order in which they appear."""
    return numbers.setdefault(word, f"$n{len(numbers)}") if len(word) > 1 and word[0] == "$" else word


def _modules(rtlil: str) -> dict[str, list[str]]:
    """Lines of each module without what says where they come from."""
    modules: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in rtlil.splitlines():
        if line.startswith("module "):
            lines = modules[line.split(" ")[1]] = []
        elif line == "end":
            lines = None
        elif lines is not None and not line.lstrip().startswith(_NOTES):
            lines.append(line.strip())
    return modules


def port_widths(ports: str) -> dict[str, tuple[str, int]]:
    """``input``, ``output`` or ``inout`` of each port in RTLIL, and its bits."""
    found = (port for line in ports.splitlines() if (port := _PORT.fullmatch(line)))
    return {port[4][1:]: (port[2], int(port[1] or 1)) for port in found}


def verilog_head(name: str, ports: Mapping[str, tuple[str, int]]) -> str:
    """A module in Verilog up to its content; ``ports`` as from ``port_widths``."""
    lines = [f"  {way} {f'[{bits - 1}:0] ' if bits > 1 else ''}{port};\n" for port, (way, bits) in ports.items()]
    return f"module {name} ({', '.join(ports)});\n{''.join(lines)}"


def _ports(lines: list[str]) -> str:
    return "\n".join(line for line in lines if _PORT.fullmatch(line))


def _macro(kind: str, parameters: list[str]) -> Macro:
    values = dict(line.split(" ")[1:3] for line in parameters if line.startswith("parameter "))
    return Macro(kind, int(values["\\Rows"]), int(values["\\Bytes"]))
