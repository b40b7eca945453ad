"""Area of the accelerator from synthesis of its RTL: logic as a polynomial in DIM, memories bank by bank.

The polynomial is fitted by ``benches/synthesis.py`` to standard-cell areas at 180 nm and scaled to the 40 nm of the
published tables by the square of the feature size. In contrast to those it knows control, DMA and loop unrollers, which
do not grow with the array.
"""

from functools import cache
from pathlib import Path

import yaml
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt
from torch import Tensor

from pipeline.hardware import ACCUMULATOR, SCRATCHPAD, HardwareTensors
from pipeline.machine.area import accumulator_bank_mm2, scratchpad_mm2

PATH = Path(__file__).with_suffix(".yaml")
TABLE_NM = 40


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Logic(_Model):
    """Cell area in mm2 at the feature size of the library: ``per_dim2 DIM^2 + per_dim DIM + constant``."""

    per_dim2: PositiveFloat
    per_dim: float
    constant: PositiveFloat


class SynthesizedArea(_Model):
    """What ``synthesized_area.yaml`` says."""

    source: str
    nanometres: PositiveFloat
    logic_mm2: Logic
    scratchpad_banks: PositiveInt
    accumulator_banks: PositiveInt


@cache
def synthesized_area() -> SynthesizedArea:
    """The fitted coefficients."""
    return SynthesizedArea.model_validate(yaml.safe_load(PATH.read_text(encoding="utf-8")))


def logic_mm2(dim: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Cell area in mm2 at 40 nm."""
    model = synthesized_area()
    logic = model.logic_mm2
    scale = (TABLE_NM / model.nanometres) ** 2
    return scale * (logic.per_dim2 * dim**2 + logic.per_dim * dim + logic.constant)


def memory_mm2(hardware: HardwareTensors) -> Float[Tensor, "*b"]:
    """Area of all banks in mm2 at 40 nm; each is read from the tables at its own size."""
    model = synthesized_area()
    sizes = {
        SCRATCHPAD.size: hardware.scratchpad_kib / model.scratchpad_banks,
        ACCUMULATOR.size: hardware.accumulator_kib / model.accumulator_banks,
    }
    bank = hardware.replaced(sizes)
    columns = model.accumulator_banks * hardware.dim
    return model.scratchpad_banks * scratchpad_mm2(bank) + columns * accumulator_bank_mm2(bank)


def synthesized_area_mm2(hardware: HardwareTensors) -> Float[Tensor, "*b"]:
    """Area in mm2 at 40 nm. Differentiable in the sizes."""
    return logic_mm2(hardware.dim) + memory_mm2(hardware)
