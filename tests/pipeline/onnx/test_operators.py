"""Every operator with products is imported with the multiply-accumulates of a run of it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benches.onnx_oracle import macs
from pipeline.onnx.importer import import_onnx
from pipeline.workload import Layer

F, U8, I8, I32 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32
SCALE, ZERO = np.float32(0.5), np.uint8(3)


def save(
    path: Path,
    node: onnx.NodeProto,
    inputs: dict[str, tuple[int, tuple[int, ...]]],
    outputs: int = 1,
    **constants: Any,
) -> Path:
    """A model of one operator; ``inputs`` are element types and shapes by name."""
    opsets = [helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)]
    values = [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()]
    results = [onnx.ValueInfoProto(name=name) for name in node.output[:outputs]]
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph([node], "g", values, results, weights)
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def op(kind: str, names: str, domain: str = "", **attributes: Any) -> onnx.NodeProto:
    inputs = ["" if name == "-" else name for name in names.split()]
    return helper.make_node(kind, inputs, ["out"], domain=domain, **attributes)


def layers(path: Path) -> dict[Layer, int]:
    workload = import_onnx(path, "a").workload
    assert workload is not None
    return {entry.layer: entry.count for entry in workload.layers}


QUANTISED = {"xs": SCALE, "xz": ZERO, "ws": SCALE, "wz": np.uint8(2), "ys": SCALE, "yz": ZERO}
IMAGE, TAPS = (1, 4, 9, 8), (6, 2, 3, 2)
LSTM = {"x": (F, (5, 2, 3)), "w": (F, (1, 16, 3)), "r": (F, (1, 16, 4))}
GRU = {"x": (F, (5, 2, 3)), "w": (F, (2, 12, 3)), "r": (F, (2, 12, 4))}
MS = "com.microsoft"


@pytest.mark.parametrize(
    ("node", "inputs", "constants"),
    [
        (op("Conv", "x w", group=2, strides=[2, 1]), {"x": (F, IMAGE), "w": (F, TAPS)}, {}),
        (op("ConvInteger", "x w", group=2, pads=[1, 0, 1, 2]), {"x": (U8, IMAGE), "w": (U8, TAPS)}, {}),
        (op("QLinearConv", "x xs xz w ws wz ys yz", group=2), {"x": (U8, IMAGE), "w": (U8, TAPS)}, QUANTISED),
        (op("QLinearMatMul", "x xs xz w ws wz ys yz"), {"x": (U8, (2, 5, 3)), "w": (U8, (3, 4))}, QUANTISED),
        (op("MatMulInteger", "x w"), {"x": (U8, (2, 5, 3)), "w": (I8, (2, 3, 4))}, {}),
        (op("FusedMatMul", "x w", MS, transB=1), {"x": (F, (5, 3)), "w": (F, (4, 3))}, {}),
        (op("FusedConv", "x w", MS, group=2, activation="Relu"), {"x": (F, IMAGE), "w": (F, TAPS)}, {}),
        (op("DynamicQuantizeMatMul", "x w s", MS), {"x": (F, (5, 3)), "w": (I8, (3, 4))}, {"s": SCALE}),
        (op("QGemm", "x xs xz w ws wz - ys yz", MS), {"x": (U8, (5, 3)), "w": (U8, (3, 4))}, QUANTISED),
        (op("LSTM", "x w r", hidden_size=4), LSTM, {}),
        (op("GRU", "x w r", hidden_size=4, direction="bidirectional"), GRU, {}),
        (op("RNN", "x w r", hidden_size=4), LSTM | {"w": (F, (1, 4, 3)), "r": (F, (1, 4, 4))}, {}),
        (op("Einsum", "x w", equation="bhqd,bhkd->bhqk"), {"x": (F, (2, 3, 4, 5)), "w": (F, (2, 3, 6, 5))}, {}),
        (op("Einsum", "x w", equation="ij,jk"), {"x": (F, (4, 5)), "w": (F, (5, 6))}, {}),
        (op("Einsum", "x w", equation="...ij,kj->...ik"), {"x": (F, (2, 3, 4, 5)), "w": (F, (6, 5))}, {}),
        (op("Einsum", "x w", equation="i,j->ij"), {"x": (F, (4,)), "w": (F, (6,))}, {}),
    ],
    ids=lambda item: item.op_type if isinstance(item, onnx.NodeProto) else "",
)
def test_an_operator_has_the_macs_of_its_run(
    tmp_path: Path, node: onnx.NodeProto, inputs: dict[str, tuple[int, tuple[int, ...]]], constants: dict[str, Any]
) -> None:
    path = save(tmp_path / "a.onnx", node, inputs, **constants)
    imported = import_onnx(path, "a")
    assert imported.macs == macs(path) if "->" in str(node) or node.op_type != "Einsum" else 120
    assert imported.macs > 0
    assert not imported.left_out


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("taps", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_a_transposed_convolution_multiplies_each_pixel_with_each_tap(
    tmp_path: Path, stride: int, taps: int, dilation: int
) -> None:
    node = op("ConvTranspose", "x w", group=2, strides=[stride, stride], dilations=[dilation, dilation])
    path = save(tmp_path / "a.onnx", node, {"x": (F, (1, 4, 5, 6)), "w": (F, (4, 3, taps, taps))})
    assert import_onnx(path, "a").macs == macs(path) == 4 * 5 * 6 * 3 * taps * taps


def test_a_transposed_convolution_is_one_convolution_for_each_phase(tmp_path: Path) -> None:
    node = op("ConvTranspose", "x w", strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    path = save(tmp_path / "a.onnx", node, {"x": (F, (1, 8, 7, 7)), "w": (F, (8, 4, 3, 3))})
    phases = {Layer(2, 2, 7, 7, 8, 4): 1, Layer(2, 1, 7, 7, 8, 4): 1, Layer(1, 2, 7, 7, 8, 4): 1}
    assert layers(path) == phases | {Layer(1, 1, 7, 7, 8, 4): 1}


def test_an_einsum_that_is_no_product_is_left_out_or_none(tmp_path: Path) -> None:
    shapes = {"x": (F, (4, 5)), "w": (F, (4, 5)), "v": (F, (5, 6))}
    element = save(tmp_path / "a.onnx", op("Einsum", "x w", equation="ij,ij->ij"), shapes)
    assert import_onnx(element, "a").without_products == {"Einsum": 1}
    three = save(tmp_path / "b.onnx", op("Einsum", "x w v", equation="ij,ij,jk->ik"), shapes)
    (left_out,) = import_onnx(three, "a").left_out
    assert left_out.macs == 2 * 4 * 5 * 6


def test_attention_is_the_products_of_its_heads(tmp_path: Path) -> None:
    inputs = {"q": (F, (2, 8, 5, 16)), "k": (F, (2, 2, 9, 16)), "v": (F, (2, 2, 9, 4))}
    path = save(tmp_path / "a.onnx", op("Attention", "q k v"), inputs)
    assert layers(path) == {Layer(1, 1, 20, 1, 16, 9): 4, Layer(1, 1, 20, 1, 9, 4): 4}
    assert import_onnx(path, "a").macs == 2 * 8 * 5 * 9 * (16 + 4)


def test_a_decoder_step_multiplies_with_vectors_over_the_cache(tmp_path: Path) -> None:
    inputs = {"q": (F, (1, 1, 32)), "k": (F, (1, 1, 32)), "v": (F, (1, 1, 32))}
    past = {"pk": (F, (1, 4, 7, 8)), "pv": (F, (1, 4, 7, 8))}
    node = helper.make_node(
        "Attention", ["q", "k", "v", "", "pk", "pv"], ["o", "k2", "v2"], q_num_heads=4, kv_num_heads=4
    )
    path = save(tmp_path / "a.onnx", node, inputs | past)
    assert layers(path) == {Layer(1, 1, 1, 1, 8, 8): 8}  # 8 keys of 8 values: both products have one shape


def test_heads_that_share_keys_form_one_product_of_more_rows(tmp_path: Path) -> None:
    inputs = {"q": (F, (1, 5, 64)), "k": (F, (1, 5, 16)), "v": (F, (1, 5, 16))}
    ends = {"s": np.array([4], np.int32), "t": np.array(5, np.int32)}
    node = op("GroupQueryAttention", "q k v - - s t", MS, num_heads=8, kv_num_heads=2)
    path = save(tmp_path / "a.onnx", node, inputs, **ends)
    assert layers(path) == {Layer(1, 1, 20, 1, 8, 5): 2, Layer(1, 1, 20, 1, 5, 8): 2}


def test_fused_attention_has_its_projection_too(tmp_path: Path) -> None:
    inputs = {"x": (F, (2, 5, 12)), "w": (F, (12, 36)), "b": (F, (36,))}
    path = save(tmp_path / "a.onnx", op("Attention", "x w b", MS, num_heads=3), inputs)
    assert import_onnx(path, "a").macs == 2 * 5 * 12 * 36 + 2 * 2 * 5 * 5 * 12


def test_weights_between_quantise_operators_are_constants(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["wq", "s"], ["w"]),
        helper.make_node("QuantizeLinear", ["x", "s"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s"], ["d"]),
        helper.make_node("MatMul", ["d", "w"], ["y"]),
        helper.make_node("MatMul", ["w", "v"], ["unused"]),
    ]
    weights = [
        numpy_helper.from_array(value, name)
        for name, value in {"wq": np.ones((3, 4), np.uint8), "s": SCALE, "v": np.ones((4, 2), np.float32)}.items()
    ]
    value = helper.make_tensor_value_info("x", F, (5, 3))
    graph = helper.make_graph(nodes, "g", [value], [onnx.ValueInfoProto(name="y")], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "a.onnx")
    imported = import_onnx(tmp_path / "a.onnx", "a")
    assert imported.macs == 60
    assert imported.without_products["MatMul of constants"] == 1


def test_an_operator_of_an_unknown_domain_is_named(tmp_path: Path) -> None:
    nodes = [helper.make_node("Mine", ["x"], ["y"], domain="me"), helper.make_node("MatMul", ["x", "w"], ["z"])]
    values = [helper.make_tensor_value_info(name, F, shape) for name, shape in {"x": (2, 3), "w": (3, 4)}.items()]
    graph = helper.make_graph(nodes, "g", values, [onnx.ValueInfoProto(name="z")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("me", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), tmp_path / "a.onnx")
    imported = import_onnx(tmp_path / "a.onnx", "a")
    assert imported.macs == 24
    assert [str(item) for item in imported.left_out] == [
        "1 x me.Mine: operators of 'me' are not known (how many MACs is not known)"
    ]
