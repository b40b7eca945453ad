"""The default tilers against the published tiles, and against what makes a tile maximal."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.files import ROOT
from pipeline.hardware import Hardware
from pipeline.machine.capacity import check_fits
from pipeline.machine.gemmini.tiler import (
    SEARCH_ORDER,
    conv_tile,
    conv_tile_fits,
    default_mapping,
    default_tile,
    matmul_tile,
)
from pipeline.mapping import Mapping
from pipeline.table import hardware_of, layer_of, read_table
from pipeline.workload import Layer
from tests.machines import GEMMINI

RAGGED = ROOT.parent / "shared" / "cases" / "tiler_ragged" / "small.csv"
"""Layers whose channels are no product of whole blocks, with the default tile written as a ragged mapping."""

DEFAULT = GEMMINI.template.hardware(16, 256, 64)

hardware = st.builds(
    GEMMINI.template.hardware,
    st.sampled_from([2, 4, 8, 16, 32]),
    st.sampled_from([8, 16, 64, 256]),
    st.sampled_from([8, 16, 64]),
)
convolutions = st.builds(
    Layer,
    R=st.integers(1, 7),
    S=st.integers(1, 7),
    P=st.integers(1, 80),
    Q=st.integers(2, 80),
    C=st.integers(1, 300),
    K=st.integers(1, 300),
    N=st.integers(1, 4),
    stride_w=st.integers(1, 4),
    stride_h=st.integers(1, 4),
)
products = st.builds(
    Layer,
    R=st.just(1),
    S=st.just(1),
    P=st.integers(1, 1000),
    Q=st.just(1),
    C=st.integers(1, 3000),
    K=st.integers(1, 3000),
)


@pytest.mark.parametrize(
    ("layer", "tile"),
    [
        (Layer(1, 1, 128, 1, 768, 768), "1_1_80_1_768_80_1"),
        (Layer(1, 1, 56, 56, 256, 128), "1_1_23_22_240_16_1"),
        (Layer(3, 3, 14, 14, 256, 256, stride_w=2, stride_h=2), "3_3_14_14_105_32_1"),
        (Layer(3, 3, 56, 56, 64, 64), "3_3_23_22_64_16_1"),
        (Layer(1, 1, 1, 1, 2048, 1000), "1_1_16_1_896_128_1"),
    ],
)
def test_tiles_are_those_of_gemminis_library(layer: Layer, tile: str) -> None:
    assert str(default_tile(layer, DEFAULT)) == tile


@given(convolutions, hardware)
@settings(deadline=None, max_examples=150)
def test_a_convolution_tile_fits_and_no_factor_can_grow(layer: Layer, hardware: Hardware) -> None:
    tile = conv_tile(layer, hardware)
    assert conv_tile_fits(layer, hardware, tile)
    sizes = {"kcols": "R", "krows": "S", "ocols": "P", "orows": "Q", "kch": "C", "och": "K", "batch": "N"}
    for name in SEARCH_ORDER:
        at_limit = getattr(tile, name) == getattr(layer, sizes[name])
        assert at_limit or not conv_tile_fits(layer, hardware, tile.grown(name)), name


@given(products, hardware)
@settings(deadline=None, max_examples=150)
def test_a_matrix_product_tile_fits_and_no_block_can_be_added(layer: Layer, hardware: Hardware) -> None:
    dim = hardware.dim
    tile = matmul_tile(layer, hardware)
    extents = {"P": tile.ocols, "K": tile.och, "C": tile.kch}

    def fits(p: int, k: int, c: int) -> bool:
        scratchpad_rows = p * (c // dim) + c * (k // dim)
        return scratchpad_rows <= hardware.tile_scratchpad_rows and p * (k // dim) <= hardware.tile_accumulator_rows

    assert fits(extents["P"], extents["K"], extents["C"])
    for name, extent in extents.items():
        larger = extents | {name: extent + dim}
        at_limit = extent == math.ceil(getattr(layer, name) / dim) * dim
        assert at_limit or not fits(larger["P"], larger["K"], larger["C"]), name


@given(st.one_of(convolutions, products), hardware)
@settings(deadline=None, max_examples=150)
def test_the_default_mapping_fits_and_has_the_very_tile(layer: Layer, hardware: Hardware) -> None:
    tile, mapping = default_tile(layer, hardware), default_mapping(layer, hardware)
    check_fits(mapping, hardware, GEMMINI)
    extents = dict(zip("RSPQCKN", map(int, str(tile).split("_")), strict=True))
    for name, extent in extents.items():
        size = getattr(layer, name)
        assert mapping.tile(name) == min(extent, size)
        assert dict(mapping.loops[3]).get(name, 1) == math.ceil(size / min(extent, size))


@pytest.mark.skipif(not RAGGED.exists(), reason=f"no {RAGGED}")
def test_the_default_mapping_has_as_many_dram_tiles_as_the_ragged_one() -> None:
    table = read_table(RAGGED)
    pairs = table[table["layer.name"].str.endswith("#ragged")].to_dict("records")
    assert len(pairs) == 7
    for row in pairs:
        given = Mapping.parse(row["mapping.mapping"], layer_of(row))
        mapping = default_mapping(given.layer, hardware_of(row, GEMMINI.template))
        assert [mapping.tile(name) for name in "RSPQCKN"] == [given.tile(name) for name in "RSPQCKN"], row["layer.name"]
        assert dict(mapping.loops[3]) == dict(given.loops[3]), row["layer.name"]


def test_hardware_too_small_for_any_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="not even the smallest tile fits"):
        default_tile(Layer(1, 1, 64, 64, 64, 64, stride_w=4, stride_h=4), GEMMINI.template.hardware(16, 0.25, 1))
