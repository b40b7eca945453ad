"""Copying a template design and checking one's own, outside of the project."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipeline import foreign
from pipeline.cli import command_line
from pipeline.files import ROOT
from pipeline.stages.design import copy_design, tasks_for
from rtl.design import Design
from rtl.generate import generate
from sim.build import elaborate
from sim.design import Design as Generated
from tests.machines import GEMMINI

POINT = GEMMINI.template.hardware(4, 32, 1)
CLI = [sys.executable, "-m", "pipeline.cli"]


def dosa_hil(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    return subprocess.run([*CLI, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("template", ["output_stationary", "gemmini_commands"])
def test_a_copy_has_all_its_sources_and_replaces_nothing(tmp_path: Path, template: str) -> None:
    new = ["design", "new", str(tmp_path / "mine")]
    made = CliRunner().invoke(command_line("design"), [*new, "--from", template])
    assert made.exit_code == 0, made.output
    design, original = Design.read(str(tmp_path / "mine")), Design.read(template)
    assert [path.name for path in design.sources] == [path.name for path in original.sources]
    assert all(path.parent == tmp_path / "mine" for path in design.sources)
    assert design.file.parameters == original.file.parameters
    again = CliRunner().invoke(command_line("design"), new)
    assert str(again.exception) == f"{tmp_path / 'mine'}: exists already; name a new folder"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("while True: pass", "mine/compiler.py: no result after 0.5 s of CPU time"),
        ("return 1 // 0", "mine/compiler.py: ZeroDivisionError: integer division or modulo by zero"),
        ("raise ValueError('never')", "the compiler took 0 of 30 random mappings; it said: never"),
    ],
)
def test_a_compiler_that_makes_no_programs_ends_the_check_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    monkeypatch.setattr(foreign, "LIMIT_SECONDS", 0.5)
    copy_design("output_stationary", tmp_path / "mine")
    text = f"def compile_program(layer, mapping, hardware, *, partial_sums='spill'):\n    {body}\n"
    (tmp_path / "mine" / "compiler.py").write_text(text, encoding="utf-8")
    design = Generated.load(generate(POINT, tmp_path / "made", design=str(tmp_path / "mine")))
    assert tasks_for(design, POINT, 3) == ([], [message])


@pytest.mark.parametrize("change", [-1, 1])
def test_counters_that_are_not_those_of_the_port_do_not_elaborate(tmp_path: Path, change: int) -> None:
    copy_design("output_stationary", tmp_path / "mine")
    path = tmp_path / "mine" / "design.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["counters"] = content["counters"][:-1] if change < 0 else [*content["counters"], "host_cycles"]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    design = Generated.load(generate(POINT, tmp_path / "made", design=str(tmp_path / "mine")))
    count = 12 + change
    said = f"counters_o of output_stationary has 768 bits, design.yaml names {count} counters of 64 bits"
    with pytest.raises(ValueError, match=said):
        elaborate(design)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("design.yaml", "top: [", "error: "),
        ("machine.yaml", "buffers: 7", "error: mine/machine.yaml: buffers: "),
        ("machine.py", "def make_machine(f, m, p): return None", "error: mine/machine.py: the machine's name is None"),
        ("compiler.py", "raise SystemExit", "FAILED compiler.py loads"),
    ],
)
def test_a_hostile_folder_ends_the_check_with_one_error(tmp_path: Path, file: str, text: str, message: str) -> None:
    copy_design("output_stationary", tmp_path / "mine")
    (tmp_path / "mine" / file).write_text(text, encoding="utf-8")
    done = CliRunner().invoke(command_line("design"), ["design", "check", str(tmp_path / "mine")])
    assert done.exit_code == 1
    said = done.output + (f"error: {done.exception}" if isinstance(done.exception, ValueError) else "")
    assert message in said
    assert said.count("error: ") + said.count("FAILED") == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("file", "old", "new", "step"),
    [
        ("compiler.py", "def compile_program", "def compile_it", "FAILED compiler.py loads"),
        ("output_array.sv", "input_valid_i", "input_valid_i", ""),
        (
            "output_stationary.sv",
            ".result_ready_i(result_room)",
            ".result_ready_i(result_room && (Datapath || !result_valid))",
            "FAILED the timing build has the same cycles",
        ),
        ("queue.sv", "pushed_q <= pushed_q + 1'b1", "pushed_q <= pushed_q + nothing", "FAILED sources pass the linter"),
        (
            "output_stationary_pkg.sv",
            "return rounded[7:0]",
            "return rounded[7:0] ^ 8'd1",
            "FAILED results are right, every byte",
        ),
        ("output_stationary_pkg.sv", "return 8'h7f", "return 8'h7e", "FAILED results are right, every byte"),
        ("output_stationary_pkg.sv", "return 8'h80", "return 8'h81", "FAILED results are right, every byte"),
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
