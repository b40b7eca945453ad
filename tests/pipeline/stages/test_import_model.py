"""``dosa-hil workloads import`` says what it read and what it left out."""

import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from pipeline.cli import main
from pipeline.workload import load_workload

MODEL = """<ir_version: 8, opset_import: ["" : 17]>
g (float["b",4] x, float[4,5] w, float[1,4,3,3,3] v, float[4,4,1,1,1] u) => (z) {
    y = MatMul (x, w)
    r = Relu (y)
    z = Conv (v, u)
}"""


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["dosa-hil", "workloads", "import", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_the_closing_line_has_imported_and_all_macs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx.save(onnx.parser.parse_model(MODEL), tmp_path / "a.onnx")
    assert command(monkeypatch, tmp_path / "a.onnx", tmp_path / "my net.yaml", "--dim", "b=6") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "imported 120 of 552 MACs (21.74 %)"
    assert "operators without products: 1 Relu" in out
    assert "not imported: 1 x Conv: 3 spatial axes, 1 or 2 are imported (432 MACs)" in err
    assert "warning: only 21.74 % of the model's MACs are imported" in err
    assert load_workload(str(tmp_path / "my net.yaml")).macs == 120


def test_open_sizes_that_were_not_given_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx.save(onnx.parser.parse_model(MODEL), tmp_path / "a.onnx")
    assert command(monkeypatch, tmp_path / "a.onnx", tmp_path / "a.yaml") == 0
    assert "open sizes that count as 1 (set them with --batch N or --dim NAME=N): b" in capsys.readouterr().err


def test_reasons_are_printed_before_the_error_when_nothing_is_left(tmp_path: Path) -> None:
    text = MODEL.replace("y = MatMul (x, w)", "y = Relu (x)")
    onnx.save(onnx.parser.parse_model(text), tmp_path / "a.onnx")
    code = "from pipeline.cli import main; main()"
    arguments = [sys.executable, "-c", code, "workloads", "import", "a.onnx", "a.yaml"]
    ended = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "not imported: 1 x Conv: 3 spatial axes" in ended.stdout
    assert ended.stderr == "error: model a.onnx: holds no convolution or matrix product that can be imported\n"
    assert not (tmp_path / "a.yaml").exists()


@pytest.mark.parametrize("dim", ["b", "b=", "=3", "b=x", "b=-1"])
def test_a_malformed_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], dim: str
) -> None:
    onnx.save(onnx.parser.parse_model(MODEL), tmp_path / "a.onnx")
    assert command(monkeypatch, tmp_path / "a.onnx", tmp_path / "a.yaml", "--dim", dim) == 1
    assert f"--dim {dim!r}: expected NAME=N" in capsys.readouterr().err
