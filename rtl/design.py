"""Designs: a folder whose ``design.yaml`` says what one is made of, what its parameters may be and which ports it has.

Those that come with the project lie in ``rtl/`` and are known by name; any other folder is named by its path.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.files import ROOT, check_inside, digest, digest_files
from pipeline.hardware import Hardware
from pipeline.measurement import COUNTERS
from pipeline.plain import did_you_mean, problems

RTL = ROOT / "rtl"
FILE = "design.yaml"
COMPILER = "compiler.py"
"""Makes the programs of a design (``sim.compiler``)."""
MACHINES = ("machine.yaml", "machine.py")
"""Describe or make the machine of a design (``pipeline.machine.folder``)."""
WAIVERS = "waivers.vlt"
"""Findings of the linter that are as they should be."""
FOLDER_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*"

_HARDWARE_FIELDS = {"dim": "dim", "scratchpad_rows": "scratchpad_kib", "accumulator_rows": "accumulator_kib"}
"""Field of ``Hardware`` behind each size."""

BUS = "BusBytes"
"""Parameter that says how many bytes one beat of the native memory ports has; without it they are 16."""

Ports = Literal["native", "axi4"]
"""Memory and command ports: those of ``sim/tb/tb.sv``, or AXI4 with AXI4-Lite (``sim/tb/axi4/tb.sv``)."""


def _identifier(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} is not a SystemVerilog identifier")
    return name


Identifier = Annotated[str, AfterValidator(_identifier)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(_Section):
    """One integer parameter of the top module: a size or a part of the structure of the hardware, or a fixed value."""

    hardware: Identifier | None = Field(
        None, description=f"What of the hardware it takes: {', '.join(_HARDWARE_FIELDS)}, or a part of its structure."
    )
    value: int | None = Field(None, description="Its value, where it takes nothing of the hardware.")
    min: int = Field(0, ge=0, description="Smallest legal value.")
    max: int = Field(description="Largest legal value.")
    multiple_of: int = Field(1, ge=1, description="Legal values are multiples of this.")
    power_of_two: bool = Field(False, description="Only powers of two are legal.")

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.hardware is None) == (self.value is None):
            raise ValueError("needs either hardware or value")
        if self.value is not None and not self.allows(self.value):
            raise ValueError(f"value = {self.value}: must be {self.legal}")
        return self

    def allows(self, value: int) -> bool:
        """Whether ``value`` is legal."""
        power = not self.power_of_two or (value > 0 and value & (value - 1) == 0)
        return self.min <= value <= self.max and value % self.multiple_of == 0 and power

    def nearest(self, wanted: int) -> int:
        """The smallest legal value from ``wanted`` on, or else the largest."""
        upwards = range(max(wanted, self.min), self.max + 1)
        return next(filter(self.allows, upwards), None) or next(filter(self.allows, range(self.max, -1, -1)))

    @property
    def legal(self) -> str:
        """The legal values in words."""
        kinds = ["a power of two"] if self.power_of_two else []
        kinds += [f"a multiple of {self.multiple_of}"] if self.multiple_of > 1 else []
        return f"{' and '.join(kinds) or 'a number'} from {self.min} to {self.max}"


class DesignFile(_Section):
    """``design.yaml``."""

    description: str = Field(description="What the design is, in one or two sentences.")
    top: Identifier = Field(description="Name of the top module.")
    machine: str | None = Field(
        None, description="The machine that says what a mapping means on it; left out: the tiles of `machine.yaml`."
    )
    ports: Ports = Field("native", description="Its memory and command ports.")
    data_bits: Literal[32, 64, 128] = Field(
        128, description=f"Width of the AXI4 data channels; native ports have 128, or the bytes of a parameter {BUS}."
    )
    busy: bool = Field(True, description="Whether there is a port busy_o; native designs have it.")
    sources: tuple[str, ...] = Field(min_length=1, description="Files relative to the design's folder, packages first.")
    parameters: dict[Identifier, Parameter] = Field(description="Parameters of the top module.")
    counters: tuple[str, ...] = Field((), description="Names of the values on counters_o, lowest first; may be empty.")
    synthesis: dict[Identifier, int] = Field({}, description="Parameters of the top module for synthesis alone.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for name in sorted({name for name in self.sources if self.sources.count(name) > 1}):
            raise ValueError(f"sources: {name} is listed twice")
        if "Datapath" in self.parameters:
            raise ValueError("parameters: Datapath is set by the build")
        for name in self.counters:
            if name not in COUNTERS or self.counters.count(name) > 1:
                raise ValueError(f"counters: {name} is unknown or listed twice, known: {', '.join(COUNTERS)}")
        if self.ports == "native" and not self.busy:
            raise ValueError("busy: native designs have the port busy_o")
        return self

    @model_validator(mode="after")
    def _takes_each_part_of_the_hardware_once(self) -> Self:
        for size in _HARDWARE_FIELDS:
            users = [name for name, parameter in self.parameters.items() if parameter.hardware == size]
            if len(users) != 1:
                raise ValueError(f"parameters: {len(users)} of them take {size}, exactly one must")
        taken = [parameter.hardware for parameter in self.parameters.values() if parameter.hardware is not None]
        for name in sorted({name for name in taken if taken.count(name) > 1}):
            raise ValueError(f"parameters: {taken.count(name)} of them take {name}")
        return self

    @model_validator(mode="after")
    def _has_one_width(self) -> Self:
        if self.ports == "native" and self.data_bits != 128:
            raise ValueError(f"data_bits: {self.data_bits}: native designs have 128, or a parameter {BUS}")
        if self.ports == "axi4" and BUS in self.parameters:
            raise ValueError(f"parameters: {BUS} is for native ports; those of axi4 have data_bits")
        return self


@dataclass(frozen=True, slots=True)
class Design:
    """A design: its name, what its file says, and where its files lie."""

    name: str
    folder: Path
    file: DesignFile
    sources: tuple[Path, ...]
    """SystemVerilog files, packages first."""

    @classmethod
    def read(cls, name: str, root: Path = RTL) -> "Design":
        """The design ``name`` in ``root``, or in the folder of which ``name`` is the path.

        Raises ValueError of one line that names what is wrong.
        """
        folder = _folder(name, root)
        try:
            file = DesignFile.model_validate(yaml.safe_load((folder / FILE).read_text(encoding="utf-8")))
            if not (folder / COMPILER).is_file():
                raise ValueError(f"{COMPILER} is missing beside it")
            around = root if folder.parent == root else folder
            for beside in (FILE, COMPILER, *MACHINES, WAIVERS):
                check_inside(folder / beside, around)
            return cls(folder.name, folder, file, tuple(_source(around, folder, source) for source in file.sources))
        except ValidationError as error:
            problem = "; ".join(problems(error, DesignFile)[:3])
        except (ValueError, OSError, RecursionError, yaml.YAMLError) as error:
            problem = " ".join(str(error).split())[:300]
        raise ValueError(f"{folder.parent.name}/{folder.name}/{FILE}: {problem}")

    @property
    def digest(self) -> str:
        """Names the sources, the compiler, the machine and what the file says; comments in the file do not count."""
        simulated = self.file.model_dump(mode="json", exclude={"synthesis"})
        return digest(simulated, digest_files([*self.sources, self.compiler, *self.description]))

    @property
    def compiler(self) -> Path:
        """The file that makes its programs."""
        return self.folder / COMPILER

    @property
    def description(self) -> tuple[Path, ...]:
        """Its ``machine.yaml`` and ``machine.py``, those that there are."""
        return tuple(path for name in MACHINES if (path := self.folder / name).is_file())

    @property
    def machine(self) -> str:
        """What the registry of machines finds its machine by: a name, or the path of its folder."""
        return self.file.machine or shown(self.folder)

    @property
    def is_shipped(self) -> bool:
        """Whether it comes with the project."""
        return self.folder.parent == RTL

    def values(self, hardware: Hardware) -> dict[str, int]:
        """The parameters of the top module.

        Raises ValueError that names a size or a part of the structure which the design cannot have.
        """
        taken = {parameter.hardware for parameter in self.file.parameters.values()}
        for name, number in hardware.changed.items():
            if name not in taken:
                raise ValueError(f"hardware {name} = {number}: no parameter of design {self.name} takes it")
        values = {}
        for name, parameter in self.file.parameters.items():
            if parameter.value is not None:
                values[name] = parameter.value
            elif parameter.hardware in _HARDWARE_FIELDS:
                values[name] = self._size(parameter.hardware, parameter, hardware)
            elif parameter.hardware is not None:
                values[name] = self._number(parameter.hardware, parameter, hardware)
        return values

    def data_bits(self, values: dict[str, int]) -> int:
        """Width of the data of its memory ports with ``values`` of its parameters."""
        return 8 * values[BUS] if BUS in values else self.file.data_bits

    def _size(self, size: str, parameter: Parameter, hardware: Hardware) -> int:
        value = int(getattr(hardware, size))
        if not parameter.allows(value):
            field = _HARDWARE_FIELDS[size]
            rows = "" if size == "dim" else f" is {value} rows"
            raise ValueError(
                f"hardware {field} = {getattr(hardware, field):g}{rows}: design {self.name} needs {parameter.legal}"
            )
        return value

    def _number(self, axis: str, parameter: Parameter, hardware: Hardware) -> int:
        number = int(hardware[axis])
        if not parameter.allows(number):
            raise ValueError(f"hardware {axis} = {number}: design {self.name} needs {parameter.legal}")
        return number


def design_names(root: Path = RTL) -> list[str]:
    """Names of the designs in ``root``: its folders with a ``design.yaml``."""
    return sorted(path.parent.name for path in root.glob(f"*/{FILE}"))


def shown(path: Path) -> str:
    """A path relative to the project where it lies in it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _folder(name: str, root: Path) -> Path:
    """The folder of a design, by name or path."""
    if name in design_names(root):
        return root / name
    folder = Path(name)
    if len(folder.parts) > 1 or folder.is_absolute() or (folder / FILE).is_file():
        folder = folder.resolve()
        if not (folder / FILE).is_file():
            raise ValueError(f"design {name}: the folder has no {FILE}")
        if not re.fullmatch(FOLDER_NAME, folder.name):
            raise ValueError(f"design {name}: the folder's name {folder.name!r} is not one of letters, digits, _ and -")
        return folder
    known = design_names(root)
    guess = did_you_mean(name, known)
    raise ValueError(f"unknown design {name!r}{guess}; known: {', '.join(known)}, or the path of a folder")


def _source(around: Path, folder: Path, source: str) -> Path:
    """A source of the design in ``folder``, which must lie below ``around``, links followed."""
    path = Path(os.path.normpath(folder / source))
    if Path(source).is_absolute() or not path.is_relative_to(around):
        raise ValueError(f"sources: {source} is not below {around.name}/")
    if not path.is_file():
        raise ValueError(f"sources: {source} does not exist")
    check_inside(path, around, f"sources: {source}")
    return path
