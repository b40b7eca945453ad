"""Gemmini as our RTL executes it."""

from dataclasses import dataclass, fields

from jaxtyping import Float
from torch import Tensor

from pipeline.choices import Memory, PartialSums
from pipeline.hardware import HardwareTensors
from pipeline.machine.constants import Constant, Values
from pipeline.machine.gemmini.constants import Timing, constants_of, start_timing
from pipeline.machine.gemmini.public_runs import as_published
from pipeline.machine.gemmini.view import Setting, Terms, terms_of
from pipeline.machine.system import MEMORY_SYSTEMS
from pipeline.mapping import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Gemmini:
    """The accelerator of ``rtl/gemmini`` on a memory.

    With ``drop`` it executes what the public FPGA measurements ran: partial sums are left out, and mappings are those
    of ``public_runs``; on ``soc`` also with their placement of tensors.
    """

    memory: Memory = "soc"
    partial_sums: PartialSums = "spill"

    @property
    def name(self) -> str:
        """Name of the design."""
        return "gemmini"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The constants of its timing with their starting values on this memory."""
        return constants_of(self.memory)

    def latency(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, values: Values | None = None
    ) -> Float[Tensor, "*b"]:
        """Cycles of each mapping."""
        return self.view(layers, mappings, hardware, values).cycles

    def terms(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, values: Values | None = None
    ) -> dict[str, Float[Tensor, "*b"]]:
        """The fields of ``view.Terms``."""
        found = self.view(layers, mappings, hardware, values)
        return {field.name: getattr(found, field.name) for field in fields(found)}

    def executed(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> tuple[LayerTensors, MappingTensors]:
        """What runs in place of ``mappings``: the same, but for the public runs."""
        if self.partial_sums == "drop":
            return as_published(layers, mappings, hardware)
        return layers, mappings

    def view(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, values: Values | None = None
    ) -> Terms:
        """The latency and what it is made of."""
        drop = self.partial_sums == "drop"
        layers, mappings = self.executed(layers, mappings, hardware)
        timing = start_timing(self.memory) if values is None else Timing.of(values, self.memory)
        cache = MEMORY_SYSTEMS[self.memory].cache
        return terms_of(layers, mappings, hardware, Setting(timing, cache, drop, public=drop and cache is not None))
