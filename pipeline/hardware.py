"""Hardware: the sizes of one accelerator, and the template that says which sizes its kind has."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.files import digest
from pipeline.mapping import Hierarchy
from pipeline.mapping import Mapping as LayerMapping

MAX_DIM = 1024
MAX_KIB = float(1 << 20)


@dataclass(frozen=True, slots=True)
class Memory:
    """A local memory whose size is chosen for each hardware."""

    name: str
    """``scratchpad``; the size is called ``scratchpad_kib``."""
    word_bytes: int
    """Bytes of one element; a row holds ``dim`` of them."""
    column: str
    """Column of tables that holds the rows that one tile may fill."""

    @property
    def size(self) -> str:
        """What its size in physical KiB is called."""
        return f"{self.name}_kib"

    def row_bytes(self, dim: int) -> int:
        """Bytes of one row."""
        return self.word_bytes * dim


SCRATCHPAD = Memory("scratchpad", 1, "arch.mem2_depth")
"""int8 inputs and weights."""
ACCUMULATOR = Memory("accumulator", 4, "arch.mem1_depth")
"""int32 outputs."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One part of the structure of a machine, which each hardware may have another number of."""

    name: str
    """``reads_in_flight``."""
    default: int
    """What hardware has that says nothing about it."""

    @property
    def column(self) -> str:
        """Column of tables that holds it; where it is missing or empty it is the default."""
        return f"arch.{self.name}"


@dataclass(frozen=True, slots=True)
class Template:
    """What all hardware of one machine has in common: its levels, and what may be chosen, sizes and structure.

    Every machine has a square array: ``dim`` bounds each spatial loop.
    """

    name: str
    """Name of the machine."""
    hierarchy: Hierarchy
    memories: tuple[Memory, ...]
    buffers: int
    """Tiles that share each memory: 2 with double buffering."""
    structure: tuple[Axis, ...] = ()

    @property
    def sizes(self) -> tuple[str, ...]:
        """Names of the sizes: ``dim``, then the physical KiB of each memory."""
        return ("dim", *(memory.size for memory in self.memories))

    def hardware(self, *sizes: float) -> "Hardware":
        """Hardware with ``sizes`` in the order of ``self.sizes``."""
        return Hardware(self, sizes)

    def from_tile_rows(self, dim: int, rows: Mapping[str, int]) -> "Hardware":
        """Hardware from the rows of each memory that one tile may fill (the meaning of ``arch.mem*_depth``)."""
        kib = [rows[memory.name] * self.buffers * memory.row_bytes(dim) / 1024 for memory in self.memories]
        return Hardware(self, (dim, *kib))


@dataclass(frozen=True, slots=True)
class Hardware:
    """An accelerator with ``dim`` x ``dim`` processing elements, its physical memory sizes and its structure.

    One tile may fill a memory divided by ``template.buffers``. Raises ValueError that names a size which is out of
    range or not a whole number of rows, or a part of the structure that is no whole number above 0. Which structures
    can be built, the design says (``rtl.design``).
    """

    template: Template
    values: tuple[float, ...]
    """In the order of ``template.sizes``."""
    structure: tuple[int, ...] = ()
    """In the order of ``template.structure``; left out: all defaults."""

    def __post_init__(self) -> None:
        if len(self.values) != len(self.template.sizes):
            expected = ", ".join(self.template.sizes)
            raise ValueError(f"hardware of {self.template.name}: {self.values} are not {expected}")
        axes = self.template.structure
        object.__setattr__(self, "structure", tuple(self.structure) or tuple(axis.default for axis in axes))
        for axis, number in zip(axes, self.structure, strict=True):
            if not isinstance(number, int) or number < 1:
                raise ValueError(f"hardware {axis.name} = {number!r}: must be a whole number above 0")
        dim = self.values[0]
        if not isinstance(dim, int) or not 1 <= dim <= MAX_DIM:
            raise ValueError(f"hardware dim = {dim!r}: must be an integer from 1 to {MAX_DIM}")
        for memory, value in zip(self.template.memories, self.values[1:], strict=True):
            if not 0 < value <= MAX_KIB:
                raise ValueError(f"hardware {memory.size} = {value!r}: must be above 0 and at most {MAX_KIB:g}")
        object.__setattr__(self, "values", (dim, *map(float, self.values[1:])))
        for memory in self.template.memories:
            rows = self[memory.size] * 1024 / memory.row_bytes(dim)
            if rows != int(rows) or rows < 1:
                raise ValueError(
                    f"hardware {memory.size} = {self[memory.size]:g} is not a whole number of rows at dim {dim}"
                )

    def __getitem__(self, size: str) -> float:
        """The size or the part of the structure of that name. Raises ValueError when this hardware has none."""
        for axis, number in zip(self.template.structure, self.structure, strict=True):
            if axis.name == size:
                return number
        if size not in self.template.sizes:
            raise ValueError(f"hardware of {self.template.name} has no {size}")
        return self.values[self.template.sizes.index(size)]

    @property
    def changed(self) -> dict[str, int]:
        """The parts of its structure that are not the default."""
        axes = zip(self.template.structure, self.structure, strict=True)
        return {axis.name: number for axis, number in axes if number != axis.default}

    @property
    def structure_words(self) -> str:
        """``bus_bytes 32, array_slots 8``: what of its structure is not the default; nothing where all of it is."""
        return ", ".join(f"{name} {number}" for name, number in self.changed.items())

    def restructured(self, changes: Mapping[str, int]) -> "Hardware":
        """With other numbers of some parts of its structure. Raises ValueError that names a part which it has not."""
        names = [axis.name for axis in self.template.structure]
        for name in changes:
            if name not in names:
                known = f"it has {', '.join(names)}" if names else "its structure is fixed"
                raise ValueError(f"hardware of {self.template.name} has no {name}; {known}")
        numbers = [changes.get(name, number) for name, number in zip(names, self.structure, strict=True)]
        return replace(self, structure=tuple(numbers))

    def rows(self, memory: Memory) -> int:
        """Physical rows of a memory."""
        return int(self[memory.size] * 1024 / memory.row_bytes(self.dim))

    def tile_rows(self, memory: Memory) -> int:
        """Rows of a memory that one tile may fill."""
        return self.rows(memory) // self.template.buffers

    @property
    def dim(self) -> int:
        """Rows and columns of the array."""
        return int(self.values[0])

    @property
    def scratchpad_kib(self) -> float:
        """Physical KiB of the scratchpad."""
        return self[SCRATCHPAD.size]

    @property
    def accumulator_kib(self) -> float:
        """Physical KiB of the accumulator."""
        return self[ACCUMULATOR.size]

    @property
    def scratchpad_rows(self) -> int:
        """Physical scratchpad rows of ``dim`` bytes."""
        return self.rows(SCRATCHPAD)

    @property
    def accumulator_rows(self) -> int:
        """Physical accumulator rows of ``dim`` x 4 bytes."""
        return self.rows(ACCUMULATOR)

    @property
    def tile_scratchpad_rows(self) -> int:
        """Scratchpad rows that one tile may fill."""
        return self.tile_rows(SCRATCHPAD)

    @property
    def tile_accumulator_rows(self) -> int:
        """Accumulator rows that one tile may fill."""
        return self.tile_rows(ACCUMULATOR)

    @property
    def sizes(self) -> dict[str, float]:
        """Every size by name, and the parts of the structure that are not the default."""
        return dict(zip(self.template.sizes, self.values, strict=True)) | self.changed

    @property
    def id(self) -> str:
        """A name that changes with anything that defines the hardware."""
        kib = "".join(f"-{m.name[0]}{self[m.size]:g}" for m in self.template.memories)
        return f"d{self.dim}{kib}-{digest(*self.values, self.template.name, *self.changed.items())[:6]}"

    def __str__(self) -> str:
        memories = ", ".join(f"{self[m.size]:g} KiB {m.name}" for m in self.template.memories)
        return ", ".join([f"{self.dim}x{self.dim}, {memories}", *filter(None, [self.structure_words])])


