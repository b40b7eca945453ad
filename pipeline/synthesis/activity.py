"""How often the bits of a simulated design change, from a SAIF file of Verilator (IEEE 1801, Annex I)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

UNITS_PER_CYCLE = 2
"""Time units of a clock period in the files of ``sim.waveform``."""
_ELEMENT = re.compile(r"(.*)\[(\d+)\]\[(\d+)\]")
_LINE = re.compile(r"\((?:(INSTANCE|NET)\b ?(.*)|(\S+) \(T0 \d+\) \(T1 (\d+)\) .*\(TC (\d+)\)\)|DURATION (\d+)\))")


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit over a simulation."""

    changes: float
    """A cycle."""
    high: float
    """Share of the time in which it is 1."""


@dataclass(frozen=True, slots=True)
class Activity:
    """All bits of a simulation."""

    cycles: int
    bits: Mapping[str, Bit]
    """By name with all instances: ``tb.i_design.u_gemmini.held[0]``."""

    def flat(self) -> dict[str, Bit]:
        """The bits of arrays by their places in one vector, as synthesis has them: element 0 is highest."""
        shapes: dict[str, tuple[int, int]] = {}
        elements = [found for name in self.bits if (found := _ELEMENT.fullmatch(name))]
        for found in elements:
            most, widest = shapes.get(found[1], (0, 0))
            shapes[found[1]] = max(most, int(found[2])), max(widest, int(found[3]))
        return {
            f"{found[1]}[{(most - int(found[2])) * (widest + 1) + int(found[3])}]": self.bits[found[0]]
            for found in elements
            for most, widest in [shapes[found[1]]]
        }

    def place(self, instance: str) -> str:
        """The name of the first instance ``instance``, with all around it. Raises ValueError when there is none."""
        pattern = re.compile(rf"((?:[^.]+\.)*?{re.escape(instance)})\.")
        for name in self.bits:
            if found := pattern.match(name):
                return found[1]
        raise ValueError(f"the activity has no instance {instance}")


def read_saif(path: Path) -> Activity:
    """Read a SAIF file. Raises ValueError that names it when it is none."""
    scopes: list[str] = []
    bits: dict[str, tuple[int, int]] = {}
    duration = 0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            text = line.strip().replace("\\", "")
            found = _LINE.fullmatch(text)
            if text == ")" and scopes:
                scopes.pop()
            elif found is None:
                continue
            elif found[1]:
                scopes.append(found[2] if found[1] == "INSTANCE" else "")
            elif found[3]:
                bits[".".join([*filter(None, scopes), found[3]])] = int(found[5]), int(found[4])
            else:
                duration = int(found[6])
    if duration < UNITS_PER_CYCLE or not bits:
        raise ValueError(f"{path}: not a SAIF file of a simulation")
    cycles = -(-duration // UNITS_PER_CYCLE)
    return Activity(cycles, {name: Bit(changes / cycles, high / duration) for name, (changes, high) in bits.items()})
