"""Latency on ``timeloop``: the slowest of the array and the memory levels (a kink where two are equally slow)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.coefficients import coefficients
from pipeline.machine.timeloop.accesses import Accesses, sum_of
from pipeline.machine.timeloop.nest import round_up


@dataclass(frozen=True, slots=True)
class Roofs:
    """Cycles that each part of the hardware needs on its own."""

    compute: Float[Tensor, "*#b"]
    accumulator: Float[Tensor, "*#b"]
    scratchpad: Float[Tensor, "*#b"]
    dram: Float[Tensor, "*#b"]

    @property
    def cycles(self) -> Float[Tensor, "*b"]:
        """Whole cycles of all: everything overlaps, the slowest part binds. The gradient is that before rounding."""
        return round_up(self.compute.maximum(self.accumulator).maximum(self.scratchpad).maximum(self.dram))


def timeloop_roofs(accesses: Accesses, hardware: HardwareTensors) -> Roofs:
    """Accesses over bandwidth at each level: DOSA (MICRO 2023), section 4.2."""
    bandwidth = coefficients().bandwidth_words_per_cycle
    columns = accesses.busy_columns
    return Roofs(
        compute=accesses.macs / (accesses.busy_rows * columns),
        accumulator=accesses.accumulator / (bandwidth.accumulator_per_column * columns),
        scratchpad=sum_of(accesses.scratchpad) / (bandwidth.scratchpad_per_dim * hardware.dim),
        dram=sum_of(accesses.dram) / bandwidth.dram,
    )
