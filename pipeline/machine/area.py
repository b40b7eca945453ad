"""Area: processing elements, one accumulator bank a column, one scratchpad."""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import ACCUMULATOR, HardwareTensors
from pipeline.machine.coefficients import coefficients

_LOG2_ROWS = range(1, 18)
_LOG2_KIB = range(12)
_LOG2_DIM = range(1, 8)


def area_mm2(hardware: HardwareTensors) -> Float[Tensor, "*b"]:
    """Area of each hardware in mm2 at 40 nm, at its physical memory sizes.

    Differentiable in the sizes; between the sizes of the tables (powers of two) the logarithm is interpolated, which
    has kinks there.
    """
    array = coefficients().area_mm2.processing_element * hardware.dim**2
    return array + hardware.dim * accumulator_bank_mm2(hardware) + scratchpad_mm2(hardware)


def accumulator_bank_mm2(hardware: HardwareTensors) -> Float[Tensor, "*b"]:
    """Area of one column's accumulator bank in mm2."""
    rows = hardware.accumulator_kib * 1024 / (ACCUMULATOR.word_bytes * hardware.dim)
    return _interpolate(_bank_table(), (rows.log2() - _LOG2_ROWS[0],)).exp()


def scratchpad_mm2(hardware: HardwareTensors) -> Float[Tensor, "*b"]:
    """Area of the scratchpad in mm2; a row is DIM bytes."""
    place = (hardware.dim.log2() - _LOG2_DIM[0], hardware.scratchpad_kib.log2() - _LOG2_KIB[0])
    return _interpolate(_scratchpad_table(), place).exp()


@cache
def _bank_table() -> Float[Tensor, " rows"]:
    """Logarithm of the area by log2(rows), gaps filled by interpolation."""
    return _fill(coefficients().area_mm2.accumulator_bank, _LOG2_ROWS)


@cache
def _scratchpad_table() -> Float[Tensor, "dims sizes"]:
    """Logarithm of the area by log2(DIM) and log2(KiB), gaps filled by interpolation over KiB."""
    table = coefficients().area_mm2.scratchpad
    return torch.stack([_fill(table[1 << exponent], _LOG2_KIB) for exponent in _LOG2_DIM])


def _fill(values: dict[int, float], exponents: range) -> Tensor:
    known = np.log2(list(values)), np.log(list(values.values()))
    return torch.from_numpy(np.interp(np.array(exponents, dtype=float), *known))


def _interpolate(table: Tensor, place: tuple[Tensor, ...]) -> Tensor:
    """Multilinear interpolation of ``table`` at ``place`` (one coordinate per axis), extended linearly outside."""
    cells = [at.detach().floor().clamp(0, size - 2).long() for at, size in zip(place, table.shape, strict=True)]
    total = torch.zeros(())
    for corner in range(1 << len(place)):
        weight, index = torch.ones(()), []
        for axis, (at, cell) in enumerate(zip(place, cells, strict=True)):
            upper = corner >> axis & 1
            share = at - cell
            weight = weight * (share if upper else 1 - share)
            index.append(cell + upper)
        total = total + weight * table[tuple(index)]
    return total
