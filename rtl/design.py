"""Designs: ``rtl/<name>/design.yaml`` says what one is made of, what its parameters may be and how it is programmed."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.files import ROOT, digest, digest_files
from pipeline.hardware import Hardware
from pipeline.measurement import COUNTERS
from pipeline.plain import did_you_mean, problems

RTL = ROOT / "rtl"
FILE = "design.yaml"

HardwareSize = Literal["dim", "scratchpad_rows", "accumulator_rows"]
_HARDWARE_FIELDS = {"dim": "dim", "scratchpad_rows": "scratchpad_kib", "accumulator_rows": "accumulator_kib"}
"""Field of ``Hardware`` behind each size."""

ProgramStyle = Literal["loops", "commands"]
"""How a mapping becomes a program: one command a tile, or one a load, preload, compute and store."""


def _identifier(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} is not a SystemVerilog identifier")
    return name


Identifier = Annotated[str, AfterValidator(_identifier)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(_Section):
    """One integer parameter of the top module: a size of the hardware, or a value of its own."""

    hardware: HardwareSize | None = Field(None, description="Size of the hardware that it takes.")
    value: int | None = Field(None, description="Its value, where it is no size of the hardware.")
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
    program: ProgramStyle = Field(description="How a mapping becomes a program.")
    sources: tuple[str, ...] = Field(min_length=1, description="Files relative to the design's folder, packages first.")
    parameters: dict[Identifier, Parameter] = Field(description="Parameters of the top module.")
    counters: tuple[str, ...] = Field(description="Names of the values on counters_o, lowest first.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for name in sorted({name for name in self.sources if self.sources.count(name) > 1}):
            raise ValueError(f"sources: {name} is listed twice")
        for size in _HARDWARE_FIELDS:
            users = [name for name, parameter in self.parameters.items() if parameter.hardware == size]
            if len(users) != 1:
                raise ValueError(f"parameters: {len(users)} of them take {size}, exactly one must")
        if "Datapath" in self.parameters:
            raise ValueError("parameters: Datapath is set by the build")
        if sorted(self.counters) != sorted(COUNTERS):
            wrong = sorted(set(self.counters) ^ set(COUNTERS)) or sorted(self.counters)
            raise ValueError(f"counters: {wrong[0]} is missing, unknown or listed twice, known: {', '.join(COUNTERS)}")
        return self


@dataclass(frozen=True, slots=True)
class Design:
    """A design: its name, what its file says, and where its sources lie."""

    name: str
    file: DesignFile
    sources: tuple[Path, ...]
    """SystemVerilog files, packages first."""

    @classmethod
    def read(cls, name: str, root: Path = RTL) -> "Design":
        """The design ``name`` in ``root``. Raises ValueError of one line that names what is wrong."""
        if name not in design_names(root):
            known = design_names(root)
            raise ValueError(f"unknown design {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}")
        path = root / name / FILE
        try:
            file = DesignFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
            return cls(name, file, tuple(_source(root, name, source) for source in file.sources))
        except ValidationError as error:
            problem = "; ".join(problems(error, DesignFile)[:3])
        except (ValueError, OSError, RecursionError, yaml.YAMLError) as error:
            problem = " ".join(str(error).split())[:300]
        raise ValueError(f"{root.name}/{name}/{FILE}: {problem}")

    @property
    def digest(self) -> str:
        """Names the sources and what the file says; comments in the file do not count."""
        return digest(self.file.model_dump(mode="json"), digest_files(self.sources))

    def values(self, hardware: Hardware) -> dict[str, int]:
        """The parameters of the top module. Raises ValueError that names a size which the design cannot have."""
        values = {}
        for name, parameter in self.file.parameters.items():
            if parameter.value is not None:
                values[name] = parameter.value
            elif parameter.hardware is not None:
                values[name] = self._size(parameter.hardware, parameter, hardware)
        return values

    def _size(self, size: HardwareSize, parameter: Parameter, hardware: Hardware) -> int:
        value = int(getattr(hardware, size))
        if not parameter.allows(value):
            field = _HARDWARE_FIELDS[size]
            rows = "" if size == "dim" else f" is {value} rows"
            raise ValueError(
                f"hardware {field} = {getattr(hardware, field):g}{rows}: design {self.name} needs {parameter.legal}"
            )
        return value


def design_names(root: Path = RTL) -> list[str]:
    """Names of the designs in ``root``: its folders with a ``design.yaml``."""
    return sorted(path.parent.name for path in root.glob(f"*/{FILE}"))


def _source(root: Path, name: str, source: str) -> Path:
    """A source of the design ``name``, which may be another design's but must lie below ``root``."""
    path = Path(os.path.normpath(root / name / source))
    if not path.is_relative_to(root):
        raise ValueError(f"sources: {source} is not below {root.name}/")
    if not path.is_file():
        raise ValueError(f"sources: {source} does not exist")
    return path
