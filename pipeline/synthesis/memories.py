"""Area of memory macros from the published tables of the analytical model (``pipeline.machine.area``), scaled.

The tables come from CACTI by way of Accelergy, at 40 nm: single-ported scratchpads by row width and size, and
two-ported banks of 32 bits by rows. Area goes with the square of the feature size.
"""

import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.area import accumulator_bank_mm2, scratchpad_mm2
from pipeline.synthesis.units import Macro

TABLE_NM = 40
SOURCE = (
    f"tables of Accelergy and CACTI at {TABLE_NM} nm (pipeline/machine/coefficients.yaml), times (nm / {TABLE_NM})^2"
)
_WORD_BYTES = 4


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
