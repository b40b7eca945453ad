"""The constants of the analytical model, read from ``coefficients.yaml``."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

PATH = Path(__file__).with_suffix(".yaml")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SizedEnergy(_Model):
    """Energy of one access to a memory, linear in its size."""

    base: PositiveFloat
    """Picojoule at size 0."""
    per_kib: PositiveFloat
    """Picojoule per KiB."""


class Energy(_Model):
    """Energy per access of one word, in picojoule."""

    mac: PositiveFloat
    register_file: PositiveFloat
    accumulator: SizedEnergy
    scratchpad: SizedEnergy
    dram: PositiveFloat
    cache: PositiveFloat
    """Also of the last-level cache."""


class Bandwidth(_Model):
    """Words per cycle of each level, reads and writes together."""

    accumulator_per_column: PositiveFloat
    scratchpad_per_dim: PositiveFloat
    dram: PositiveFloat


class Area(_Model):
    """Area of the parts, in mm2."""

    processing_element: PositiveFloat
    accumulator_bank: dict[int, PositiveFloat]
    """By rows."""
    scratchpad: dict[int, dict[int, PositiveFloat]]
    """By DIM, then by KiB."""


class Coefficients(_Model):
    """All constants of the analytical model."""

    source: str
    energy_pj: Energy
    dram_block_words: PositiveInt
    bandwidth_words_per_cycle: Bandwidth
    area_mm2: Area


@cache
def coefficients() -> Coefficients:
    """The constants in ``coefficients.yaml``."""
    return Coefficients.model_validate(yaml.safe_load(PATH.read_text(encoding="utf-8")))
