"""Energy: words moved at each level times the energy of one access."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.coefficients import coefficients
from pipeline.machine.words import Words

_UJ_PER_PJ = 1e-6


@dataclass(frozen=True, slots=True)
class LevelEnergy:
    """Energy by level in microjoule."""

    mac: Float[Tensor, "*#b"]
    register: Float[Tensor, "*#b"]
    accumulator: Float[Tensor, "*#b"]
    scratchpad: Float[Tensor, "*#b"]
    dram: Float[Tensor, "*#b"]

    @property
    def total(self) -> Float[Tensor, "*b"]:
        """Energy of all levels in microjoule."""
        return self.mac + self.register + self.accumulator + self.scratchpad + self.dram


@dataclass(frozen=True, slots=True)
class Cost:
    """What mappings cost."""

    cycles: Float[Tensor, "*b"]
    energy_uj: Float[Tensor, "*b"]


def words_energy(words: Words, hardware: HardwareTensors) -> LevelEnergy:
    """Energy of moved words (modelled or counted) at the physical sizes of ``hardware``, by level."""
    energy = coefficients().energy_pj
    bank_kib = hardware.accumulator_kib / hardware.dim
    accumulator_pj = energy.accumulator.base + energy.accumulator.per_kib * bank_kib
    scratchpad_pj = energy.scratchpad.base + energy.scratchpad.per_kib * hardware.scratchpad_kib
    return LevelEnergy(
        mac=words.macs * (energy.mac * _UJ_PER_PJ),
        register=words.register * (energy.register_file * _UJ_PER_PJ),
        accumulator=words.accumulator * accumulator_pj * _UJ_PER_PJ,
        scratchpad=words.scratchpad * scratchpad_pj * _UJ_PER_PJ,
        dram=words.dram * (energy.dram * _UJ_PER_PJ),
    )
