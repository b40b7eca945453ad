"""Timeloop's Gemmini-like hardware, as the public DOSA evaluations describe it."""

from dataclasses import dataclass, fields

from jaxtyping import Float
from torch import Tensor

from pipeline.choices import Memory, PartialSums
from pipeline.hardware import Hardware, HardwareTensors, Template
from pipeline.machine.area import area_mm2
from pipeline.machine.constants import Constant, Values, check_values
from pipeline.machine.energy import Cost, LevelEnergy, words_energy
from pipeline.machine.explain import Explanation, capacity_columns, largest, named
from pipeline.machine.gemmini.tiler import default_mapping
from pipeline.machine.space import MappingSpace, SizeGrid
from pipeline.machine.timeloop.accesses import timeloop_accesses
from pipeline.machine.timeloop.capacity import KIB, footprint_kib, tile_words
from pipeline.machine.timeloop.roofs import Roofs, timeloop_roofs
from pipeline.machine.timeloop.template import GRID, SPACE, TEMPLATE
from pipeline.machine.words import Words
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import Layer


@dataclass(frozen=True, slots=True)
class Timeloop:
    """DOSA's architecture. Memory and partial sums make no difference: it has a DRAM of its own, and sums spill."""

    memory: Memory = "soc"
    partial_sums: PartialSums = "spill"

    @property
    def name(self) -> str:
        """Name in the registry."""
        return TEMPLATE.name

    @property
    def template(self) -> Template:
        """Levels and sizes."""
        return TEMPLATE

    @property
    def grid(self) -> SizeGrid:
        """Sizes of the published space."""
        return GRID

    @property
    def space(self) -> MappingSpace:
        """All factors of the published space."""
        return SPACE

    @property
    def constants(self) -> tuple[Constant, ...]:
        """None: its bandwidths are part of the published architecture."""
        return ()

    @property
    def default_hardware(self) -> Hardware:
        """Gemmini's default sizes."""
        return TEMPLATE.hardware(16, 256, 64)

    def default_mapping(self, layer: Layer, hardware: Hardware) -> Mapping:
        """The mapping of Gemmini's default tiler."""
        return default_mapping(layer, hardware)

    def executed(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> tuple[LayerTensors, MappingTensors]:
        """The mappings themselves."""
        return layers, mappings

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

    def words(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Words:
        """Words as Timeloop counts them."""
        return timeloop_accesses(layers, mappings).words(hardware)

    def energy(self, words: Words, hardware: HardwareTensors) -> LevelEnergy:
        """Energy by level at physical sizes, which are those of the columns."""
        return words_energy(words, hardware)

    def cost(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Cost:
        """Latency and energy from one count of the accesses."""
        accesses = timeloop_accesses(layers, mappings)
        energy = words_energy(accesses.words(hardware), hardware).total
        return Cost(timeloop_roofs(accesses, hardware).cycles, energy)

    def area_mm2(self, hardware: HardwareTensors) -> Float[Tensor, "*b"]:
        """Area at 40 nm."""
        return area_mm2(hardware)

    def footprint_kib(
        self, layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"]
    ) -> dict[str, Float[Tensor, "*b"]]:
        """Words that a tile needs."""
        return footprint_kib(layers, mappings, dim)

    def explanation(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Explanation:
        """Accesses by tensor, words, roofs and energy."""
        accesses = timeloop_accesses(layers, mappings)
        roofs, words = timeloop_roofs(accesses, hardware), accesses.words(hardware)
        columns = capacity_columns(footprint_kib(layers, mappings, hardware.dim), hardware.sizes)
        weights, inputs, _ = tile_words(layers, mappings)
        columns |= {"kib.scratchpad_weights": weights / KIB, "kib.scratchpad_inputs": inputs / KIB}
        columns |= named("words", words) | named("accesses", accesses) | named("cycles", roofs)
        columns |= named("energy_uj", words_energy(words, hardware))
        return Explanation(columns, largest(roofs, [field.name for field in fields(roofs)]))
