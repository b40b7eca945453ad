"""What synthesis asks a Liberty file: area, leakage and kind of each cell, a buffer to drive inputs, the units."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TOKEN = re.compile(r'/\*.*?\*/|"(?:[^"\\]|\\.)*"|[{}();:,]|[^\s{}();:,"]+', re.DOTALL)
_TO_NS = {"1ps": 1e-3, "10ps": 1e-2, "100ps": 1e-1, "1ns": 1.0}
_TO_NW = {"1pw": 1e-3, "1nw": 1.0, "1uw": 1e3, "1mw": 1e6}
_TO_FF = {"ff": 1.0, "pf": 1000.0}
_TYPICAL_BUFFER = 0.5


@dataclass(frozen=True, slots=True)
class Cell:
    """A standard cell."""

    name: str
    area: float
    """In the unit of the file, square micrometres in all that are in use here."""
    leakage_nw: float
    registers: int
    """1 for a flip-flop or latch."""
    drives: float
    """Largest load of its output in the file's unit of capacitance, 0 where not said."""
    is_buffer: bool
    loads: dict[str, float]
    """Capacitance of each input pin in the file's unit."""
    clock: str
    """The clock pin of a flip-flop, empty where there is none."""
    data: str
    """The pin whose value a flip-flop or latch takes, empty where there is none."""


@dataclass(frozen=True, slots=True)
class Liberty:
    """A library of standard cells."""

    path: Path
    name: str
    cells: dict[str, Cell]
    time_unit_ns: float
    capacitance_unit_ff: float
    volts: float

    @property
    def buffer(self) -> Cell:
        """The smallest buffer: it drives inputs. Raises ValueError when the library has none."""
        buffers = sorted((cell for cell in self.cells.values() if cell.is_buffer), key=lambda cell: cell.area)
        if not buffers:
            raise ValueError(f"{self.path}: has no buffer")
        return buffers[0]


@dataclass(frozen=True, slots=True)
class _Group:
    """``kind (name) { ... }``."""

    kind: str
    name: str
    values: dict[str, str]
    groups: list["_Group"]

    def all(self, *kinds: str) -> list["_Group"]:
        return [group for group in self.groups if group.kind in kinds]


def read_liberty(path: Path) -> Liberty:
    """Read the cells of a Liberty file. Raises ValueError that names the file when it is not one."""
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    tokens = (token for token in _TOKEN.findall(text) if not token.startswith("/*"))
    try:
        library = next(group for group in _body(tokens).groups if group.kind == "library")
        cells = {group.name: _cell(group, _leakage_unit(library)) for group in library.all("cell")}
    except (StopIteration, ValueError, KeyError) as error:
        raise ValueError(f"{path}: not a Liberty file of standard cells ({error or 'no library'})") from error
    if not any(cell.registers for cell in cells.values()):
        raise ValueError(f"{path}: has no flip-flop")
    size, unit = library.values.get("capacitive_load_unit", "1,pf").split(",")
    return Liberty(
        path,
        library.name,
        cells,
        time_unit_ns=_TO_NS[library.values.get("time_unit", "1ns").lower()],
        capacitance_unit_ff=float(size) * _TO_FF[unit.strip().lower()],
        volts=float(library.values.get("nom_voltage", "1")),
    )


def _leakage_unit(library: _Group) -> float:
    return _TO_NW[library.values.get("leakage_power_unit", "1nW").lower()]


def _cell(group: _Group, unit_nw: float) -> Cell:
    states = [float(state.values["value"]) for state in group.all("leakage_power") if "value" in state.values]
    leakage = float(group.values.get("cell_leakage_power", sum(states) / max(1, len(states))))
    pins = group.all("pin")
    inputs = [pin.name for pin in pins if pin.values.get("direction") == "input"]
    outputs = [pin for pin in pins if pin.values.get("direction") == "output"]
    functions = [pin.values.get("function", "").strip("() ") for pin in outputs]
    registers = group.all("ff", "latch", "ff_bank", "latch_bank")
    drives = max((float(pin.values.get("max_capacitance", 0)) for pin in outputs), default=0.0)
    is_buffer = len(inputs) == 1 and functions == inputs and not registers
    stored = {name: value for state in registers for name, value in state.values.items()}
    return Cell(
        group.name,
        float(group.values["area"]),
        leakage * unit_nw,
        len(registers),
        drives,
        is_buffer,
        loads={pin.name: float(pin.values.get("capacitance", 0)) for pin in pins if pin.name in inputs},
        clock=_first(stored.get("clocked_on", ""), inputs),
        data=_first(stored.get("next_state", stored.get("data_in", "")), inputs),
    )


def _first(function: str, pins: list[str]) -> str:
    """The first pin that a function names."""
    return next((name for name in re.findall(r"\w+", function) if name in pins), "")


def _body(tokens: Iterator[str], kind: str = "", name: str = "") -> _Group:
    """A group up to its closing brace: ``key : value ;``, ``key (values) ;`` and ``kind (name) { ... }``."""
    values: dict[str, str] = {}
    groups: list[_Group] = []
    words: list[str] = []
    for token in tokens:
        if token == "}":
            break
        if token == "{":
            groups.append(_body(tokens, words[0], "".join(words[1:])))
            words = []
        elif token == ";":
            if words:
                values[words[0]] = "".join(words[1:])
            words = []
        elif token == ":" and len(words) == 1:
            words.append("")
        elif token not in "()":
            words.append(token.strip('"'))
    return _Group(kind, name, values, groups)
