"""Copying a template design and checking one's own, outside of the project."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.files import ROOT
from rtl.design import Design

CLI = [sys.executable, "-m", "pipeline.cli"]


def dosa_hil(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    return subprocess.run([*CLI, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("template", ["output_stationary", "gemmini_commands"])
def test_a_copy_has_all_its_sources_and_replaces_nothing(tmp_path: Path, template: str) -> None:
    made = dosa_hil(tmp_path, "design", "new", "mine", "--from", template)
    assert made.returncode == 0, made.stderr
    design, original = Design.read(str(tmp_path / "mine")), Design.read(template)
    assert [path.name for path in design.sources] == [path.name for path in original.sources]
    assert all(path.parent == tmp_path / "mine" for path in design.sources)
    assert design.file.parameters == original.file.parameters
    again = dosa_hil(tmp_path, "design", "new", "mine")
    assert again.returncode == 1
    assert again.stderr == "error: mine: exists already; name a new folder\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("file", "old", "new", "step"),
    [
        ("compiler.py", "def compile_program", "def compile_it", "FAILED compiler.py loads"),
        ("output_array.sv", ".input_valid_i", ".input_valid_i", ""),
        ("queue.sv", "pushed_q <= pushed_q + 1'b1", "pushed_q <= pushed_q + nothing", "FAILED sources pass the linter"),
        ("output_stationary_pkg.sv", "return 8'h7f", "return 8'h7e", "FAILED results are right, every byte"),
        ("event_counters.sv", "else more[3] = 64'd1", "else more[3] = 64'd2", "FAILED cycle counters add up"),
        (
            "result_writer.sv",
            "if (aw_ready_i) aw_valid_q <= 1'b0;",
            "aw_valid_q <= 1'b0;",
            "FAILED results are right while memory stalls",
        ),
    ],
)
def test_the_check_names_the_step_that_fails(tmp_path: Path, file: str, old: str, new: str, step: str) -> None:
    assert dosa_hil(tmp_path, "design", "new", "mine").returncode == 0
    path = tmp_path / "mine" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    checked = dosa_hil(tmp_path, "design", "check", "mine", "--programs", "12")
    if not step:
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "FAILED" not in checked.stdout
        return
    assert checked.returncode == 1
    assert step in checked.stdout, checked.stdout + checked.stderr
