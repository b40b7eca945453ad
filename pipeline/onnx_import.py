"""Reads the convolutions and matrix products of an ONNX model as a workload.

A convolution with g groups is g independent convolutions, each on its own input and output channels, so it becomes a
layer of C / g and K / g channels that occurs g times; a depthwise one a layer of one channel. A product of stacks of
matrices occurs once for every pair, except that rows which meet the same right-hand matrix form one larger product.
An unknown batch size (first axis of an input) counts as 1.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from pipeline.workload import Layer, Workload, WorkloadLayer

MAX_BYTES = 2**31 - 1
"""Largest file that is read (the limit of the format itself; weights may lie in other files, which are not read)."""
MAX_LAYERS = 10_000
MAX_NAME = 120

WITH_PRODUCTS = {
    *("ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv", "MatMulInteger", "QLinearMatMul", "Einsum"),
    *("LSTM", "GRU", "RNN", "Attention", "If", "Loop", "Scan"),
}
"""Operators that multiply and accumulate but are not imported, alone or in their bodies."""

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Found:
    """Layers of one operator: ``layer`` occurs ``count`` times."""

    layer: Layer
    count: int


class _LeftOutError(Exception):
    """An operator that cannot be a layer, and why."""


def import_onnx(path: Path, name: str) -> tuple[Workload, list[str]]:
    """The workload ``name`` with the unique layers of the model at ``path``, and what was left out, one line a kind.

    Raises ValueError that names the file, and the operator where there is one, when the model cannot be read.
    """
    graph = _load(path)
    shapes = _shapes(graph)
    counts: dict[Layer, int] = {}
    names: dict[Layer, str] = {}
    left_out: Counter[str] = Counter()
    for node in graph.node:
        try:
            found = _layer(node, shapes)
        except _LeftOutError as reason:
            left_out[f"{_operator(node)}: {reason}"] += 1
            continue
        except ValueError as error:
            raise ValueError(f"model {path}: {_operator(node)} {_label(node)!r}: {error}") from error
        counts[found.layer] = counts.get(found.layer, 0) + found.count
        names.setdefault(found.layer, _label(node))
    if not counts:
        raise ValueError(f"model {path}: holds no convolution or matrix product that can be imported")
    if len(counts) > MAX_LAYERS:
        raise ValueError(f"model {path}: {len(counts)} unique layers, at most {MAX_LAYERS} are read")
    unique = _unique(names[layer] for layer in counts)
    layers = tuple(WorkloadLayer(*entry) for entry in zip(unique, counts, counts.values(), strict=True))
    workload = Workload(name, f"ONNX model {_printable(path.name)}", layers)
    return workload, [f"{count} x {reason}" for reason, count in sorted(left_out.items())]


def _load(path: Path) -> onnx.GraphProto:
    """The graph with the shapes that can be inferred, local functions inlined."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"model {path}: {size} bytes, at most {MAX_BYTES} are read")
        model = onnx.load_model(path, load_external_data=False)
        _fix_batch(model.graph)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except OSError as error:
        raise ValueError(f"model {path}: {error.strerror}") from error
    except DecodeError as error:
        raise ValueError(f"model {path}: is not an ONNX file") from error
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError) as error:
        raise ValueError(f"model {path}: shapes do not agree ({' '.join(str(error).split())[:200]})") from error
    if not inferred.graph.node:
        raise ValueError(f"model {path}: is not an ONNX file, or holds no operators")
    return inferred.graph


def _fix_batch(graph: onnx.GraphProto) -> None:
    """Sets an unknown first axis of the inputs to 1."""
    weights = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        axes = value.type.tensor_type.shape.dim
        if value.name not in weights and axes and not axes[0].HasField("dim_value"):
            axes[0].dim_value = 1


