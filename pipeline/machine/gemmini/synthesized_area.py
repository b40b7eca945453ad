"""Area of the accelerator from synthesis of its RTL: logic as a polynomial in DIM, memories bank by bank.

What a structure other than the default adds is linear in each of its parts, and the banks at their own sizes.

The polynomial is fitted by ``benches/synthesized_area.py`` to areas at 180 nm and scaled to the 40 nm of the
published tables by the square of the feature size. In contrast to those it knows control, DMA and loop unrollers, which
do not grow with the array.
"""

from functools import cache
from pathlib import Path

import torch
import yaml
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, PositiveFloat, model_validator
from torch import Tensor

from pipeline.hardware import ACCUMULATOR, SCRATCHPAD, HardwareTensors
from pipeline.machine.area import accumulator_bank_mm2, scratchpad_mm2
from pipeline.machine.gemmini.template import ACCUMULATOR_BANKS, SCRATCHPAD_BANKS, STRUCTURE

PATH = Path(__file__).with_suffix(".yaml")
TABLE_NM = 40


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Logic(_Model):
    """Cell area in mm2 at the feature size of the library: ``per_dim2 DIM^2 + per_dim DIM + constant``."""

    per_dim2: PositiveFloat
    per_dim: float
    constant: PositiveFloat


class StructureArea(_Model):
    """Area in mm2 of one more of each part of the structure, at the feature size of the library."""

    source: str
    each_mm2: dict[str, PositiveFloat]
    each_mm2_per_dim: dict[str, PositiveFloat]
    """Of parts that are as wide as a row."""

    @model_validator(mode="after")
    def _check_parts(self) -> "StructureArea":
        named = [*self.each_mm2, *self.each_mm2_per_dim]
        if sorted(named) != sorted(axis.name for axis in STRUCTURE):
            raise ValueError(f"areas of {', '.join(sorted(named))}: not the parts of the structure")
        return self


class SynthesizedArea(_Model):
    """What ``synthesized_area.yaml`` says."""

    source: str
    nanometres: PositiveFloat
    logic_mm2: Logic
    structure: StructureArea

    @property
    def scale(self) -> float:
        """What areas at its feature size are at that of the tables."""
        return (TABLE_NM / self.nanometres) ** 2


@cache
def synthesized_area() -> SynthesizedArea:
    """The fitted coefficients."""
    return SynthesizedArea.model_validate(yaml.safe_load(PATH.read_text(encoding="utf-8")))


def logic_mm2(dim: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Cell area in mm2 at 40 nm."""
    model = synthesized_area()
    logic = model.logic_mm2
    return model.scale * (logic.per_dim2 * dim**2 + logic.per_dim * dim + logic.constant)


def memory_mm2(hardware: HardwareTensors) -> Float[Tensor, "*b"]:
    """Area of all banks in mm2 at 40 nm; each is read from the tables at its own size."""
    scratchpads, accumulators = (
        axis.default * hardware.over_default(axis) for axis in (SCRATCHPAD_BANKS, ACCUMULATOR_BANKS)
    )
    sizes = {
        SCRATCHPAD.size: hardware.scratchpad_kib / scratchpads,
        ACCUMULATOR.size: hardware.accumulator_kib / accumulators,
    }
    bank = hardware.replaced(sizes)
    return scratchpads * scratchpad_mm2(bank) + accumulators * hardware.dim * accumulator_bank_mm2(bank)


def structure_mm2(hardware: HardwareTensors) -> Float[Tensor, "*b"]:
    """Area in mm2 at 40 nm that logic and read buffer have beyond those of the default structure."""
    model = synthesized_area()
    added = torch.zeros_like(hardware.dim)
    fixed, wide = model.structure.each_mm2, model.structure.each_mm2_per_dim
    for axis in STRUCTURE:
        if axis.name in hardware.sizes:
            each = wide[axis.name] * hardware.dim if axis.name in wide else fixed[axis.name]
            added = added + each * (hardware.sizes[axis.name] - axis.default)
    return model.scale * added


def synthesized_area_mm2(hardware: HardwareTensors) -> Float[Tensor, "*b"]:
    """Area in mm2 at 40 nm. Differentiable in the sizes."""
    return logic_mm2(hardware.dim) + memory_mm2(hardware) + structure_mm2(hardware)
