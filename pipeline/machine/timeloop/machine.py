"""Timeloop's Gemmini-like hardware, as the public DOSA evaluations describe it."""

from dataclasses import dataclass, fields

from jaxtyping import Float
from torch import Tensor

from pipeline.choices import Memory, PartialSums
from pipeline.hardware import HardwareTensors
from pipeline.machine.constants import Constant, Values, check_values
from pipeline.machine.timeloop.accesses import timeloop_accesses
from pipeline.machine.timeloop.roofs import Roofs, timeloop_roofs
from pipeline.mapping import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Timeloop:
    """DOSA's architecture. Memory and partial sums make no difference: it has a DRAM of its own, and sums spill."""

    memory: Memory = "soc"
    partial_sums: PartialSums = "spill"

    @property
    def name(self) -> str:
        """Name of the design."""
        return "timeloop"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """None: its bandwidths are part of the published architecture."""
        return ()

    def latency(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, values: Values | None = None
    ) -> Float[Tensor, "*b"]:
        """Cycles of each mapping."""
        return self._roofs(layers, mappings, hardware, values).cycles

    def terms(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, values: Values | None = None
    ) -> dict[str, Float[Tensor, "*b"]]:
        """Cycles that each part needs on its own, and the latency."""
        roofs = self._roofs(layers, mappings, hardware, values)
        parts = {f"{field.name}_cycles": getattr(roofs, field.name) for field in fields(roofs)}
        return parts | {"cycles": roofs.cycles}

    def _roofs(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, values: Values | None
    ) -> Roofs:
        if values is not None:
            check_values(values, self.constants)
        return timeloop_roofs(timeloop_accesses(layers, mappings), hardware)
