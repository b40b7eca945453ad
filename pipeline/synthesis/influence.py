"""What data can influence: the cone of a design's data inputs over its gates, cycle after cycle.

The design is flattened to gates and single bits. A bit is influenced when a gate that drives it reads an influenced
bit, through registers and memories too; the cone is complete, whatever the program. It may be larger than what data
really changes, never smaller. Where no output but the data itself is in it, control and timing are the same for every
content of the memory, so a build without data takes the same cycles.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.synthesis.elaborate import MEMORIES, linked, read_command
from pipeline.synthesis.tools import yosys

_DATA_OF_MEMORIES = ("wdata_i", "rdata_o")
Bit = int | str


@dataclass(frozen=True, slots=True)
class Influence:
    """What the data inputs of a design reach."""

    outputs: frozenset[str]
    """Output ports with a bit in the cone."""
    registers: frozenset[str]
    """Names of registers with a bit in the cone."""
    other_registers: frozenset[str]
    """Names of registers with none."""
    memory_control: frozenset[str]
    """Ports of memories, other than their data, with a bit in the cone: what is read or written depends on data."""


def influence(
    sources: Sequence[Path], top: str, parameters: Mapping[str, int], data_inputs: Iterable[str]
) -> Influence:
    """The cone of ``data_inputs``, names of input ports of ``top``.

    Raises ValueError that names one which is no input, RuntimeError with the first error of yosys.
    """
    module = _gates(sources, top, parameters)
    ports: dict[str, Any] = module["ports"]
    inputs = list(data_inputs)
    for name in inputs:
        if name not in ports or ports[name]["direction"] != "input":
            raise ValueError(f"{top} has no input {name}")
    drives = _readers(module["cells"].values())
    reached: set[Bit] = {bit for name in inputs for bit in ports[name]["bits"] if isinstance(bit, int)}
    todo = list(reached)
    while todo:
        fresh = [bit for bit in drives[todo.pop()] if bit not in reached]
        reached.update(fresh)
        todo.extend(fresh)
    registers = _registers(module)
    touched = {name for name, bits in registers.items() if not reached.isdisjoint(bits)}
    return Influence(
        outputs=frozenset(
            n for n, p in ports.items() if p["direction"] == "output" and not reached.isdisjoint(p["bits"])
        ),
        registers=frozenset(touched),
        other_registers=frozenset(registers.keys() - touched),
        memory_control=frozenset(_memory_control(module["cells"], reached)),
    )


def _gates(sources: Sequence[Path], top: str, parameters: Mapping[str, int]) -> dict[str, Any]:
    """The flat design as yosys's JSON: ports, cells of single bits, names of nets."""
    with tempfile.TemporaryDirectory(prefix="influence-") as name:
        folder = Path(name)
        read = read_command(linked(folder, sources), top, parameters)
        yosys(f"{read}\n{_TO_GATES}write_json design.json\n", folder)
        module: dict[str, Any] = json.loads((folder / "design.json").read_text(encoding="utf-8"))["modules"][top]
        return module


_TO_GATES = """proc
opt -full
memory -nomap
memory_map
opt -fast -full
techmap
simplemap
opt -fast
clean
"""


def _readers(cells: Iterable[Mapping[str, Any]]) -> Mapping[Bit, list[Bit]]:
    """For each bit those that a cell drives from it."""
    readers: defaultdict[Bit, list[Bit]] = defaultdict(list)
    for cell in cells:
        data_only = cell["type"].removeprefix("\\") in MEMORIES
        read: list[Bit] = []
        written: list[Bit] = []
        for port, bits in cell["connections"].items():
            if data_only and port not in _DATA_OF_MEMORIES:
                continue
            (read if cell["port_directions"][port] == "input" else written).extend(bits)
        for bit in read:
            if isinstance(bit, int):
                readers[bit].extend(written)
    return readers


def _registers(module: Mapping[str, Any]) -> dict[str, set[Bit]]:
    """Bits of every named register."""
    states = {
        bit
        for cell in module["cells"].values()
        if "FF" in cell["type"] or "LATCH" in cell["type"]
        for bit in cell["connections"].get("Q", ())
    }
    named = {name: states.intersection(net["bits"]) for name, net in module["netnames"].items() if not net["hide_name"]}
    return {name: bits for name, bits in named.items() if bits}


def _memory_control(cells: Mapping[str, Any], reached: set[Bit]) -> Iterable[str]:
    for name, cell in cells.items():
        if cell["type"].removeprefix("\\") in MEMORIES:
            for port, bits in cell["connections"].items():
                if port not in _DATA_OF_MEMORIES and not reached.isdisjoint(bits):
                    yield f"{name}.{port}"
