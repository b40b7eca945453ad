"""Quantised steps on the golden model: the sums are those of the definition, the results those of onnxruntime."""

from collections.abc import Collection
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pipeline.mapping import Mapping
from pipeline.stages.inference import lower as lowering
from pipeline.stages.inference.accelerator import Cost
from pipeline.stages.inference.host import HostWork
from pipeline.stages.inference.integers import requantised
from pipeline.stages.inference.network import Inference, Network, Runner
from pipeline.stages.inference.runs import AnyRun, Run
from pipeline.stages.inference.tensors import Int8
from pipeline.workload import Layer
from sim.compiler import OPERATORS

DIM = 4
FREE = Cost(0, 0.0, 0, Mapping(Layer(1, 1, 1, 1, 1, 1), ((), (), (), ())), False)


def golden(run: AnyRun) -> tuple[Int8, Cost]:
    """Results without an accelerator, at no cost."""
    return run.golden(), FREE


def model(
    nodes: list[onnx.NodeProto], source: tuple[int, ...], constants: dict[str, Any], kind: int = TensorProto.UINT8
) -> onnx.ModelProto:
    value = helper.make_tensor_value_info("q", kind, source)
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", [value], [helper.make_tensor_value_info("r", kind, None)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def quantised(product: onnx.NodeProto, bias: bool = True) -> list[onnx.NodeProto]:
    """``product`` of x and w, and b, to y between quantised tensors."""
    ends = [("q", "qs", "qz", "x"), ("k", "ks", "kz", "w")] + [("bq", "bs", "bz", "b")] * bias
    axis = {"axis": 0}
    nodes = [helper.make_node("DequantizeLinear", names[:3], names[3:], **axis) for names in map(list, ends)]
    return [*nodes, product, helper.make_node("QuantizeLinear", ["y", "rs", "rz"], ["r"])]


def run(folder: Path, proto: onnx.ModelProto, data: NDArray[Any], operators: Collection[str] = OPERATORS) -> Inference:
    onnx.save(proto, folder / "a.onnx")
    return Runner(Network.load(folder / "a.onnx"), DIM, golden, golden, operators=operators).run({"q": data})


def constants(
    generator: np.random.Generator, taps: tuple[int, ...], channels: int, per_channel: bool
) -> dict[str, Any]:
    """Weights, scales and zero points; results use most of their range."""
    count = channels if per_channel else 1
    scale = generator.uniform(0.01, 0.05, count).astype(np.float32)
    source = np.float32(generator.uniform(0.01, 0.05))
    spread = float(source) * 0.03 * 75 * 75 * np.sqrt(np.prod(taps[1:]))
    shape = scale if per_channel else scale[0]
    return {
        "k": generator.integers(-128, 128, taps, dtype=np.int8),
        "qs": source,
        "qz": np.uint8(generator.integers(0, 256)),
        "ks": shape,
        "kz": np.zeros_like(shape, np.int8),
        "bq": generator.integers(-5000, 5000, channels, dtype=np.int32),
        "bs": (source * scale) if per_channel else np.float32(source * scale[0]),
        "bz": np.zeros_like(shape, np.int32),
        "rs": np.float32(spread / 100),
        "rz": np.uint8(generator.integers(0, 256)),
    }


def check(result: Inference) -> None:
    (step,) = result.steps
    assert step.wrong == 0
    assert step.steps == step.alone_steps <= 1
    assert step.differs <= max(2, step.elements // 50)


def layers(result: Inference) -> list[Run]:
    """The layers of the first step."""
    return [item for item in result.steps[0].runs if isinstance(item, Run)]


@given(st.integers(0, 2**31), st.booleans())
@settings(deadline=None, max_examples=40, derandomize=True)
def test_any_convolution_has_the_result_of_onnxruntime(
    tmp_path_factory: pytest.TempPathFactory, seed: int, per_channel: bool
) -> None:
    generator = np.random.default_rng(seed)
    groups = int(generator.choice([1, 1, 2]))
    taps = (
        groups * int(generator.integers(1, 5)),
        int(generator.integers(2, 4)),
        *map(int, generator.integers(1, 5, 2)),
    )
    source = (1, groups * taps[1], *map(int, generator.integers(6, 12, 2)))
    node = helper.make_node(
        "Conv",
        ["x", "w", "b"],
        ["y"],
        group=groups,
        strides=generator.integers(1, 4, 2).tolist(),
        dilations=generator.integers(1, 3, 2).tolist(),
        pads=generator.integers(0, 4, 4).tolist(),
    )
    proto = model(quantised(node), source, constants(generator, taps, taps[0], per_channel))
    check(run(tmp_path_factory.mktemp("a"), proto, generator.integers(0, 256, source, dtype=np.uint8)))


@pytest.mark.parametrize("groups", [1, 2])
def test_weights_with_a_zero_point_start_each_output_from_a_sum_of_its_own(tmp_path: Path, groups: int) -> None:
    generator = np.random.default_rng(7)
    taps, source = (4, 3, 3, 2), (1, 3 * groups, 7, 8)
    values = constants(generator, taps, 4, False)
    values |= {"k": generator.integers(0, 256, taps, dtype=np.uint8), "kz": np.uint8(119)}
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], group=groups, strides=[2, 1], pads=[1, 0, 2, 1])
    result = run(tmp_path, model(quantised(node), source, values), generator.integers(0, 256, source, dtype=np.uint8))
    check(result)
    assert all(item.quantised.each_output for item in layers(result))


