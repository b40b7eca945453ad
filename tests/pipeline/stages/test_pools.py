"""Quantised max poolings on the golden model: results of onnxruntime, and what stays on the host."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.inference.network import Inference
from tests.pipeline.stages.test_inference import model, run

SCALES: dict[str, Any] = {"s": np.float32(0.03), "z": np.uint8(77), "t": np.float32(0.04)}
BEFORE = onnx.helper.make_node("DequantizeLinear", ["q", "s", "z"], ["x"])
AFTER = onnx.helper.make_node("QuantizeLinear", ["y", "s", "z"], ["r"])


def pooled(
    folder: Path, nodes: list[onnx.NodeProto], shape: tuple[int, ...] = (1, 5, 9, 8), seed: int = 0, **options: Any
) -> Inference:
    data = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return run(folder, model(nodes, shape, SCALES), data, **options)


@given(st.integers(0, 2**31), st.sampled_from(["plain", "between", "clipped"]))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_any_max_pooling_has_the_result_of_onnxruntime(
    tmp_path_factory: pytest.TempPathFactory, seed: int, form: str
) -> None:
    generator = np.random.default_rng(seed)
    window = generator.integers(1, 5, 2)
    attributes = {
        "kernel_shape": window.tolist(),
        "strides": generator.integers(1, 4, 2).tolist(),
        "pads": [int(generator.integers(0, size)) for size in (*window, *window)],
        "ceil_mode": int(generator.integers(0, 2)),
    }
    ends = {"plain": ("q", "r"), "between": ("x", "y"), "clipped": ("x", "u")}[form]
    nodes = [onnx.helper.make_node("MaxPool", [ends[0]], [ends[1]], **attributes)]
    if form == "clipped":
        nodes.append(onnx.helper.make_node("Relu", ["u"], ["y"]))
    if form != "plain":
        nodes = [BEFORE, *nodes, AFTER]
    shape = (int(generator.integers(1, 3)), int(generator.integers(1, 6)), *generator.integers(5, 12, 2).tolist())
    result = pooled(tmp_path_factory.mktemp("a"), nodes, shape, seed)
    (step,) = result.steps
    assert (step.wrong, step.differs) == (0, 0), attributes
    assert result.outputs["r"].shape == result.reference["r"].shape


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"dilations": [2, 1]}, "its windows are dilated"),
        ({"kernel_shape": [2, 300], "pads": [0, 150, 0, 150]}, "windows of (2, 300) every (1, 1) are larger than 255"),
    ],
)
def test_windows_that_the_store_path_does_not_have_are_the_hosts(
    tmp_path: Path, attributes: dict[str, Any], why: str
) -> None:
    node = onnx.helper.make_node("MaxPool", ["q"], ["r"], **{"kernel_shape": [2, 2]} | attributes)
    result = pooled(tmp_path, [node])
    assert not result.steps
    assert result.host == (("MaxPool 'r'", why),)


def test_a_pooling_that_changes_the_scale_is_the_hosts(tmp_path: Path) -> None:
    after = onnx.helper.make_node("QuantizeLinear", ["y", "t", "z"], ["r"])
    result = pooled(tmp_path, [BEFORE, onnx.helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2]), after])
    assert result.host == (("MaxPool 'y'", "its result is quantised otherwise than its operand"),)


def test_a_pooling_of_float_values_is_the_hosts(tmp_path: Path) -> None:
    nodes = [BEFORE, onnx.helper.make_node("Exp", ["x"], ["e"])]
    nodes += [onnx.helper.make_node("MaxPool", ["e"], ["y"], kernel_shape=[2, 2]), AFTER]
    assert pooled(tmp_path, nodes).host == (("MaxPool 'y'", "its operand 'e' is not quantised"),)


def test_a_design_without_poolings_leaves_them_on_the_host_and_says_so(tmp_path: Path) -> None:
    node = onnx.helper.make_node("MaxPool", ["q"], ["r"], kernel_shape=[2, 2])
    assert pooled(tmp_path, [node], operators=()).host == (("MaxPool 'r'", "the design has no such operator"),)
