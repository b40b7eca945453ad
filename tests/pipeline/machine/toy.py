"""A machine that no other code knows: one local memory, output rows and output channels in parallel.

Each of ``dim`` x ``dim`` elements makes one output of a tile in turn, sums stay with it. The buffer holds a tile's
inputs, weights and outputs. Cycles are the larger of computing and of moving a tile, with a delay a tile.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.choices import Memory, PartialSums
from pipeline.hardware import Hardware, HardwareTensors, Template
from pipeline.hardware import Memory as LocalMemory
from pipeline.machine.constants import Constant, Values, check_values, start_values
from pipeline.machine.energy import Cost, LevelEnergy
from pipeline.machine.explain import Explanation, capacity_columns, named
from pipeline.machine.space import MappingSpace, SizeGrid, Slot
from pipeline.machine.words import Words
from pipeline.mapping import Hierarchy, Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, C, K, Layer, N, P, Q, R, S

HIERARCHY = Hierarchy(("WIO", "WIO"), ((0, "P"), (0, "K")))
BUFFER = LocalMemory("buffer", 1, "arch.mem1_depth")
TEMPLATE = Template("toy", HIERARCHY, (BUFFER,), buffers=1)
SPACE = MappingSpace(
    HIERARCHY,
    slots=(Slot(0, P, spatial=True), Slot(0, K, spatial=True), *(Slot(0, dim) for dim in range(len(DIMS)))),
    open=tuple(range(2 + len(DIMS))),
    ordered_levels=(1,),
    fill_levels=(0,),
    move_shares=(0.4, 0.3, 0.1, 0.2),
)
GRID = SizeGrid((2, 4, 8), (2, 4, 8), 0.25, 64.0, powers_of_two=True)
CONSTANTS = (
    Constant("tile_cycles", "cycles", 0.0, 1000.0, 20.0, "delay of a tile", "made up"),
    Constant("bytes_per_cycle", "bytes/cycle", 1.0, 64.0, 8.0, "bandwidth", "made up"),
)


@dataclass(frozen=True, slots=True)
class Toy:
    """The machine on any memory."""

    memory: Memory = "soc"
    partial_sums: PartialSums = "spill"
    name: str = "toy"
    template: Template = TEMPLATE
    grid: SizeGrid = GRID
    space: MappingSpace = SPACE
    constants: tuple[Constant, ...] = CONSTANTS

    @property
    def default_hardware(self) -> Hardware:
        return self.template.hardware(4, 16)

    def default_mapping(self, layer: Layer, hardware: Hardware) -> Mapping:
        outer = tuple((d, n) for d, n in zip(DIMS, layer.sizes, strict=True) if n > 1)
        return Mapping(layer, ((), outer), hierarchy=HIERARCHY)

    def executed(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
    ) -> tuple[LayerTensors, MappingTensors]:
        return layers, mappings

    def terms(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, values: Values | None = None
    ) -> dict[str, Float[Tensor, "*b"]]:
        values = start_values(CONSTANTS) if values is None else values
        check_values(values, CONSTANTS)
        moved, tiles = _tile_bytes(layers, mappings), mappings.temporal[..., -1, :].prod(-1)
        compute = mappings.temporal[..., 0, :].prod(-1)
        move = moved / values["bytes_per_cycle"]
        cycles = tiles * (torch.maximum(compute, move) + values["tile_cycles"])
        return {"compute_cycles": compute, "move_cycles": move, "tiles": tiles, "cycles": cycles + 0 * hardware.dim}

    def latency(
        self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, values: Values | None = None
    ) -> Float[Tensor, "*b"]:
        return self.terms(layers, mappings, hardware, values)["cycles"]

    def words(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Words:
        moved = _tile_bytes(layers, mappings) * mappings.temporal[..., -1, :].prod(-1)
        macs = layers.size.prod(-1) + 0 * moved
        return Words(macs=macs, register=0 * macs, accumulator=0 * macs, scratchpad=3 * macs, dram=moved)

    def energy(self, words: Words, hardware: HardwareTensors) -> LevelEnergy:
        pj = 1 + 0.1 * hardware.sizes[BUFFER.size]
        nothing = 0 * words.macs
        return LevelEnergy(words.macs * 1e-6, nothing, nothing, words.scratchpad * pj * 1e-6, words.dram * 1e-4)

    def cost(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Cost:
        energy = self.energy(self.words(layers, mappings, hardware), hardware)
        return Cost(self.latency(layers, mappings, hardware), energy.total)

    def area_mm2(self, hardware: HardwareTensors) -> Float[Tensor, "*b"]:
        return 0.001 * hardware.dim**2 + 0.01 * hardware.sizes[BUFFER.size]

    def footprint_kib(
        self, layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"]
    ) -> dict[str, Float[Tensor, "*b"]]:
        return {BUFFER.size: _tile_bytes(layers, mappings) / 1024 + 0 * dim}

    def explanation(self, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Explanation:
        terms = self.terms(layers, mappings, hardware)
        columns = capacity_columns(self.footprint_kib(layers, mappings, hardware.dim), hardware.sizes)
        columns |= named("words", self.words(layers, mappings, hardware))
        bound = (terms["compute_cycles"] > terms["move_cycles"]).tolist()
        return Explanation(columns, ["compute" if computes else "move" for computes in bound])


def _tile_bytes(layers: LayerTensors, mappings: MappingTensors) -> Float[Tensor, "*b"]:
    """Inputs, weights and int32 outputs of a tile."""
    tile = torch.minimum(mappings.tile(HIERARCHY), layers.size)
    width = (tile[..., P] - 1) * layers.stride[..., 0] + (tile[..., R] - 1) * layers.dilation[..., 0] + 1
    height = (tile[..., Q] - 1) * layers.stride[..., 1] + (tile[..., S] - 1) * layers.dilation[..., 1] + 1
    inputs = tile[..., N] * tile[..., C] * width * height
    return inputs + tile[..., [R, S, C, K]].prod(-1) + 4 * tile[..., [N, P, Q, K]].prod(-1)
