"""Latency on ``timeloop``: the slowest of the array and the memory levels."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.mapping import MappingTensors
from pipeline.model.accesses import Accesses
from pipeline.model.coefficients import coefficients


@dataclass(frozen=True, slots=True)
class Roofs:
    """Cycles that each part of the hardware needs on its own."""

    compute: Float[Tensor, "*b"]
    accumulator: Float[Tensor, "*b"]
    scratchpad: Float[Tensor, "*b"]
    dram: Float[Tensor, "*b"]

    @property
    def cycles(self) -> Float[Tensor, "*b"]:
        """Cycles of the whole: everything overlaps, the slowest part binds."""
        return self.compute.maximum(self.accumulator).maximum(self.scratchpad).maximum(self.dram)


def timeloop_roofs(accesses: Accesses, mappings: MappingTensors, hardware: HardwareTensors) -> Roofs:
    """Accesses over bandwidth at each level: DOSA (MICRO 2023), section 4.2."""
    bandwidth = coefficients().bandwidth_words_per_cycle
    spatial_c, spatial_k = mappings.spatial.unbind(-1)
    words = accesses.words()
    return Roofs(
        compute=words.macs / (spatial_c * spatial_k),
        accumulator=words.accumulator / (bandwidth.accumulator_per_column * spatial_k),
        scratchpad=words.scratchpad / (bandwidth.scratchpad_per_dim * hardware.dim),
        dram=words.dram / bandwidth.dram,
    )