def array_size(mapping: LayerMapping) -> int:
    """Smallest power of two of at least 2 that holds every spatial factor."""
    return 1 << math.ceil(math.log2(max(2, *mapping.spatial)))


@dataclass(frozen=True, slots=True)
class HardwareTensors:
    """Hardware of one template as tensors, batched on the leading dimensions ``*b``; sizes may be real numbers."""

    sizes: dict[str, Float[Tensor, "*b"]]
    """Each size by name, in the order of ``Template.sizes``; then the parts of the structure that are not the default
    in all of the batch."""

    @classmethod
    def stack(cls, hardware: Iterable[Hardware]) -> "HardwareTensors":
        """Hardware [B] of one template as float64 tensors. Raises ValueError when there is none."""
        items = list(hardware)
        if not items:
            raise ValueError("no hardware to stack")
        changed = {name for item in items for name in item.changed}
        names = [*items[0].template.sizes, *(axis.name for axis in items[0].template.structure if axis.name in changed)]
        table = torch.tensor([[item[name] for name in names] for item in items], dtype=torch.float64)
        return cls(dict(zip(names, table.unbind(1), strict=True)))

    def __getitem__(self, index: object) -> "HardwareTensors":
        return self.map(lambda size: size[index])  # type: ignore[index]

    def map(self, function: Callable[[Tensor], Tensor]) -> "HardwareTensors":
        """``function`` of every size."""
        return HardwareTensors({name: function(size) for name, size in self.sizes.items()})

    def replaced(self, changes: Mapping[str, Tensor]) -> "HardwareTensors":
        """With some sizes changed."""
        return HardwareTensors({name: changes.get(name, size) for name, size in self.sizes.items()})

    def hardware(self, index: int | tuple[int, ...], template: Template) -> Hardware:
        """The hardware of ``template`` at ``index``."""
        dim, *kib = (float(self.sizes[name][index]) for name in template.sizes)
        numbers = {a.name: round(float(self.sizes[a.name][index])) for a in template.structure if a.name in self.sizes}
        return template.hardware(round(dim), *kib).restructured(numbers)

    def over_default(self, axis: Axis, less: int = 0) -> Float[Tensor, "*b"] | float:
        """How many times the default of a part of the structure there is; ``less`` of each do not count."""
        if axis.name not in self.sizes:
            return 1.0
        return (self.sizes[axis.name] - less) / (axis.default - less)

    @property
    def dim(self) -> Float[Tensor, "*b"]:
        """Processing elements per row and column."""
        return self.sizes["dim"]

    @property
    def scratchpad_kib(self) -> Float[Tensor, "*b"]:
        """Physical KiB."""
        return self.sizes[SCRATCHPAD.size]

    @property
    def accumulator_kib(self) -> Float[Tensor, "*b"]:
        """Physical KiB."""
        return self.sizes[ACCUMULATOR.size]
