"""Energy of a synthesised design under the activity of a simulation, unit by unit.

Inputs of a unit, outputs of its children and registers change as often as they did in the simulation, where their names
are found; what gates make of that is propagated (``cell_energy``). Each output of a unit drives ``netlist.LOAD_FF``.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from pipeline.synthesis.activity import Activity, Bit
from pipeline.synthesis.cell_energy import Registers, gates_energy, kind_of, registers_energy
from pipeline.synthesis.cut import Cut, cut
from pipeline.synthesis.memories import macro_model
from pipeline.synthesis.netlist import Netlist
from pipeline.synthesis.result import Synthesis
from pipeline.synthesis.units import Macro

MOST_INSTANCES = 64
"""Of a unit with more instances as many are analysed, drawn at random, and stand for all."""
_QUIET = Bit(0.0, 0.5)


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy in picojoule a cycle; leakage is not in it."""

    clock_pj: float = 0.0
    """Of the flip-flops' clock pins and what they drive inside; it does not depend on activity."""
    registers_pj: float = 0.0
    """Of flip-flops whose inputs and outputs change."""
    logic_pj: float = 0.0
    """Of gates."""
    memory_pj: float = 0.0
    """Of reads and writes of memory macros."""

    @property
    def total_pj(self) -> float:
        """All of it."""
        return self.clock_pj + self.registers_pj + self.logic_pj + self.memory_pj

    def __add__(self, other: "Energy") -> "Energy":
        return Energy(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class UnitEnergy:
    """Energy of all instances of a unit."""

    energy: Energy
    known: int
    """Bits of inputs and registers with their activity from the simulation, over one instance."""
    bits: int
    """All of them."""


@dataclass(frozen=True, slots=True)
class Accesses:
    """Of all instances of a memory macro together, a cycle."""

    reads: float
    writes: float


@dataclass(frozen=True, slots=True)
class DesignEnergy:
    """A design over one simulation."""

    cycles: int
    units: Mapping[str, UnitEnergy]
    """By unit."""
    accesses: Mapping[Macro, Accesses]

    @property
    def known(self) -> float:
        """Share of the bits of inputs and registers whose activity the simulation gives, every unit once."""
        return sum(unit.known for unit in self.units.values()) / max(1, sum(unit.bits for unit in self.units.values()))

    def by_module(self, result: Synthesis) -> dict[str, Energy]:
        """All instances of each module, and of each memory by its label."""
        found: defaultdict[str, Energy] = defaultdict(Energy)
        for name, unit in self.units.items():
            found[result.units.units[name].module] += unit.energy
        for macro, accesses in self.accesses.items():
            model = macro_model(macro, result.nanometres)
            found[macro.label] += Energy(memory_pj=accesses.reads * model.read_pj + accesses.writes * model.write_pj)
        return found


@dataclass(frozen=True, slots=True)
class PowerModel:
    """A synthesised design in parts, ready for any number of simulations."""

    result: Synthesis
    parts: Mapping[str, Cut]
    """By unit."""
    registers: Registers

    @classmethod
    def of(cls, result: Synthesis) -> "PowerModel":
        """The parts of ``result``. Raises RuntimeError with the first error of a tool."""
        parts = cut(list(result.netlists.values()), result.units, result.liberty)
        kinds = (kind_of(register, part) for part in parts.values() for register in part.registers)
        return cls(result, parts, registers_energy(kinds, result.liberty))

    @property
    def clock_pj(self) -> float:
        """Picojoule a cycle of all registers' clock pins, whatever they do."""
        instances = self.result.units.instances()
        netlists = self.result.netlists.items()
        return sum(instances[name] * _clock_pj(netlist, self.registers) for name, netlist in netlists)

    def energy(self, activity: Activity) -> DesignEnergy:
        """Energy under ``activity``.

        Raises ValueError when the activity is of another design, RuntimeError with the first error of a tool.
        """
        units = self.result.units
        root = activity.place(f"u_{units.units[units.top].module}")
        places = {
            name: [f"{root}.{place}" if place else root for place in found] for name, found in units.places().items()
        }
        accesses: defaultdict[Macro, list[Accesses]] = defaultdict(list)
        for name, unit in units.units.items():
            for instance, macro in unit.macros:
                accesses[macro] += [_accesses(f"{place}.{instance}", activity) for place in places[name]]
        bits = activity.flat() | dict(activity.bits)
        found = {name: _Found.of(self.parts[name], places[name], bits) for name in self.result.netlists}
        gates = gates_energy([(self.parts[name], one.sets) for name, one in found.items()], self.result.liberty)
        energies = {
            name: self._unit(name, one, sum(logic)) for (name, one), logic in zip(found.items(), gates, strict=True)
        }
        sums = {
            macro: Accesses(sum(one.reads for one in found), sum(one.writes for one in found))
            for macro, found in accesses.items()
        }
        return DesignEnergy(activity.cycles, energies, sums)

    def _unit(self, name: str, found: "_Found", logic_pj: float) -> UnitEnergy:
        part = self.parts[name]
        change_pj = {one.net: self.registers.change_pj[kind_of(one, part)] for one in part.registers}
        changes_pj = sum(bits[net].changes * pj for bits in found.sets for net, pj in change_pj.items())
        each = found.instances / len(found.sets)
        clock_pj = found.instances * _clock_pj(self.result.netlists[name], self.registers)
        energy = Energy(clock_pj, registers_pj=each * changes_pj, logic_pj=each * logic_pj)
        return UnitEnergy(energy, known=found.known, bits=sum(map(len, found.sets)))


def _clock_pj(netlist: Netlist, registers: Registers) -> float:
    return sum(count * registers.clock_pj.get(cell, 0.0) for cell, count in netlist.cells.items())


def _accesses(place: str, activity: Activity) -> Accesses:
    try:
        return Accesses(activity.bits[f"{place}.read_i"].high, activity.bits[f"{place}.write_i"].high)
    except KeyError as error:
        raise ValueError(f"the activity has no bit {error.args[0]}") from None


@dataclass(frozen=True, slots=True)
class _Found:
    """What a simulation says of the instances of a unit."""

    instances: int
    sets: tuple[dict[str, Bit], ...]
    """Activity of inputs and registers by net, of those that are analysed."""
    known: int
    """How many bits of them are in the simulation; others change as the known ones of their kind."""

    @classmethod
    def of(cls, part: Cut, places: Sequence[str], bits: Mapping[str, Bit]) -> "_Found":
        some = random.Random(0).sample(places, MOST_INSTANCES) if len(places) > MOST_INSTANCES else places
        sets, known = zip(*(_activity(part, place, bits) for place in some), strict=True)
        return cls(len(places), sets, sum(known))


def _activity(part: Cut, place: str, known: Mapping[str, Bit]) -> tuple[dict[str, Bit], int]:
    found: dict[str, Bit] = {}
    count = 0
    for nets in (set(part.inputs), {register.net for register in part.registers}):
        bits = {net: bit for net in nets if (bit := _bit(part, net, place, known)) is not None}
        mean = Bit(*np.mean([astuple(bit) for bit in bits.values()], axis=0)) if bits else _QUIET
        found |= dict.fromkeys(nets, mean) | bits
        count += len(bits)
    return found, count


def _bit(part: Cut, net: str, place: str, known: Mapping[str, Bit]) -> Bit | None:
    names = (f"{place}.{name}" for name in part.names.get(net, ()))
    return next((known[name] for name in names if name in known), None)
