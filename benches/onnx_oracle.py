"""Multiply-accumulates of an ONNX model counted from a run of it: every operator's operands as they really were.

onnxruntime runs the model without any optimisation, with every inner tensor as an output. Operators are counted from
the shapes of those tensors, each result element times what is summed for it. Shares no code with ``pipeline.onnx``.
"""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
import onnxruntime

Shape = tuple[int, ...]
ELEMENT = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


def macs(path: Path, dims: Mapping[str, int] | None = None) -> int:
    """Multiply-accumulates of the model at ``path``; open sizes are those of ``dims`` (by symbol), else 1.

    What depends on weights, constants and sizes alone is not counted. Raises ValueError where the model has subgraphs
    or an operator that cannot be counted, and whatever onnxruntime raises when it cannot run the model.
    """
    model = onnx.load(path)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    fixed = set(shapes)
    shapes |= _run(model, dims or {})
    total = 0
    for node in model.graph.node:
        if any(item.type in {onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS} for item in node.attribute):
            raise ValueError(f"{node.op_type}: subgraphs are not counted")
        if (node.op_type in {"Shape", "Size"} or all(name in fixed for name in node.input if name)) and not (
            node.op_type.startswith("Random")
        ):
            fixed.update(node.output)
        elif node.op_type in COUNT:
            total += COUNT[node.op_type](node, [shapes.get(name) for name in node.input], shapes[node.output[0]])
    return total


def _run(model: onnx.ModelProto, dims: Mapping[str, int]) -> dict[str, Shape]:
    """Shapes of all tensors in a run with inputs of ones."""
    names = {name for node in model.graph.node for name in node.output if name}
    model.graph.ClearField("value_info")
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape") if value.type.HasField("tensor_type") else None
    known = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names - known))
    model.ir_version = min(model.ir_version, 10)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {}
    for item in session.get_inputs():
        shape = [size if isinstance(size, int) and size >= 0 else dims.get(str(size), 1) for size in item.shape]
        feeds[item.name] = np.ones(shape, ELEMENT[item.type])
    outputs = [item.name for item in session.get_outputs()]
    results: list[Any] = session.run(None, feeds)
    shapes = {name: value.shape for name, value in feeds.items()}
    return shapes | {n: v.shape for n, v in zip(outputs, results, strict=True) if isinstance(v, np.ndarray)}


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    return next((onnx.helper.get_attribute_value(item) for item in node.attribute if item.name == name), default)


def _convolution(at: int) -> Any:
    return lambda node, ins, out: prod(out) * prod(ins[at][1:])


def _transposed(node: onnx.NodeProto, ins: list[Shape], out: Shape) -> int:
    return prod(ins[0]) * prod(ins[1][1:])


def _product(node: onnx.NodeProto, ins: list[Shape], out: Shape) -> int:
    return prod(out) * (ins[0][-2] if _attribute(node, "transA", 0) else ins[0][-1])


def _einsum(node: onnx.NodeProto, ins: list[Shape], out: Shape) -> int:
    left, right = (np.zeros((), np.int8) if not shape else np.broadcast_to(np.int8(0), shape) for shape in ins)
    equation = _attribute(node, "equation", b"").decode()
    text = np.einsum_path(equation, left, right, optimize="optimal")[1]
    flops = float(text.split("Naive FLOP count:")[1].split()[0])
    letters = set(equation.split("->")[0].replace(",", "").replace(" ", "").replace(".", "")) - set(
        equation.split("->")[1]
    )
    return round(flops / (2 if letters else 1))


def _recurrent(node: onnx.NodeProto, ins: list[Shape], out: Shape) -> int:
    rows = ins[0][0] * ins[0][1]
    return rows * (prod(ins[1]) + prod(ins[2]))


COUNT: dict[str, Any] = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "FusedConv": _convolution(1),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed,
    "MatMul": _product,
    "Gemm": _product,
    "QGemm": _product,
    "FusedMatMul": _product,
    "MatMulInteger": _product,
    "MatMulIntegerToFloat": _product,
    "DynamicQuantizeMatMul": _product,
    "QLinearMatMul": _product,
    "Einsum": _einsum,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
    "DynamicQuantizeLSTM": _recurrent,
}
