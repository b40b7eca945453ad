"""A Liberty file of one's own, by its path: cells of a process that no package brings."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from pipeline.stages import synthesize as stage
from pipeline.synthesis.design import synthesise_design
from pipeline.synthesis.result import Synthesis
from tests.machines import GEMMINI
from tests.synthesis.cells import AREAS, write_liberty

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pyosys") is None, reason="pyosys is not installed")
SOURCE = Path(__file__).with_name("tiny.sv")
HARDWARE = GEMMINI.template.hardware(4, 64, 32)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small design in place of the accelerator."""

    def instead(_sources: object, _top: str, _parameters: object, *how: Any) -> Synthesis:
        return synthesise_design([SOURCE], "tiny", {"Rows": 256}, *how)

    monkeypatch.setattr(stage, "synthesise_design", instead)


@pytest.mark.usefixtures("tiny")
def test_cells_are_those_of_the_file_and_memories_of_its_feature_size(tmp_path: Path) -> None:
    liberty = write_liberty(tmp_path / "of my own.lib")
    results = [
        stage.synthesize("gemmini", HARDWARE, liberty, nanometres, cache=tmp_path / "units") for nanometres in (90, 45)
    ]
    for result in results:
        assert {cell for netlist in result.netlists.values() for cell in netlist.cells} <= set(AREAS)
    tables = [stage.module_table(result).set_index("module") for result in results]
    cells, memories = (tables[0].index[tables[0]["memory"] == memory] for memory in (False, True))
    assert list(tables[0].loc[cells, "area_mm2"]) == list(tables[1].loc[cells, "area_mm2"])
    assert list(tables[0].loc[memories, "area_mm2"] / tables[1].loc[memories, "area_mm2"]) == pytest.approx([4.0])
    assert stage.summary(results[0])["liberty"] == "mini"


def test_its_feature_size_has_to_be_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--liberty needs --nanometres"):
        stage.synthesize("gemmini", HARDWARE, write_liberty(tmp_path / "mini.lib"))


def test_a_path_where_no_file_is_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.lib: no such Liberty file"):
        stage.synthesize("gemmini", HARDWARE, tmp_path / "none.lib", 45)
