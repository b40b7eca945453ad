"""Quantised additions on the golden model: results of the definition and of onnxruntime, and what stays on the host."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.onnx.quantised import Operand, QuantisedOperator, partition
from pipeline.stages.inference.elementwise import lower_sum
from pipeline.stages.inference.network import Inference
from tests.pipeline.stages.test_inference import model, run

SHAPE = (1, 5, 6, 7)
ENDS = [
    onnx.helper.make_node("DequantizeLinear", ["q", "as", "az"], ["a"]),
    onnx.helper.make_node("QuantizeLinear", ["a", "bs", "bz"], ["bq"]),
    onnx.helper.make_node("DequantizeLinear", ["bq", "bs", "bz"], ["b"]),
]
RESULT = onnx.helper.make_node("QuantizeLinear", ["y", "rs", "rz"], ["r"])


def constants(seed: int = 0) -> dict[str, object]:
    """Scales within a factor of a hundred of each other, and zero points."""
    generator = np.random.default_rng(seed)
    scales = np.exp(generator.uniform(-5, 0, 3)).astype(np.float32)
    zeros = generator.integers(0, 256, 3).astype(np.uint8)
    return {f"{name}{kind}": array[i] for kind, array in (("s", scales), ("z", zeros)) for i, name in enumerate("abr")}


def added(folder: Path, nodes: list[onnx.NodeProto], seed: int = 0, **options: object) -> Inference:
    data = np.random.default_rng(seed).integers(0, 256, SHAPE, dtype=np.uint8)
    return run(folder, model(nodes, SHAPE, constants(seed)), data, **options)  # type: ignore[arg-type]


@given(st.integers(0, 2**31), st.booleans())
@settings(deadline=None, max_examples=30, derandomize=True)
def test_any_addition_has_the_result_of_onnxruntime(
    tmp_path_factory: pytest.TempPathFactory, seed: int, clips: bool
) -> None:
    sums = [onnx.helper.make_node("Add", ["a", "b"], ["t" if clips else "y"])]
    sums += [onnx.helper.make_node("Relu", ["t"], ["y"])] * clips
    result = added(tmp_path_factory.mktemp("a"), [*ENDS, *sums, RESULT], seed)
    (step,) = result.steps
    assert (step.wrong, step.elements) == (0, np.prod(SHAPE))
    assert step.steps == step.alone_steps <= 1
    assert step.differs <= 4


def test_a_quantised_addition_of_the_runtime_is_a_step_as_it_is(tmp_path: Path) -> None:
    node = onnx.helper.make_node(
        "QLinearAdd", ["q", "as", "az", "bq", "bs", "bz", "rs", "rz"], ["r"], domain="com.microsoft"
    )
    proto = model([*ENDS[:2], node], SHAPE, constants())
    proto.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    result = run(tmp_path, proto, np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE))
    (step,) = result.steps
    assert step.wrong == 0
    assert step.alone_steps <= 1


def test_a_design_without_additions_leaves_them_on_the_host_and_says_so(tmp_path: Path) -> None:
    result = added(tmp_path, [*ENDS, onnx.helper.make_node("Add", ["a", "b"], ["y"]), RESULT], operators=())
    assert not result.steps
    assert result.host == (("Add 'y'", "the design has no such operator"),)


def test_operands_of_different_shapes_are_added_on_the_host(tmp_path: Path) -> None:
    nodes = [*ENDS, onnx.helper.make_node("ReduceMax", ["b"], ["c"], keepdims=1)]
    nodes += [
        onnx.helper.make_node("QuantizeLinear", ["c", "bs", "bz"], ["cq"]),
        onnx.helper.make_node("DequantizeLinear", ["cq", "bs", "bz"], ["d"]),
        onnx.helper.make_node("Add", ["a", "d"], ["y"]),
        RESULT,
    ]
    result = added(tmp_path, nodes)
    assert not result.steps
    assert result.host == (("Add 'y'", "its operands have shapes (1, 5, 6, 7) and (1, 1, 1, 1)"),)


def test_a_constant_that_is_added_is_no_step() -> None:
    found = partition(
        onnx.parser.parse_model(
            '<ir_version: 9, opset_import: ["" : 19]> g (uint8[4] q, float s, uint8 z) => (r)'
            " <uint8[4] k = {1, 2, 3, 4}> { a = DequantizeLinear (q, s, z)"
            " b = DequantizeLinear (k, s, z) y = Add (a, b) r = QuantizeLinear (y, s, z) }"
        ).graph
    )
    assert not found.steps
    assert not found.host


@pytest.mark.parametrize("scales", [(0.031, 0.017, 0.04), (0.5, 0.5, 1.0), (0.9, 0.002, 0.7), (1.0, 1.0, 255.0)])
def test_multipliers_of_22_bits_give_the_exact_sum_but_where_it_lies_next_to_a_half(
    scales: tuple[float, float, float],
) -> None:
    """All 65,536 pairs of int8 values against the exact sum of float32 scales."""
    every = np.arange(-128, 128, dtype=np.int8)
    left, right = (grid.reshape(-1) for grid in np.meshgrid(every, every))
    names = ("a", "b", "r")
    values = dict(zip((f"{name}s" for name in names), np.float32(scales).reshape(3, 1), strict=True))
    values |= {f"{name}z": np.array([zero], np.int8) for name, zero in zip(names, (3, -7, 11), strict=True)}
    operands = [Operand(name, f"{name}s", f"{name}z") for name in names]
    step = QuantisedOperator("addition", onnx.NodeProto(), (operands[0], operands[1]), operands[2], None)
    found = lower_sum(step, values | {"a": left, "b": right}).expected
    a, b, r = (Fraction(float(np.float32(scale))) for scale in scales)
    exact = [(a * (int(x) - 3) + b * (int(y) + 7)) / r + 11 for x, y in zip(left, right, strict=True)]
    expected = np.array([max(-128, min(127, round(value))) for value in exact])
    apart = np.abs(found - expected)
    assert apart.max() <= 1
    near = np.array([abs(value - round(value)) for value in exact]) > 0.4999
    assert not apart[~near].any()
