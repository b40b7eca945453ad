"""The program on docs/python.md runs; blocks marked ``<!-- long -->`` simulate and run with the long tests."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.files import ROOT

BLOCK = re.compile(r"(?P<long><!-- long -->\n+)?```python\n(?P<body>.*?)```", re.DOTALL)
BLOCKS = list(BLOCK.finditer((ROOT / "docs" / "python.md").read_text(encoding="utf-8")))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder of the program; the modules that it writes are forgotten at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def _run(blocks: list[re.Match[str]]) -> dict[str, object]:
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block["body"], f"docs/python.md, block {number}", "exec"), names)
    return names


def test_the_program_runs_without_what_simulates(folder: Path) -> None:
    names = _run([block for block in BLOCKS if not block["long"]])
    assert names["result"].evaluations <= 220
    assert (names["estimated"]["error"] == "").all()


@pytest.mark.long
def test_the_whole_program_runs(folder: Path) -> None:
    assert any(block["long"] for block in BLOCKS)
    names = _run(BLOCKS)
    assert (names["simulated"]["error"] == "").all()
    assert names["model"].metadata.rows >= 10
    assert (folder / "my.model").is_file()
