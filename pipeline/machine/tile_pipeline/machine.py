"""The machine of designs that say little about themselves: a pipeline of tiles, whose constants are fitted to data."""

import math
from dataclasses import dataclass, fields
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.choices import Memory, PartialSums
from pipeline.files import ROOT
from pipeline.hardware import ACCUMULATOR, SCRATCHPAD, Hardware, HardwareTensors, Template
from pipeline.machine.area import area_mm2
from pipeline.machine.constants import Constant, Values, check_values, start_values
from pipeline.machine.energy import Cost, LevelEnergy, words_energy
from pipeline.machine.explain import Explanation, capacity_columns, largest, named
from pipeline.machine.padding import inside_share
from pipeline.machine.rounding import blocks, happens
from pipeline.machine.space import MappingSpace, SizeGrid, Slot
from pipeline.machine.system import BELOW_CACHE, MEMORY_SYSTEMS
from pipeline.machine.tile_pipeline.description import Description, constants_of, odd_part, read_description
from pipeline.machine.tile_pipeline.tiler import candidates
from pipeline.machine.tile_pipeline.tiles import Tiles, largest_window, work_of
from pipeline.machine.tile_pipeline.view import Terms, terms_of
from pipeline.machine.words import Words
from pipeline.mapping import Hierarchy, Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, C, K, Layer, N, P, Q, R, S

HIERARCHY = Hierarchy(("O", "WI", "WIO"), ((0, "P"), (1, "K")))
"""L0 the array with the sums, L1 the scratchpad, L2 DRAM; P is spatial down the rows, K across the columns."""

_SLOTS = (Slot(0, P, spatial=True), Slot(1, K, spatial=True), *(Slot(1, dim) for dim in range(len(DIMS))))

KIB = 1024

LEAST_KIB, MOST_KIB = 4.0, 2048.0
"""Smallest and largest memory that a search builds where the array's size is a power of two."""

MIN_SUMS = 2
"""Sums that an element keeps at least: one grows while another leaves."""


