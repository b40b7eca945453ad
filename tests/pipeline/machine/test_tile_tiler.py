"""The default tiler of a tile pipeline against every tile of whole blocks, counted one by one."""

import itertools
import math
from collections.abc import Iterator

import pytest

from pipeline.hardware import Hardware
from pipeline.machine.machine import machine_of
from pipeline.mapping import Mapping
from pipeline.workload import DIMS, Layer

MACHINE = machine_of("rtl/output_stationary", "simple")
SMALL = MACHINE.template.hardware(4, 1, 0.25)
"""128 rows a tile, four sums an element."""

Tile = dict[str, int]


def starts(size: int, step: int) -> Iterator[tuple[int, int]]:
    """First and extent of every tile along a dimension."""
    yield from ((start, min(step, size - start)) for start in range(0, size, step))


def inside(layer: Layer, tile: Tile, out: str, tap: str) -> int:
    """Input columns or rows inside the image, summed over all tiles along both dimensions."""
    stride, dilation = (layer.stride_w, layer.dilation_w) if out == "P" else (layer.stride_h, layer.dilation_h)
    size, taps = getattr(layer, out) * stride, getattr(layer, tap)
    total = 0
    for (first, outs), (tap_first, span) in itertools.product(
        starts(getattr(layer, out), tile[out]), starts(taps, tile[tap])
    ):
        origin = first * stride + tap_first * dilation - taps // 2
        end = origin + (outs - 1) * stride + (span - 1) * dilation + 1
        total += outs if out == "Q" and taps == 1 else min(end, size) - max(origin, 0)
    return total


def moved_rows(layer: Layer, tile: Tile, dim: int) -> int:
    """Rows of DIM bytes that all tiles load and store."""
    counts = {name: math.ceil(getattr(layer, name) / tile[name]) for name in DIMS}
    channels, outputs = (math.ceil(getattr(layer, name) / dim) for name in "CK")
    inputs = layer.N * channels * inside(layer, tile, "P", "R") * inside(layer, tile, "Q", "S") * counts["K"]
    weights = outputs * layer.R * layer.S * layer.C * counts["P"] * counts["Q"] * counts["N"]
    return inputs + weights + layer.N * layer.P * layer.Q * outputs


def fits(layer: Layer, tile: Tile, hardware: Hardware) -> bool:
    """Half of the scratchpad holds a tile, the array its sums where the reduction is split."""
    dim, window = hardware.dim, 1
    for out, tap, axis in (("P", "R", "w"), ("Q", "S", "h")):
        stride, dilation = getattr(layer, f"stride_{axis}"), getattr(layer, f"dilation_{axis}")
        needed = min((tile[out] - 1) * stride + (tile[tap] - 1) * dilation + 1, getattr(layer, out) * stride)
        window *= tile[out] if out == "Q" and layer.S == 1 else needed
    k_blocks = math.ceil(tile["K"] / dim)
    rows = tile["N"] * math.ceil(tile["C"] / dim) * window + k_blocks * tile["R"] * tile["S"] * tile["C"]
    split = any(tile[name] < getattr(layer, name) for name in "CRS")
    pixels = min(math.ceil(tile["P"] / dim) * tile["Q"], math.ceil(tile["Q"] / dim) * tile["P"])
    return rows <= hardware.scratchpad_rows // 2 and (
        not split or tile["N"] * k_blocks * pixels <= hardware.accumulator_rows // dim
    )


def every_tile(layer: Layer, dim: int) -> Iterator[Tile]:
    """Tiles of whole blocks of the array."""
    blocks = {name: sorted({min(getattr(layer, name), size) for size in range(dim, 99, dim)}) for name in "CKP"}
    parts = blocks | {"Q": list(range(1, layer.Q + 1)), "N": list(range(1, layer.N + 1))}
    for taps in {(layer.R, layer.S), (layer.R, 1), (1, 1)}:
        for extents in itertools.product(*parts.values()):
            yield dict(zip("RS", taps, strict=True)) | dict(zip(parts, extents, strict=True))


LAYERS = [
    Layer(R=1, S=1, P=23, Q=1, C=30, K=18),
    Layer(R=3, S=3, P=9, Q=9, C=5, K=10),
    Layer(R=3, S=3, P=8, Q=6, C=21, K=13, N=2),
    Layer(R=3, S=2, P=10, Q=4, C=8, K=9, stride_w=2, stride_h=2, dilation_h=2),
    Layer(R=1, S=1, P=7, Q=7, C=24, K=40, stride_w=2, stride_h=2),
]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_no_tile_of_whole_blocks_that_fits_moves_less(layer: Layer) -> None:
    mapping: Mapping = MACHINE.default_mapping(layer, SMALL)
    chosen = {name: min(getattr(layer, name), mapping.tile(name)) for name in DIMS}
    assert fits(layer, chosen, SMALL)
    least = min(moved_rows(layer, tile, 4) for tile in every_tile(layer, 4) if fits(layer, tile, SMALL))
    # The machine takes the mean window of ragged tiles.
    assert moved_rows(layer, chosen, 4) <= 1.05 * least


def test_what_no_tile_fits_is_an_error() -> None:
    layer = Layer(R=1, S=1, P=64, Q=1, C=64, K=64)
    with pytest.raises(ValueError, match="not even a tile of one block fits"):
        MACHINE.default_mapping(layer, MACHINE.template.hardware(16, 0.5, 16))
