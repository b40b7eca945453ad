"""The stage of a study that synthesises: what it asks for, and what it says where it cannot."""

import json
from pathlib import Path

import pytest

from pipeline.stages import module_areas
from pipeline.stages.reference import tiled_table
from pipeline.synthesis import tools
from pipeline.table import write_table
from pipeline.workload import load_workload
from tests.machines import GEMMINI


@pytest.fixture
def found(tmp_path: Path) -> Path:
    path = tmp_path / "mappings.csv"
    write_table(tiled_table(load_workload("bert"), GEMMINI, GEMMINI.template.hardware(8, 64, 32)), path)
    return path


def test_the_default_and_the_design_found_are_synthesised(
    found: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_areas, "synthesize", lambda design, hardware: (design, hardware.id))
    monkeypatch.setattr(module_areas, "report", lambda result, design, hardware: {"of": list(result)})
    module_areas.main(found, tmp_path / "areas.json", "gemmini")
    ids = {"default": GEMMINI.default_hardware.id, "found": GEMMINI.template.hardware(8, 64, 32).id}
    written = json.loads((tmp_path / "areas.json").read_text(encoding="utf-8"))
    assert written == {name: {"of": ["gemmini", point]} for name, point in ids.items()}


def test_without_the_tools_the_file_says_what_to_install(
    found: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda _: None)  # type: ignore[attr-defined]
    module_areas.main(found, tmp_path / "areas.json", "gemmini")
    written = json.loads((tmp_path / "areas.json").read_text(encoding="utf-8"))
    assert "pip install pyosys" in written["missing"]
    assert "pip install pyosys" in capsys.readouterr().out