@dataclass(frozen=True)
class TilePipeline:
    """A design whose tiles are loaded, reduced and stored in a pipeline, on a memory.

    Sums of a tile that is only part of its reduction stay in the array; its reduction loops run inside all others.
    """

    name: str
    """How the registry finds it: the path of the design's folder."""
    description: Description
    memory: Memory = "soc"
    partial_sums: PartialSums = "spill"
    """Sums never leave the array before they are complete; the rule makes no difference."""

    @cached_property
    def template(self) -> Template:
        """Levels and sizes."""
        return Template(self.name, HIERARCHY, (SCRATCHPAD, ACCUMULATOR), buffers=self.description.buffers)

    @property
    def grid(self) -> SizeGrid:
        """Sizes that are built."""
        dims = self.description.dims
        low = LEAST_KIB * odd_part(dims[0])
        high = low * 2.0 ** math.floor(math.log2(MOST_KIB / low))
        return SizeGrid(dims, dims, low, high, powers_of_two=True)

    @property
    def space(self) -> MappingSpace:
        """A tile, the array and the order of the DRAM loops."""
        return MappingSpace(
            HIERARCHY,
            _SLOTS,
            open=tuple(range(len(_SLOTS))),
            ordered_levels=(2,),
            fill_levels=(1,),
            move_shares=(0.4, 0.3, 0.1, 0.2),
        )

    @cached_property
    def constants(self) -> tuple[Constant, ...]:
        """The constants of its timing."""
        return constants_of(self.description, self.memory)

    @property
    def default_hardware(self) -> Hardware:
        """What its designers build when nothing is asked."""
        sizes = self.description.default
        return self.template.hardware(sizes.dim, sizes.scratchpad_kib, sizes.accumulator_kib)

    def default_mapping(self, layer: Layer, hardware: Hardware) -> Mapping:
        """Of the tiles that fit the one that moves least, then the fewest tiles: the baseline.

        Raises ValueError when not even the smallest fits.
        """
        layers = LayerTensors.stack([layer])
        mappings, sizes = candidates(layer, hardware.dim, HIERARCHY), HardwareTensors.stack([hardware])
        need = self.footprint_kib(layers, mappings, sizes.dim)
        fits = torch.stack([kib <= hardware[size] + 1e-9 for size, kib in need.items()]).all(0)
        if not fits.any():
            raise ValueError(f"layer {layer}: not even a tile of one block fits {hardware.id}")
        mappings = mappings[fits]
        moved, tiles = self.words(layers, mappings, sizes).dram.round(), mappings.temporal[:, -1].prod(-1)
        least = min(range(len(tiles)), key=list(zip(moved.tolist(), tiles.tolist(), strict=True)).__getitem__)
        return mappings.mapping(layer, least, HIERARCHY)

    def executed(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> tuple[LayerTensors, MappingTensors]:
        """The mappings themselves."""
        return layers, mappings

    def view(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, values: Values | None = None
    ) -> Terms:
        """The latency and what it is made of."""
        if values is None:
            values = start_values(self.constants)
        else:
            check_values(values, self.constants)
        tiles = Tiles.of(layers, mappings, hardware.dim, HIERARCHY)
        return terms_of(tiles, values, self.description, MEMORY_SYSTEMS[self.memory], BELOW_CACHE.last_level_kib)

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

    def words(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Words:
        """Words as the counters of ``rtl/output_stationary`` count them: zeros around the image are no words."""
        tiles = Tiles.of(layers, mappings, hardware.dim, HIERARCHY)
        work, count, splits = work_of(tiles), tiles.count, tiles.splits
        macs, outputs = tiles.size.prod(0) * inside_share(layers), tiles.size[[P, Q, K, N]].prod(0)
        k_blocks = tiles.loops[K] * tiles.average(K, lambda extent: blocks(extent, tiles.dim))
        weights = count * work.blocks / (tiles.average(K, lambda e: blocks(e, tiles.dim)) / tiles.mean[K])
        weights = weights * tiles.mean[C] * tiles.mean[R] * tiles.mean[S]
        loaded = count * (work.input_rows + work.weight_rows) * tiles.dim
        stored = count / splits * work.pixels * tiles.dim
        return Words(
            macs=macs,
            register=macs + weights,
            accumulator=outputs * (2 * splits - 1) + stored,
            scratchpad=macs / tiles.size[K] * k_blocks + weights + loaded,
            dram=loaded + stored,
        )

    def energy(self, words: Words, hardware: HardwareTensors) -> LevelEnergy:
        """Energy by level at physical sizes."""
        return words_energy(words, hardware)

    def cost(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Cost:
        """Latency and energy."""
        energy = self.energy(self.words(layers, mappings, hardware), hardware)
        return Cost(self.latency(layers, mappings, hardware), energy.total)

    def area_mm2(self, hardware: HardwareTensors) -> Float[Tensor, "*b"]:
        """Area at 40 nm, sums counted as accumulator banks."""
        return area_mm2(hardware)

    def footprint_kib(
        self, layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"]
    ) -> dict[str, Float[Tensor, "*b"]]:
        """Rows of DIM bytes of the largest tile, and sums of its outputs where its reduction is split over tiles.

        Tiles at the border of the image are taken to load as much as others.
        """
        tiles = Tiles.of(layers, mappings, dim, HIERARCHY)
        tiles = tiles.only(torch.ones_like(tiles.full, dtype=torch.bool), tiles.full)
        work = work_of(tiles)
        rows = tiles.full[N] * blocks(tiles.full[C], dim) * largest_window(tiles, P, R) * largest_window(tiles, Q, S)
        rows = rows + blocks(tiles.full[K], dim) * tiles.full[[R, S, C]].prod(0)
        kept = MIN_SUMS + (work.blocks - MIN_SUMS).clamp(min=0) * happens(tiles.splits)
        return {
            SCRATCHPAD.size: rows * self.description.buffers * dim / KIB,
            ACCUMULATOR.size: kept * dim * dim * ACCUMULATOR.word_bytes / KIB,
        }

    def explanation(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Explanation:
        """Words, terms of the latency and energy."""
        words, terms = self.words(layers, mappings, hardware), self.view(layers, mappings, hardware)
        columns = capacity_columns(self.footprint_kib(layers, mappings, hardware.dim), hardware.sizes)
        columns |= named("words", words) | named("tile_pipeline", terms)
        columns |= named("energy_uj", self.energy(words, hardware))
        return Explanation(columns, largest(terms, ["compute_cycles", "load_cycles", "store_cycles"]))


def tile_pipeline(folder: str, memory: Memory, partial_sums: PartialSums) -> TilePipeline:
    """The machine of the design in ``folder``, absolute or relative to the project. Raises ValueError of one line."""
    return TilePipeline(folder, read_description(ROOT / folder), memory, partial_sums)
