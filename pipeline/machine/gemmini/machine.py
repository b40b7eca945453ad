"""Gemmini as our RTL executes it."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.choices import Area, Memory, PartialSums
from pipeline.hardware import Hardware, HardwareTensors, Template
from pipeline.machine.area import area_mm2
from pipeline.machine.constants import Constant, Values
from pipeline.machine.energy import Cost, LevelEnergy, words_energy
from pipeline.machine.explain import Explanation, capacity_columns, largest, named
from pipeline.machine.gemmini.alike import in_parts
from pipeline.machine.gemmini.bound import least_of
from pipeline.machine.gemmini.capacity import footprint_kib
from pipeline.machine.gemmini.constants import Timing, constants_of, start_timing
from pipeline.machine.gemmini.facts import Facts, Setting, facts_of
from pipeline.machine.gemmini.public_runs import as_published
from pipeline.machine.gemmini.structure import structured
from pipeline.machine.gemmini.synthesized_area import structure_mm2, synthesized_area_mm2
from pipeline.machine.gemmini.template import DEFAULT, GRID, SPACE, TEMPLATE
from pipeline.machine.gemmini.tiler import default_mapping
from pipeline.machine.gemmini.tiles import Tiles, tiles_of
from pipeline.machine.gemmini.view import Terms, terms_of
from pipeline.machine.gemmini.words import tile_words, words_of
from pipeline.machine.space import MappingSpace, SizeGrid
from pipeline.machine.system import MEMORY_SYSTEMS
from pipeline.machine.words import Least, Words
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import Layer


@dataclass(frozen=True, slots=True)
class Gemmini:
    """The accelerator of ``rtl/gemmini`` on a memory.

    With ``drop`` it executes what the public FPGA measurements ran: partial sums are left out, and mappings are those
    of ``public_runs``; on ``soc`` also with their placement of tensors.
    """

    memory: Memory = "soc"
    partial_sums: PartialSums = "spill"
    area: Area = field(default="published", compare=False)
    """Where the area comes from; nothing else depends on it, so models of either are models of both."""

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
        """Sizes that the RTL is built at."""
        return GRID

    @property
    def space(self) -> MappingSpace:
        """A tile, the array and the order of the DRAM loops."""
        return SPACE

    @property
    def default_hardware(self) -> Hardware:
        """Gemmini's default configuration."""
        return DEFAULT

    def default_mapping(self, layer: Layer, hardware: Hardware) -> Mapping:
        """The mapping of Gemmini's default tiler."""
        return default_mapping(layer, hardware)

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
        return _by_name(self.view(layers, mappings, hardware, values))

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
        timing = start_timing(self.memory) if values is None else Timing.of(values, self.memory)

        def terms(layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Terms:
            return terms_of(self.facts(layers, mappings, hardware), timing)

        if values is not None and any(torch.as_tensor(value).dim() for value in values.values()):
            return terms(layers, mappings, hardware)
        return in_parts(terms, self._tiles, layers, mappings, hardware)

    def _tiles(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Tiles:
        return tiles_of(*self.executed(layers, mappings, hardware), hardware)

    def prepared(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> Callable[[Values], dict[str, Float[Tensor, "*b"]]]:
        """``terms`` as a function of the values alone."""
        facts = self.facts(layers, mappings, hardware)
        return lambda values: _by_name(terms_of(facts, Timing.of(values, self.memory)))

    def facts(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Facts:
        """What the mappings do, whatever the constants are."""
        layers, mappings = self.executed(layers, mappings, hardware)
        drop, cache = self.partial_sums == "drop", MEMORY_SYSTEMS[self.memory].cache
        return facts_of(layers, mappings, hardware, Setting(cache, drop, public=drop and cache is not None))

    def words(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Words:
        """Words as the performance counters count them, partial sums spilled."""
        return words_of(layers, mappings, hardware)

    def least(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Least:
        """Cycles and words that the tiles do not go below in any order of the DRAM loops."""
        return least_of(
            *self.executed(layers, mappings, hardware), hardware, structured(start_timing(self.memory), hardware)
        )

    def energy(self, words: Words, hardware: HardwareTensors) -> LevelEnergy:
        """Energy by level at physical sizes."""
        return words_energy(words, hardware)

    def cost(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Cost:
        """Latency and energy."""
        return in_parts(self._cost, self._tiles, layers, mappings, hardware)

    def _cost(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Cost:
        facts = self.facts(layers, mappings, hardware)
        if self.partial_sums == "drop":
            words = words_of(layers, mappings, hardware)
        else:
            words = tile_words(facts.tiles, facts.mean.window, facts.mean.inputs, facts.mean.weights)
        return Cost(terms_of(facts, start_timing(self.memory)).cycles, words_energy(words, hardware).total)

    def area_mm2(self, hardware: HardwareTensors) -> Float[Tensor, "*b"]:
        """Area at 40 nm. Published tables have no structure: what another one's logic adds comes from synthesis."""
        if self.area == "synthesized":
            return synthesized_area_mm2(hardware)
        return area_mm2(hardware) + structure_mm2(hardware)

    def footprint_kib(
        self, layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"]
    ) -> dict[str, Float[Tensor, "*b"]]:
        """Rows of Gemmini's own layout, two tiles in each memory."""
        return footprint_kib(layers, mappings, dim)

    def explanation(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Explanation:
        """Words, terms of the latency and energy."""
        words, terms = words_of(layers, mappings, hardware), self.view(layers, mappings, hardware)
        columns = capacity_columns(footprint_kib(layers, mappings, hardware.dim), hardware.sizes)
        columns |= named("words", words) | named("rtl", terms) | named("energy_uj", words_energy(words, hardware))
        return Explanation(columns, largest(terms, ["compute_cycles", "load_cycles", "store_cycles"]))


def _by_name(terms: Terms) -> dict[str, Float[Tensor, "*b"]]:
    return {field.name: getattr(terms, field.name) for field in fields(terms)}
