"""Gemmini's default tilers: the tile sizes that its library picks for a layer, and the mapping that they make.

They are greedy: shrink the whole layer until a tile fits half of each memory, then grow it while it fits. Described in
Genc et al., "Gemmini: Enabling Systematic Deep-Learning Architecture Evaluation via Full-Stack Integration", DAC 2021,
and in the library that comes with it.
"""

import math
from dataclasses import dataclass, replace

from pipeline.hardware import Hardware
from pipeline.mapping import Loops, Mapping
from pipeline.workload import Layer

SEARCH_ORDER = ("batch", "orows", "ocols", "och", "krows", "kcols", "kch")
"""Factors of a tile in the order in which the convolution tiler looks at them."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Extents of one tile: what the accelerator works on between two DRAM loops."""

    kcols: int
    krows: int
    ocols: int
    orows: int
    kch: int
    och: int
    batch: int

    def __str__(self) -> str:
        """The extents as R_S_P_Q_C_K_N."""
        return "_".join(str(getattr(self, name)) for name in self.__slots__)

    def grown(self, name: str, by: int = 1) -> "Tile":
        """The tile with one factor changed."""
        return replace(self, **{name: getattr(self, name) + by})


def default_tile(layer: Layer, hardware: Hardware) -> Tile:
    """The tile that Gemmini's library picks. Raises ValueError when not even the smallest tile fits."""
    return matmul_tile(layer, hardware) if layer.is_matmul else conv_tile(layer, hardware)


def default_mapping(layer: Layer, hardware: Hardware) -> Mapping:
    """The mapping of the default tile, with Gemmini's loop order."""
    order = "NPKC" if layer.is_matmul else "NQPKSRC"
    return tile_mapping(layer, hardware, default_tile(layer, hardware), order)


def conv_tile(layer: Layer, hardware: Hardware) -> Tile:
    """The tile of the convolution tiler."""
    whole = Tile(layer.R, layer.S, layer.P, layer.Q, layer.C, layer.K, layer.N)
    tile = _shrink(layer, hardware, whole)
    while tile.ocols < whole.ocols and conv_tile_fits(layer, hardware, tile.grown("ocols")):
        tile = tile.grown("ocols")
    while True:
        before = tile
        for name in SEARCH_ORDER:
            if getattr(tile, name) < getattr(whole, name) and conv_tile_fits(layer, hardware, tile.grown(name)):
                tile = tile.grown(name)
        if tile == before:
            return tile


def conv_tile_fits(layer: Layer, hardware: Hardware, tile: Tile) -> bool:
    """Whether inputs and weights fit the rows that a tile may fill in the scratchpad, outputs in the accumulator."""
    blocks_in, blocks_out = math.ceil(tile.kch / hardware.dim), math.ceil(tile.och / hardware.dim)
    irows = tile.orows * layer.stride_h + (tile.krows - 1) * layer.dilation_h
    icols = tile.ocols * layer.stride_w + (tile.kcols - 1) * layer.dilation_w
    inputs = blocks_in * tile.batch * irows * icols
    weights = blocks_out * tile.krows * tile.kcols * tile.kch
    outputs = blocks_out * tile.batch * tile.orows * tile.ocols
    return inputs + weights <= hardware.tile_scratchpad_rows and outputs <= hardware.tile_accumulator_rows


def _shrink(layer: Layer, hardware: Hardware, tile: Tile) -> Tile:
    while not conv_tile_fits(layer, hardware, tile):
        keep_columns = tile.ocols <= hardware.dim and tile.orows > 1
        candidates = [name for name in SEARCH_ORDER if not (name == "ocols" and keep_columns)]
        largest = max(candidates, key=lambda name: int(getattr(tile, name)))
        size = getattr(tile, largest)
        if size == 1:
            raise ValueError(f"layer {layer}: not even the smallest tile fits {hardware.id}")
        step = 1
        if largest in {"och", "kch"}:
            step = size % hardware.dim or hardware.dim
        tile = tile.grown(largest, -min(step, size - 1))
    return tile


def matmul_tile(layer: Layer, hardware: Hardware) -> Tile:
    """The tile of the matrix product tiler: whole blocks of ``dim``, so it may exceed the layer."""
    dim = hardware.dim
    outputs, operands = hardware.tile_accumulator_rows // dim, hardware.tile_scratchpad_rows // dim
    side = math.isqrt(outputs)
    if side < 1 or operands < 2:
        raise ValueError(f"layer {layer}: not even the smallest tile fits {hardware.id}")
    most = {"i": math.ceil(layer.P / dim), "j": math.ceil(layer.K / dim), "k": math.ceil(layer.C / dim)}
    blocks = {"i": min(most["i"], side), "j": min(most["j"], side), "k": min(most["k"], max(1, operands // 2 // side))}
    growing = True
    while growing:
        growing = False
        for name in "jik":
            larger = blocks | {name: blocks[name] + 1}
            if larger[name] <= most[name] and _matmul_fits(larger, operands, outputs):
                blocks, growing = larger, True
    return Tile(1, 1, blocks["i"] * dim, 1, blocks["k"] * dim, blocks["j"] * dim, 1)


def _matmul_fits(blocks: dict[str, int], operands: int, outputs: int) -> bool:
    i, j, k = blocks["i"], blocks["j"], blocks["k"]
    return i * k + k * j <= operands and i * j <= outputs


def tile_mapping(layer: Layer, hardware: Hardware, tile: Tile, order: str) -> Mapping:
    """The mapping with exactly ``tile``, cut to the layer, between DRAM loops in ``order`` (outermost first).

    Where the tile holds all channels, the product of their factors may be more than the layer has (ragged).
    """
    names = {"R": tile.kcols, "S": tile.krows, "P": tile.ocols, "Q": tile.orows, "N": tile.batch}
    inner = {name: min(size, getattr(layer, name)) for name, size in names.items()}
    c_temporal, c_spatial = _split_channels(tile.kch, layer.C, hardware.dim)
    k_temporal, k_spatial = _split_channels(tile.och, layer.K, hardware.dim)
    inner |= {"C": c_temporal * c_spatial, "K": k_temporal * k_spatial}
    outer = {name: math.ceil(getattr(layer, name) / size) for name, size in inner.items()}
    reduction = inner | {"C": c_temporal, "K": k_temporal}
    return Mapping(
        layer=layer,
        loops=(_loops("NQP", inner), _loops("KSRC", reduction), (), _loops(order, outer)),
        spatial=(c_spatial, k_spatial),
    )


def _split_channels(extent: int, size: int, dim: int) -> tuple[int, int]:
    """A tile's ``extent`` of ``size`` channels as temporal x spatial factors.

    All channels take as few array-sized blocks as they can, the product rounded up. A part of them must be met exactly:
    by as few blocks where these are even, else by the largest spatial factor that divides it. The accelerator cuts a
    tile into blocks of ``dim`` itself, so only the product matters to it.
    """
    blocks = math.ceil(min(extent, size) / dim)
    if extent >= size:
        return blocks, math.ceil(size / blocks)
    if extent % blocks == 0:
        return blocks, extent // blocks
    spatial = max(factor for factor in range(1, dim + 1) if extent % factor == 0)
    return extent // spatial, spatial


def _loops(order: str, factors: dict[str, int]) -> Loops:
    return tuple((name, factors[name]) for name in order if factors[name] > 1)
