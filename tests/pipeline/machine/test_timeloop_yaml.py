"""Timeloop files of a mapping, written and read back."""

import random
from pathlib import Path

import pytest
import yaml

from pipeline.machine.capacity import smallest_hardware
from pipeline.machine.timeloop.yaml_files import FILES, read_timeloop, write_timeloop
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from tests.machines import TIMELOOP
from tests.pipeline.machine.cases import random_layer, random_mapping

LAYER = Layer(R=3, S=3, P=56, Q=28, C=64, K=32, stride_w=2)
TEXT = "L3[WIO] K8 Q28 - L2[WI] C2 K4X - L1[O] S3 R3 P7 C32X - L0[W] P8"


def test_random_mappings_are_read_back_as_they_were(tmp_path: Path) -> None:
    rng = random.Random(0)
    for exact in (True, False) * 20:
        mapping = random_mapping(rng, random_layer(rng, 10_000), exact)
        hardware = smallest_hardware([mapping], TIMELOOP, dim=8)
        write_timeloop(mapping, hardware, tmp_path)
        assert read_timeloop(tmp_path) == (mapping, hardware)


def test_loops_are_written_innermost_first_with_all_dimensions(tmp_path: Path) -> None:
    mapping = Mapping.parse(TEXT, LAYER)
    write_timeloop(mapping, smallest_hardware([mapping], TIMELOOP), tmp_path)
    directives = yaml.safe_load((tmp_path / "mapping.yaml").read_text())["mapping"]
    temporal = {d["target"]: d for d in directives if d["type"] == "temporal"}
    assert temporal["DRAM"]["permutation"].startswith("QK")
    assert temporal["DRAM"]["factors"] == "R=1 S=1 P=1 Q=28 C=1 K=8 N=1"
    spatial = {d["target"]: d["factors"] for d in directives if d["type"] == "spatial"}
    assert spatial == {"Scratchpad": "R=1 S=1 P=1 Q=1 C=1 K=4 N=1", "Accumulator": "R=1 S=1 P=1 Q=1 C=32 K=1 N=1"}


def test_a_ragged_loop_is_written_with_the_iterations_of_its_last_run(tmp_path: Path) -> None:
    layer = Layer(R=1, S=1, P=10, Q=1, C=1, K=1)
    mapping = Mapping.parse("L3[WIO] P2 - L2[WI] N1 - L1[O] P2 - L0[W] P3", layer)
    write_timeloop(mapping, smallest_hardware([mapping], TIMELOOP), tmp_path)
    directives = yaml.safe_load((tmp_path / "mapping.yaml").read_text())["mapping"]
    factors = {d["target"]: d["factors"].split()[2] for d in directives if d["type"] == "temporal"}
    assert factors == {"DRAM": "P=2", "Scratchpad": "P=1", "Accumulator": "P=2", "Registers": "P=3,1"}


def test_a_mapping_with_a_tile_of_a_tensors_own_is_refused(tmp_path: Path) -> None:
    mapping = Mapping.parse(TEXT.replace("Q28", "[I] Q28"), LAYER)
    with pytest.raises(ValueError, match="one tile for all tensors"):
        write_timeloop(mapping, smallest_hardware([mapping], TIMELOOP), tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_foreign_file_is_named(tmp_path: Path, name: str) -> None:
    mapping = Mapping.parse(TEXT, LAYER)
    write_timeloop(mapping, smallest_hardware([mapping], TIMELOOP), tmp_path)
    (tmp_path / name).write_text("something: else\n")
    with pytest.raises(ValueError, match=name):
        read_timeloop(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=name):
        read_timeloop(tmp_path)
