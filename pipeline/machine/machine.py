"""Machines: what a mapping means on hardware, and the registry of those that there are.

A machine is chosen by its design and the memory below it. Search, learned models and stages ask it; they never look
at which one it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from pipeline.choices import Area, Memory, PartialSums
from pipeline.hardware import Hardware, HardwareTensors, Template
from pipeline.machine.constants import Constant, Values
from pipeline.machine.energy import Cost, LevelEnergy
from pipeline.machine.explain import Explanation
from pipeline.machine.folder import machine_in
from pipeline.machine.gemmini.machine import Gemmini
from pipeline.machine.space import MappingSpace, SizeGrid
from pipeline.machine.timeloop.machine import Timeloop
from pipeline.machine.words import Least, Words
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import Layer


@runtime_checkable
class Machine(Protocol):
    """What a mapping means on one kind of hardware with one memory below it.

    Calls broadcast over leading dimensions ``*b`` and are differentiable in factors, sizes and ``values``; factors may
    be real numbers (relaxed mappings).
    """

    @property
    def name(self) -> str:
        """Name in the registry."""
        ...

    @property
    def memory(self) -> Memory:
        """The memory below the bus."""
        ...

    @property
    def partial_sums(self) -> PartialSums:
        """What becomes of partial sums of interrupted reductions. It chooses no constants."""
        ...

    @property
    def template(self) -> Template:
        """Levels of the memories, spatial loops, sizes of the hardware."""
        ...

    @property
    def grid(self) -> SizeGrid:
        """Sizes that are built."""
        ...

    @property
    def space(self) -> MappingSpace:
        """What a search chooses of a mapping."""
        ...

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The named constants of its timing with their starting values; empty where it has none to fit."""
        ...

    @property
    def default_hardware(self) -> Hardware:
        """What its designers build when nothing is asked."""
        ...

    def default_mapping(self, layer: Layer, hardware: Hardware) -> Mapping:
        """What its own library would run: the baseline. Raises ValueError when not even the smallest tile fits."""
        ...

    def executed(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> tuple[LayerTensors, MappingTensors]:
        """What runs in place of the mappings that were asked for: these themselves, except in published runs."""
        ...

    def latency(
        self,
        layers: LayerTensors,
        mappings: MappingTensors,
        hardware: HardwareTensors,
        values: Values | None = None,
    ) -> Float[Tensor, "*b"]:
        """Cycles of each mapping.

        ``values`` holds one for each of ``constants`` (numbers, or tensors that broadcast with the batch); without it
        they are the starting values. Raises ValueError that names a constant which is missing or unknown.
        """
        ...

    def terms(
        self,
        layers: LayerTensors,
        mappings: MappingTensors,
        hardware: HardwareTensors,
        values: Values | None = None,
    ) -> dict[str, Float[Tensor, "*b"]]:
        """What the latency is made of, by name and in the units that the names end in; ``cycles`` is the latency."""
        ...

    def words(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Words:
        """Words that each mapping moves at each level."""
        ...

    def energy(self, words: Words, hardware: HardwareTensors) -> LevelEnergy:
        """Energy of moved words, modelled or counted, in microjoule by level."""
        ...

    def cost(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Cost:
        """Latency and energy of each mapping; what both need is counted once."""
        ...

    def area_mm2(self, hardware: HardwareTensors) -> Float[Tensor, "*b"]:
        """Area of each hardware."""
        ...

    def footprint_kib(
        self, layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"]
    ) -> dict[str, Float[Tensor, "*b"]]:
        """Physical KiB of each memory, by the name of its size, that tiles of each mapping need at an array size."""
        ...

    def explanation(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Explanation:
        """What stands behind the estimates of a batch [B]: capacity, words, cycles, energy by level."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A machine that separates what mappings do from the constants of its timing."""

    def prepared(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> Callable[[Values], dict[str, Float[Tensor, "*b"]]]:
        """``terms`` of these mappings as a function of the values alone; the rest is worked out once."""
        ...


@runtime_checkable
class Bounds(Protocol):
    """A machine that says what a tiling costs at least, cheaper than what it costs in one order."""

    def least(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Least:
        """Cycles and words that the tiles of these mappings do not go below in any order of the DRAM loops."""
        ...


def prepared(
    machine: Machine, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
) -> Callable[[Values], dict[str, Float[Tensor, "*b"]]]:
    """``machine.terms`` of these mappings as a function of the values alone, as fast as the machine can.

    With values of shape [*b] each row has its own constants, so one backward pass of a sum gives the derivatives of
    every row.
    """
    if isinstance(machine, Prepares):
        return machine.prepared(layers, mappings, hardware)
    return lambda values: machine.terms(layers, mappings, hardware, values)


_MEMBERS = tuple(sorted(member for member in vars(Machine) if not member.startswith("_")))

_MACHINES: dict[str, Callable[[Memory, PartialSums], Machine]] = {"gemmini": Gemmini, "timeloop": Timeloop}


def register(name: str, make: Callable[[Memory, PartialSums], Machine]) -> None:
    """Add the machine ``name``: ``make`` gives it for a memory and a rule for partial sums.

    Raises ValueError when the name is taken by another one.
    """
    if _MACHINES.setdefault(name, make) is not make:
        raise ValueError(f"machine {name!r} exists already")


def machine_names() -> tuple[str, ...]:
    """Names of all machines."""
    return tuple(_MACHINES)


def machine_of(name: str, memory: Memory = "soc", partial_sums: PartialSums = "spill") -> Machine:
    """The machine ``name`` on ``memory``; of a path the one that the folder there describes.

    Raises ValueError that lists the machines when there is none of that name.
    """
    if name not in _MACHINES and len(Path(name).parts) > 1:
        machine: Machine = machine_in(name, memory, partial_sums, _MEMBERS)
        return machine
    if name not in _MACHINES:
        raise ValueError(f"unknown machine {name!r}; known: {', '.join(_MACHINES)}")
    return _MACHINES[name](memory, partial_sums)


def with_area(machine: Machine, area: Area) -> Machine:
    """``machine`` with its area from elsewhere. Raises ValueError when it is not known from there."""
    if area == "published":
        return machine
    if not isinstance(machine, Gemmini):
        raise ValueError(f"the area of {machine.name} is not known from synthesis; published is all there is")
    return replace(machine, area=area)


def known_areas(machine: Machine) -> tuple[Area, ...]:
    """Where the area of ``machine`` can come from."""
    return ("published", "synthesized") if isinstance(machine, Gemmini) else ("published",)


def area_source(machine: Machine) -> Area:
    """Where the area of ``machine`` comes from."""
    return machine.area if isinstance(machine, Gemmini) else "published"


@dataclass(frozen=True, slots=True)
class MachineChoice:
    """Which machine: what a command was asked for, and what a trained model records."""

    machine: str = "gemmini"
    memory: Memory = "soc"
    partial_sums: PartialSums = "spill"

    def find(self) -> Machine:
        """The machine. Raises ValueError when there is none of that name."""
        return machine_of(self.machine, self.memory, self.partial_sums)

    def __str__(self) -> str:
        sums = ", partial sums dropped" if self.partial_sums == "drop" else ""
        return f"{self.machine} on {self.memory}{sums}"

    @classmethod
    def of(cls, machine: Machine) -> "MachineChoice":
        """The choice that finds ``machine`` again."""
        return cls(machine.name, machine.memory, machine.partial_sums)
