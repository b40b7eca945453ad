"""Liberty files: what is read of them, and what is said of files that are none."""

from pathlib import Path

import pytest

from pipeline.synthesis import tools
from pipeline.synthesis.layout import with_layout_areas
from pipeline.synthesis.liberty import read_liberty
from tests.synthesis.cells import AREAS, write_liberty


def test_areas_kinds_and_leakage_are_read(tmp_path: Path) -> None:
    liberty = read_liberty(write_liberty(tmp_path / "mini.lib"))
    assert {name: cell.area for name, cell in liberty.cells.items()} == AREAS
    assert {name for name, cell in liberty.cells.items() if cell.registers} == {"DFF", "DFFR"}
    assert liberty.cells["DFF"].leakage_nw == 2
    assert liberty.buffer.name == "BUF"
    assert (liberty.time_unit_ns, liberty.capacitance_unit_ff, liberty.volts) == (1.0, 1000.0, 1.8)
    register = liberty.cells["DFFR"]
    assert (register.clock, register.data) == ("CK", "D")
    assert register.loads == {"CK": 0.001, "D": 0.001, "R": 0.001}


def test_leakage_by_state_is_averaged(tmp_path: Path) -> None:
    path = write_liberty(tmp_path / "mini.lib")
    by_state = 'leakage_power () { when : "A"; value : 1; } leakage_power () { when : "!A"; value : 3; }'
    path.write_text(path.read_text().replace("cell_leakage_power : 2;", by_state), encoding="utf-8")
    assert read_liberty(path).cells["DFF"].leakage_nw == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "not a Liberty file"),
        ("library(a) { cell(INV) { area : 1; } }", "has no flip-flop"),
        ("library(a) { cell(INV) { } }", "not a Liberty file"),
    ],
)
def test_other_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "other.lib"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as error:
        read_liberty(path)
    assert "other.lib" in str(error.value)


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "DEFAULT_LIBERTY", tmp_path / "none.lib")
    with pytest.raises(ValueError, match="apt install qflow-tech-osu018"):
        tools.liberty_file(None)
    with pytest.raises(ValueError, match=r"none\.lib: no such Liberty file"):
        tools.liberty_file(tmp_path / "none.lib")
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda _: None)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="pip install pyosys"):
        tools.check_yosys()


def test_areas_of_the_layout_win(tmp_path: Path) -> None:
    path = write_liberty(tmp_path / "mini.lib")
    assert with_layout_areas(path, tmp_path / "kept") == path
    lef = path.with_suffix(".lef")
    lef.write_text("MACRO INV\n  SIZE 2 BY 1 ;\nEND INV\nMACRO NOR2\n  CLASS CORE ;\n  SIZE 1.5 BY 5 ;\nEND NOR2\n")
    corrected = read_liberty(with_layout_areas(path, tmp_path / "kept"))
    assert {name: cell.area for name, cell in corrected.cells.items()} == AREAS | {"NOR2": 7.5}
    lef.write_text("MACRO INV\n  SIZE 2 BY 1 ;\nEND INV\n")
    assert with_layout_areas(path, tmp_path / "kept") == path
