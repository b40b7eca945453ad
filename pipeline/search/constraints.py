"""What a search may build: array sizes, memory sizes, area."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pipeline.hardware import MAX_DIM, MAX_KIB, Hardware, HardwareTensors
from pipeline.machine.machine import Machine

_SHRINKS = 40
"""Times that each memory is made smaller, at most."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Limits on the hardware of one search.

    ``fixed`` fixes everything, which makes the search a mapper; ``fix_dim`` fixes the array; the others hold for what
    the search builds. Raises ValueError that names a limit which leaves nothing to build.
    """

    machine: Machine
    fix_dim: int | None = None
    fixed: Hardware | None = None
    max_dim: int | None = None
    max_kib: Mapping[str, float] = field(default_factory=dict)
    """Largest physical KiB of memories, by the names of their sizes."""
    max_area_mm2: float | None = None
    structure: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Numbers that parts of the structure may have, ascending; the others have the default."""

    def __post_init__(self) -> None:
        template, grid = self.machine.template, self.machine.grid
        if self.fixed is not None and self.fixed.template != template:
            raise ValueError(f"fixed hardware is {self.fixed.template.name}'s, the search is for {template.name}")
        if self.fixed is not None and (self.fix_dim is not None or self.max_dim is not None):
            raise ValueError("fixed hardware cannot be combined with a fixed or maximal dim")
        dim = self.fix_dim if self.fixed is None else self.fixed.dim
        legal = grid.fixed_dims
        if dim is not None and dim not in legal:
            known = f"from {legal[0]} to {legal[-1]}" if isinstance(legal, range) else f"one of {_listed(legal)}"
            raise ValueError(f"fixed dim = {dim}: must be {known} on {template.name}")
        if self.max_dim is not None and not self.dims:
            raise ValueError(f"maximal dim = {self.max_dim!r}: the smallest array is {grid.dims[0]}")
        for name, value in self.max_kib.items():
            if name not in template.sizes[1:]:
                raise ValueError(f"max_{name} = {value!r}: {template.name} has no such size")
            if not grid.low_kib <= value <= MAX_KIB:
                raise ValueError(f"max_{name} = {value!r}: must be from {grid.low_kib:g} to {MAX_KIB:g}")
        self._check_structure()
        if self.max_area_mm2 is not None and not (self.max_area_mm2 > 0 and math.isfinite(self.max_area_mm2)):
            raise ValueError(f"maximal area = {self.max_area_mm2!r} mm2: must be above 0")

    def _check_structure(self) -> None:
        if self.structure and self.fixed is not None:
            raise ValueError("fixed hardware cannot be combined with a choice of structures")
        for name, numbers in self.structure.items():
            for number in numbers:
                self.machine.default_hardware.restructured({name: number})
            if list(numbers) != sorted(set(numbers)) or not numbers:
                raise ValueError(f"structure {name} = {list(numbers)}: must be numbers in ascending order")

    @property
    def dims(self) -> tuple[int, ...]:
        """Array sizes that may be built."""
        if self.fixed is not None:
            return (self.fixed.dim,)
        if self.fix_dim is not None:
            return (self.fix_dim,)
        limit = self.max_dim or MAX_DIM
        return tuple(dim for dim in self.machine.grid.dims if dim <= limit)

    @property
    def limits_kib(self) -> dict[str, float]:
        """Largest size of each memory in physical KiB, by name."""
        if self.fixed is not None:
            return {name: self.fixed[name] for name in self.machine.template.sizes[1:]}
        high = self.machine.grid.high_kib
        return {name: self.max_kib.get(name, high) for name in self.machine.template.sizes[1:]}

    @property
    def largest(self) -> HardwareTensors:
        """The largest hardware that the size limits allow, as a batch of one [1]; its area is not looked at."""
        sizes = {"dim": float(self.dims[-1])} | self.limits_kib
        return HardwareTensors({name: torch.tensor([size], dtype=torch.float64) for name, size in sizes.items()})

    @property
    def default(self) -> Hardware:
        """The fixed hardware, else what is built by default as near as the limits allow.

        Raises ValueError when hardware near it cannot be built.
        """
        if self.fixed is not None:
            return self.fixed
        default = self.machine.default_hardware
        sizes: dict[str, float] = {"dim": min(self.dims, key=lambda dim: abs(dim - default.dim))}
        sizes |= {name: min(default[name], limit) for name, limit in self.limits_kib.items()}
        near = self.machine.template.hardware(*sizes.values())
        return self.within(HardwareTensors.stack([near])).hardware(0, self.machine.template)

    def fixed_as(self, shape: tuple[int, ...]) -> HardwareTensors:
        """The fixed hardware as a batch of ``shape``."""
        assert self.fixed is not None
        sizes = self.fixed.sizes
        return HardwareTensors(
            {name: torch.full(shape, float(size), dtype=torch.float64) for name, size in sizes.items()}
        )

    def first_structure(self, shape: tuple[int, ...]) -> dict[str, Tensor]:
        """Where the search of each part of the structure begins: at the default, or at the number next to it."""
        default = self.machine.default_hardware
        nearest = {n: min(many, key=lambda one: abs(one - default[n])) for n, many in self.structure.items()}
        return {name: torch.full(shape, float(number), dtype=torch.float64) for name, number in nearest.items()}

    def allows(self, hardware: HardwareTensors) -> Bool[Tensor, "*b"]:
        """Whether each hardware keeps the limits."""
        ok = hardware.dim <= self.dims[-1]
        for name, limit in self.limits_kib.items():
            ok = ok & (hardware.sizes[name] <= limit)
        if self.max_area_mm2 is not None:
            ok = ok & (self.machine.area_mm2(hardware) <= self.max_area_mm2)
        return ok

    def within(self, hardware: HardwareTensors) -> HardwareTensors:
        """Each hardware [b] with its memories made smaller, the largest one first, until it keeps the limits."""
        grid, sizes = self.machine.grid, dict(hardware.sizes)
        names = list(self.limits_kib)
        for _ in range(_SHRINKS * len(names)):
            over = ~self.allows(HardwareTensors(sizes))
            if not bool(over.any()):
                break
            largest = torch.stack([sizes[name] for name in names]).argmax(0)
            for place, name in enumerate(names):
                smaller = grid.round_up(sizes[name] * (0.5 if grid.powers_of_two else 0.9))
                sizes[name] = torch.where(over & (largest == place), smaller, sizes[name])
        return HardwareTensors(sizes)

    def sample(self, count: int, generator: torch.Generator) -> HardwareTensors:
        """Random hardware [count] of sizes that are built, array size and memories log-uniform.

        Raises ValueError when the area limit leaves (almost) nothing.
        """
        if self.fixed is not None:
            return self.fixed_as((count,))
        found: list[HardwareTensors] = []
        have = 0
        for _ in range(200):
            drawn = self._draw(4 * count, generator)
            kept = drawn[self.allows(drawn)]
            found.append(kept)
            have += kept.dim.shape[0]
            if have >= count:
                names = drawn.sizes
                joined = HardwareTensors({name: torch.cat([part.sizes[name] for part in found]) for name in names})
                return joined[slice(0, count)]
        raise ValueError(f"maximal area = {self.max_area_mm2} mm2: no hardware was found that keeps it")

    def _draw(self, count: int, generator: torch.Generator) -> HardwareTensors:
        dims = torch.tensor(self.dims, dtype=torch.float64)
        sizes: dict[str, Float[Tensor, " count"]] = {
            "dim": dims[torch.randint(len(self.dims), (count,), generator=generator)]
        }
        for name, limit in self.limits_kib.items():
            sizes[name] = self.machine.grid.draw(count, limit, generator)
        for name, numbers in self.structure.items():
            choices = torch.tensor(numbers, dtype=torch.float64)
            sizes[name] = choices[torch.randint(len(numbers), (count,), generator=generator)]
        return HardwareTensors(sizes)


def _listed(values: tuple[int, ...] | range) -> str:
    return ", ".join(str(value) for value in values)
