"""Machines: what a mapping means on hardware, and the registry of those that there are.

A machine is chosen by its design and the memory below it. Search, learned models and stages ask it; they never look
at which one it is.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from pipeline.choices import Memory, PartialSums
from pipeline.hardware import HardwareTensors
from pipeline.machine.constants import Constant, Values
from pipeline.machine.gemmini.machine import Gemmini
from pipeline.machine.timeloop.machine import Timeloop
from pipeline.mapping import LayerTensors, MappingTensors


@runtime_checkable
class Machine(Protocol):
    """What a mapping means on one kind of hardware with one memory below it.

    Calls broadcast over leading dimensions ``*b`` and are differentiable in factors, sizes and ``values``; factors may
    be real numbers (relaxed mappings).
    """

    @property
    def name(self) -> str:
        """Name of the design."""
        ...

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The named constants of its timing with their starting values; empty where it has none to fit."""
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
    """The machine ``name`` on ``memory``. Raises ValueError that lists the machines when there is none of that name."""
    if name not in _MACHINES:
        raise ValueError(f"unknown machine {name!r}; known: {', '.join(_MACHINES)}")
    return _MACHINES[name](memory, partial_sums)