@pytest.mark.parametrize("product", [False, True])
def test_more_channels_than_can_have_scales_run_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, product: bool
) -> None:
    monkeypatch.setattr(lowering, "SCALE_CHANNELS", 4)
    generator = np.random.default_rng(8)
    taps, source = ((9, 6), (5, 6)) if product else ((9, 6, 3, 3), (1, 6, 5, 5))
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)
        if product
        else helper.make_node("Conv", ["x", "w", "b"], ["y"])
    ]
    proto = model(quantised(nodes[0]), source, constants(generator, taps, 9, True))
    result = run(tmp_path, proto, generator.integers(0, 256, source, dtype=np.uint8))
    check(result)
    assert [item.layer.K for item in layers(result)] == [4, 4, 1]


@pytest.mark.parametrize(("left", "right"), [((5, 7), (7, 4)), ((2, 3, 5, 7), (7, 4)), ((2, 5, 7), (2, 7, 4))])
def test_a_product_of_stacks_has_the_result_of_onnxruntime(
    tmp_path: Path, left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    generator = np.random.default_rng(1)
    values = constants(generator, (4, 7), 4, False) | {"k": generator.integers(-128, 128, right, dtype=np.int8)}
    proto = model(quantised(helper.make_node("MatMul", ["x", "w"], ["y"]), bias=False), left, values)
    check(run(tmp_path, proto, generator.integers(0, 256, left, dtype=np.uint8)))


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_dense_layer_and_its_relu_are_one_step(tmp_path: Path, per_channel: bool) -> None:
    generator = np.random.default_rng(2)
    values = constants(generator, (4, 7), 4, per_channel)
    nodes = quantised(helper.make_node("Gemm", ["x", "w", "b"], ["u"], transB=1))
    nodes.insert(-1, helper.make_node("Relu", ["u"], ["y"]))
    result = run(tmp_path, model(nodes, (5, 7), values), generator.integers(0, 256, (5, 7), dtype=np.uint8))
    check(result)
    assert result.outputs["r"].min() == values["rz"]


@pytest.mark.parametrize(("per_channel", "zero"), [(True, 0), (False, 0), (False, -9)])
def test_a_depthwise_convolution_runs_in_blocks_of_the_array(tmp_path: Path, per_channel: bool, zero: int) -> None:
    generator = np.random.default_rng(3)
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], group=6, pads=[1, 1, 1, 1])
    values = constants(generator, (12, 1, 3, 3), 12, per_channel)
    values["kz"] = values["kz"] + np.int8(zero)
    proto = model(quantised(node), (1, 6, 6, 6), values)
    result = run(tmp_path, proto, generator.integers(0, 256, (1, 6, 6, 6), dtype=np.uint8))
    check(result)
    assert [(item.layer.C, item.layer.K) for item in layers(result)] == [(DIM, 2 * DIM), (2, 4)]


def test_what_the_host_does_is_counted_by_kind(tmp_path: Path) -> None:
    """A convolution, then a pooling and an addition on dequantised tensors; quantisation is free."""
    generator = np.random.default_rng(4)
    taps, source = (4, 3, 3, 3), (1, 3, 8, 8)
    nodes = quantised(helper.make_node("Conv", ["x", "w", "b"], ["y"]))
    nodes[-1].output[0] = "p"
    nodes += [
        helper.make_node("DequantizeLinear", ["p", "rs", "rz"], ["f"]),
        helper.make_node("MaxPool", ["f"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Add", ["m", "m"], ["a"]),
        helper.make_node("QuantizeLinear", ["a", "rs", "rz"], ["r"]),
    ]
    proto = model(nodes, source, constants(generator, taps, 4, False))
    result = run(tmp_path, proto, generator.integers(0, 256, source, dtype=np.uint8), operators=())
    works = [item for item in result.trace if isinstance(item, HostWork)]
    sizes = {item.kind: (item.reads, item.moved_bytes, item.cycles) for item in works}
    before, after = 4 * 6 * 6, 4 * 3 * 3
    assert sizes == {
        "pooling": (4 * after, before + after, 32 * after),
        "addition": (2 * after, 3 * after, 16 * after),
    }


@given(st.integers(-(2**31), 2**31 - 1), st.floats(2.0**-30, 4.0, width=32))
@settings(deadline=None, max_examples=200)
def test_scaling_is_exact_and_rounds_half_to_even(sum_: int, scale: float) -> None:
    exact = round(sum_ * Fraction(scale))  # Python rounds fractions half to even
    assert requantised(np.array([sum_]), np.float32([scale])).tolist() == [exact]
