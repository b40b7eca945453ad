"""The description of a tile pipeline: what it may say, and that it may say nothing."""

from pathlib import Path

import pytest

from pipeline.machine.machine import machine_of
from pipeline.machine.tile_pipeline.description import constants_of, read_description
from pipeline.machine.tile_pipeline.machine import TilePipeline


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