def _shapes(graph: onnx.GraphProto) -> Shapes:
    """Shapes of all tensors that are known in full."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape") and all(axis.HasField("dim_value") for axis in tensor.shape.dim):
            shapes.setdefault(value.name, tuple(axis.dim_value for axis in tensor.shape.dim))
    return shapes


def _layer(node: onnx.NodeProto, shapes: Shapes) -> _Found:
    """The layers of an operator. Raises ValueError when it contradicts itself."""
    kinds = {"Conv": _convolution, "Gemm": _gemm, "MatMul": _matmul}
    if node.domain not in {"", "ai.onnx"}:
        raise _LeftOutError(f"operators of {_printable(node.domain)} are not imported")
    if node.op_type not in kinds:
        products = node.op_type in WITH_PRODUCTS
        raise _LeftOutError("not imported, its products are missing" if products else "no products, needs no layer")
    if len(node.input) < 2 or not node.output:
        raise ValueError(f"has {len(node.input)} inputs and {len(node.output)} outputs")
    operands = [_shape(shapes, tensor) for tensor in node.input[:2]]
    if min((*operands[0], *operands[1]), default=0) < 1:
        raise ValueError(f"has operands of shapes {operands[0]} and {operands[1]}")
    return kinds[node.op_type](node, operands[0], operands[1], _shape(shapes, node.output[0]))


def _convolution(
    node: onnx.NodeProto, source: tuple[int, ...], weights: tuple[int, ...], result: tuple[int, ...]
) -> _Found:
    """Layouts [batch, channels, *axes] and [channels out, channels in / groups, *taps]."""
    axes = len(source) - 2
    if axes not in {1, 2}:
        raise _LeftOutError(f"{axes} spatial axes, 1 or 2 are imported")
    groups = _integer(node, "group", 1)
    if len(weights) != len(source) or len(result) != len(source):
        raise ValueError(f"has an input of shape {source}, weights of {weights} and an output of {result}")
    if groups < 1 or source[1] != weights[1] * groups or weights[0] % groups or result[1] != weights[0]:
        raise ValueError(f"has {groups} groups for an input of shape {source} and weights of {weights}")
    strides = _integers(node, "strides", axes)
    dilations = _integers(node, "dilations", axes)
    taps, outputs = weights[2:], result[2:]
    layer = Layer(
        R=taps[-1],
        S=taps[0] if axes == 2 else 1,
        P=outputs[-1],
        Q=outputs[0] if axes == 2 else 1,
        C=weights[1],
        K=weights[0] // groups,
        N=source[0],
        stride_w=strides[-1],
        stride_h=strides[0] if axes == 2 else 1,
        dilation_w=dilations[-1],
        dilation_h=dilations[0] if axes == 2 else 1,
    )
    return _Found(layer, groups)


def _gemm(node: onnx.NodeProto, left: tuple[int, ...], right: tuple[int, ...], result: tuple[int, ...]) -> _Found:
    """One product of two matrices, each possibly transposed."""
    if len(left) != 2 or len(right) != 2:
        raise ValueError(f"has operands of shapes {left} and {right}, not matrices")
    rows, depth = reversed(left) if _integer(node, "transA", 0) else left
    depth_right, columns = reversed(right) if _integer(node, "transB", 0) else right
    return _Found(_product(rows, depth, depth_right, columns), 1)


def _matmul(node: onnx.NodeProto, left: tuple[int, ...], right: tuple[int, ...], result: tuple[int, ...]) -> _Found:
    """Products of stacks of matrices; where the right stack has one matrix for many, their rows are joined."""
    left = left if len(left) > 1 else (1, *left)
    right = right if len(right) > 1 else (*right, 1)
    stacks = max(len(left), len(right)) - 2
    left_stack = (1,) * (stacks + 2 - len(left)) + left[:-2]
    right_stack = (1,) * (stacks + 2 - len(right)) + right[:-2]
    for pair in zip(left_stack, right_stack, strict=True):
        if min(pair) != 1 and pair[0] != pair[1]:
            raise ValueError(f"has operands of shapes {left} and {right}")
    joined = prod(many for many, one in zip(left_stack, right_stack, strict=True) if one == 1)
    return _Found(_product(left[-2] * joined, left[-1], right[-2], right[-1]), prod(right_stack))


def _product(rows: int, depth: int, depth_right: int, columns: int) -> Layer:
    if depth != depth_right:
        raise ValueError(f"multiplies {rows} x {depth} with {depth_right} x {columns}")
    return Layer(R=1, S=1, P=rows, Q=1, C=depth, K=columns)


def _shape(shapes: Shapes, tensor: str) -> tuple[int, ...]:
    if tensor not in shapes:
        raise _LeftOutError(f"the shape of {_printable(tensor)!r} is not known; export the model with fixed sizes")
    return shapes[tensor]


def _integer(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((int(item.i) for item in node.attribute if item.name == name), default)


def _integers(node: onnx.NodeProto, name: str, length: int) -> tuple[int, ...]:
    values = next((tuple(item.ints) for item in node.attribute if item.name == name), (1,) * length)
    if len(values) != length:
        raise ValueError(f"has {name} {list(values)} for {length} axes")
    return values


def _operator(node: onnx.NodeProto) -> str:
    return _printable(node.op_type)


def _label(node: onnx.NodeProto) -> str:
    """The operator's name without the path decoration of exporters, or that of its output."""
    name = _printable(node.name or (node.output[0] if node.output else node.op_type))
    return name.strip("/").removesuffix(f"/{_operator(node)}") or _operator(node)


def _printable(text: str | bytes) -> str:
    """``text`` without what a terminal would act on; protobuf gives text that is no UTF-8 as bytes."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return "".join(character if character.isprintable() else "?" for character in text[:MAX_NAME])


def _unique(names: Iterable[str]) -> list[str]:
    """``names`` with a number added where one occurs again."""
    taken: set[str] = set()
    result = []
    for name in names:
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        result.append(unique)
    return result
