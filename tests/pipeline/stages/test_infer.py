"""``dosa-hil infer``: a network trained and quantised here, on a design that a short search finds."""

from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest

from pipeline.cli import main
from tests.pipeline.stages.digits import TEST_IMAGES, trained_digits

pytestmark = [
    pytest.mark.xdist_group("rtl"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["dosa-hil", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.long
@pytest.mark.parametrize("per_channel", [False, True])
def test_digits_are_read_by_the_design_that_was_found_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], per_channel: bool
) -> None:
    digits = trained_digits(tmp_path, per_channel=per_channel)
    workload, found, samples = tmp_path / "digits.yaml", tmp_path / "found", tmp_path / "x.npz"
    np.savez(samples, image=digits.images, labels=digits.labels)
    assert command(monkeypatch, "workloads", "import", digits.path, workload) == 0
    options = ("--method", "random", "--evaluations", 200, "--seed", 0, "--fix-hardware", "4,16,8")
    assert command(monkeypatch, "search", "--workload", workload, *options, "--out", found) == 0
    assert command(monkeypatch, "infer", digits.path, found, "--input", samples) == 0
    table, said = pd.read_csv(found / "inference.csv"), capsys.readouterr().out
    assert len(table) == 3
    assert table["mapping.found"].all()
    assert (table["wrong"] == 0).all()
    assert (table["rounded.steps"] <= 1).all()
    assert f"same prediction in {TEST_IMAGES} of {TEST_IMAGES}" in said
    right = int(said.split(" right, onnxruntime")[0].split()[-3])
    assert right >= 90


def test_a_model_without_quantised_products_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]>'
        " g (float[1,4] x, float[4,5] w) => (float[1,5] y) { y = MatMul (x, w) }"
    )
    onnx.save(model, tmp_path / "a.onnx")
    assert command(monkeypatch, "infer", tmp_path / "a.onnx", tmp_path) == 1
    assert (
        "has no quantised convolution or product (MatMul 'y': its operand 'x' is not quantised)"
        in capsys.readouterr().err
    )


def test_a_folder_without_a_design_is_refused_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 9, opset_import: ["" : 19]>'
        " g (uint8[1,4] q, float s, uint8 z, int8[4,5] w, int8 wz) => (uint8[1,5] r)"
        " { r = QLinearMatMul (q, s, z, w, s, wz, s, z) }"
    )
    onnx.save(model, tmp_path / "a.onnx")
    assert command(monkeypatch, "infer", tmp_path / "a.onnx", tmp_path) == 1
    assert "design.json: No such file" in capsys.readouterr().err
