"""Memory macros: area from the published tables of the analytical model, everything else from CACTI.

The tables (``pipeline.machine.area``) come from CACTI by way of Accelergy, at 40 nm: single-ported scratchpads by row
width and size, and two-ported banks of 32 bits by rows; area goes with the square of the feature size. Energy, leakage
and timing are those of ``memories.yaml``, which CACTI itself gave at 90 and 40 nm; logarithms are interpolated between
its sizes, and extrapolated beyond: CACTI takes nothing above 90 nm.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
import yaml
from scipy.interpolate import RegularGridInterpolator

from pipeline.hardware import HardwareTensors
from pipeline.machine.area import accumulator_bank_mm2, scratchpad_mm2
from pipeline.synthesis.units import Macro

TABLE_NM = 40
SOURCE = (
    f"tables of Accelergy and CACTI at {TABLE_NM} nm (pipeline/machine/coefficients.yaml), times (nm / {TABLE_NM})^2"
)
MODEL = Path(__file__).with_name("memories.yaml")
QUANTITIES = ("read_pj", "write_pj", "leakage_uw", "access_ns", "cycle_ns")
"""What ``memories.yaml`` has of each memory, in this order."""
_WORD_BYTES = 4


@dataclass(frozen=True, slots=True)
class MacroModel:
    """Energy of an access of a whole row, leakage and timing of one macro."""

    read_pj: float
    write_pj: float
    leakage_uw: float
    access_ns: float
    """From the clock to the data of a read."""
    cycle_ns: float
    """Between two accesses."""


def macro_model(macro: Macro, nanometres: float) -> MacroModel:
    """What CACTI says of ``macro``; sizes and feature sizes beyond its table are extrapolated."""
    point = [np.log2(nanometres), np.log2(macro.bytes), np.log2(macro.rows)]
    return MacroModel(*np.exp2(_table()[macro.kind](point)[0]).tolist())


@cache
def _table() -> dict[str, RegularGridInterpolator]:
    """Logarithms of the quantities over those of nanometres, bytes and rows, by kind."""
    model = yaml.safe_load(MODEL.read_text(encoding="utf-8"))
    nanometres = sorted(model["nanometres"])
    axes = [np.log2(values) for values in (nanometres, model["bytes"], model["rows"])]

    def interpolator(kind: str) -> RegularGridInterpolator:
        values = [[model["nanometres"][nm][kind][width] for width in model["bytes"]] for nm in nanometres]
        return RegularGridInterpolator(axes, np.log2(np.array(values)), bounds_error=False, fill_value=None)

    return {kind: interpolator(kind) for kind in model["nanometres"][nanometres[0]]}


def macro_mm2(macro: Macro, nanometres: float) -> float:
    """Area of one macro in mm2 at ``nanometres``.

    One with two ports is as many banks side by side as its rows have words of 32 bits.
    """
    kib = macro.rows * macro.bytes / 1024
    words = -(-macro.bytes // _WORD_BYTES)
    if macro.kind == "sram_1rw":
        area = float(scratchpad_mm2(_sizes(macro.bytes, kib)))
    else:
        area = words * float(accumulator_bank_mm2(_sizes(words, macro.rows * words * _WORD_BYTES / 1024)))
    return area * (nanometres / TABLE_NM) ** 2


def _sizes(dim: float, kib: float) -> HardwareTensors:
    values = {"dim": float(dim), "scratchpad_kib": kib, "accumulator_kib": kib}
    return HardwareTensors({name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()})
