"""The description of a tile pipeline, that it may say nothing, and what a cache below the pipeline lacks."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.caches import Misses, misses
from pipeline.machine.machine import machine_of
from pipeline.machine.system import Cache
from pipeline.machine.tile_pipeline.cache import reuse_of
from pipeline.machine.tile_pipeline.description import constants_of, read_description
from pipeline.machine.tile_pipeline.machine import HIERARCHY, TilePipeline
from pipeline.machine.tile_pipeline.tiles import Tiles
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, Layer, R, S
from sim.golden import accumulate, input_shape


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed: 3", "speed"),
        ("buffers: 3", "buffers"),
        ("start: {simple: {warp: 3}}", "warp is no constant of a tile pipeline"),
        ("start: {simple: {reads_in_flight: 1000}}", "constant reads_in_flight: start 1000 is not in 1 to 256"),
    ],
)
def test_a_wrong_description_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "machine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        constants_of(read_description(tmp_path), "simple")


def test_a_folder_that_says_nothing_has_a_machine(tmp_path: Path) -> None:
    machine = machine_of(str(tmp_path), "soc")
    assert isinstance(machine, TilePipeline)
    assert machine.constants == constants_of(read_description(tmp_path), "soc")


def missed(layer: Layer, text: str) -> Misses:
    """Lines that a cache of 512 KiB lacks, on an array of 16."""
    mapping = Mapping.parse(text, layer, HIERARCHY)
    dim = torch.tensor([16.0], dtype=torch.float64)
    tiles = Tiles.of(LayerTensors.stack([layer]), MappingTensors.stack([mapping]), dim, HIERARCHY)
    return misses(reuse_of(tiles), Cache().kib)


def test_what_fits_the_cache_is_not_missed() -> None:
    layer = Layer(R=3, S=3, P=14, Q=14, C=64, K=64)
    found = missed(layer, "L2[WIO] K4 Q14 - L1[WI] C64 S3 R3 K16X - L0[O] P14X")
    assert float(found.lines.sum()) < 1
    assert float(found.written_back) < 1


@pytest.mark.parametrize(("order", "again", "stays"), [("P64 K64", 1, 0), ("K64 P64", 0, 1)])
def test_what_an_outer_loop_passes_over_again_is_missed_again(order: str, again: int, stays: int) -> None:
    """Inputs and weights of 4 MiB each in 64 tiles; ``again`` and ``stays`` are their places among the tensors."""
    layer = Layer(R=1, S=1, P=1024, Q=1, C=4096, K=1024)
    found = missed(layer, f"L2[WIO] {order} - L1[WI] C4096 K16X - L0[O] P16X")
    lines = layer.C * layer.K / 64
    assert float(found.lines[again]) == pytest.approx(64 * lines, rel=0.01)
    # A tile that stays loses lines to those that stream past it: 8.7 times over in a simulated cache.
    assert lines <= float(found.lines[stays]) <= 8.7 * lines
    assert float(found.written_back) == pytest.approx(layer.P * layer.K / 64, rel=0.25)


def test_only_a_memory_with_a_cache_has_its_constants(tmp_path: Path) -> None:
    names = [
        {constant.name for constant in machine_of(str(tmp_path), memory).constants} for memory in ("simple", "soc")
    ]
    assert names[1] - names[0] == {"miss_cycles", "dram_line_cycles", "write_back_cycles"}
    assert names[0] < names[1]


def test_zeros_around_the_image_are_no_work() -> None:
    machine = machine_of("rtl/output_stationary", "simple")
    hardware = HardwareTensors.stack([machine.template.hardware(8, 64, 8)])
    for layer in (
        Layer(R=3, S=3, P=4, Q=5, C=8, K=8),
        Layer(R=7, S=2, P=6, Q=3, C=3, K=8, N=2, stride_w=2, stride_h=3),
        Layer(R=4, S=5, P=3, Q=9, C=5, K=9, dilation_w=3, dilation_h=2),
        Layer(R=1, S=1, P=9, Q=1, C=5, K=9),
    ):
        mapping = MappingTensors.stack([machine.default_mapping(layer, machine.template.hardware(8, 64, 8))])
        ones = np.ones(input_shape(layer), dtype=np.int8)
        kernel = np.ones((layer.S, layer.R, layer.C, layer.K), dtype=np.int8)
        expected = int(accumulate(layer, ones, kernel).sum())  # each product of a real input counts one
        words = machine.words(LayerTensors.stack([layer]), mapping, hardware)
        assert float(words.macs) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "L2[WIO] K2 Q3 C4 R3 S2 - L1[WI] C16 Q2 S2 K16X - L0[O] P8X",
        "L2[WIO] S2 P2 R3 C3 K3 - L1[WI] C23 S2 Q5 K8X - L0[O] P4X",
        "L2[WIO] Q5 P2 K2 - L1[WI] C60 R3 S3 K16X - L0[O] P7X",
    ],
)
def test_tiles_that_change_taps_or_size_are_counted_as_a_walk_over_them_finds(text: str) -> None:
    layer = Layer(R=3, S=3, P=8, Q=5, C=60, K=24)
    mapping = Mapping.parse(text, layer, HIERARCHY)
    dim = torch.tensor([16.0], dtype=torch.float64)
    tiles = Tiles.of(LayerTensors.stack([layer]), MappingTensors.stack([mapping]), dim, HIERARCHY)
    names = [name for name, _ in mapping.loops[-1]]
    order = [name for name in names if name in "KPQN"] + [name for name in names if name in "CRS"]
    counts = [int(tiles.loops[DIMS.index(name)]) for name in order]
    sizes = [(float(tiles.full[DIMS.index(name)]), float(tiles.last[DIMS.index(name)])) for name in order]
    walk = list(itertools.product(*map(range, counts)))
    taps = resized = 0
    for before, after in itertools.pairwise(walk):
        for index, name in enumerate(order):
            taps += name in "RS" and before[index] != after[index]
            extents = [sizes[index][step[index] == counts[index] - 1] for step in (before, after)]
            resized += extents[0] != extents[1]
    least = 1 / len(walk)
    assert float(tiles.changes((R, S))) == pytest.approx(taps / len(walk), abs=2 * least)
    assert float(tiles.resizes()) == pytest.approx(resized / len(walk), abs=len(order) * least)


def test_a_line_that_comes_no_slower_than_it_is_received_costs_nothing(tmp_path: Path) -> None:
    machine = machine_of(str(tmp_path), "soc")
    layer = Layer(R=1, S=1, P=16, Q=1, C=2048, K=1024)
    missed_cycles = []
    for size in (4, 16):
        text = f"L2[WIO] K{1024 // size} - L1[WI] C2048 P{16 // size} K{size}X - L0[O] P{size}X"
        mapping = Mapping.parse(text, layer, HIERARCHY)
        hardware = HardwareTensors.stack([machine.template.hardware(size, 512, 64)])
        terms = machine.terms(LayerTensors.stack([layer]), MappingTensors.stack([mapping]), hardware)
        missed_cycles.append(float(terms["missed_cycles"]))
    # A line is 16 rows of an array of 4, a cycle each, but 4 of an array of 16.
    assert missed_cycles[0] == 0 < missed_cycles[1]
