"""Energy: words moved at each level times the energy of one access."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.coefficients import coefficients
from pipeline.machine.system import LINE_BYTES
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


def below_bus_uj(bus_bytes: int, caches: Mapping[str, int]) -> float:
    """Energy in microjoule of the memories below the bus, each priced apart, by what the caches of `soc` did.

    ``caches`` has a value for each of ``measurement.CACHE_COUNTERS``. Every byte over the bus is one of the cache,
    every line that the cache fetches or writes back one of the last-level cache, and what that does not hold one of
    DRAM.
    """
    energy = coefficients().energy_pj
    lines = caches["cache_fills"] + caches["cache_write_backs"]
    cached = (bus_bytes + LINE_BYTES * lines) * energy.cache
    return (cached + LINE_BYTES * caches["dram_lines"] * energy.dram) * _UJ_PER_PJ


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
