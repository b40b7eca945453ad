"""Finds the quantised convolutions and products of a model that an int8 accelerator can run.

Two forms are read: QLinearConv and QLinearMatMul, and a Conv, Gemm or MatMul between DequantizeLinear and
QuantizeLinear, possibly with a Relu or Clip before the latter, as quantisers write it. Such a group becomes one step
from the quantised input to the quantised output; the tensors inside are not computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx

from pipeline.onnx.tensors import integer, label, operator

CLIPS = {"Relu", "Clip"}


@dataclass(frozen=True, slots=True)
class Operand:
    """A quantised tensor: its name, and those of its scale and zero point ("": none, which is zero)."""

    name: str
    scale: str
    zero: str


@dataclass(frozen=True, slots=True)
class QuantisedStep:
    """An operator from quantised operands to a quantised result.

    ``bias`` is the name of an int32 tensor with scale ``source`` x ``weights``, or of a float one (``float_bias``).
    ``clip`` is the operator between product and result that clips it.
    """

    node: onnx.NodeProto
    source: Operand
    weights: Operand
    bias: str
    float_bias: bool
    result: Operand
    clip: onnx.NodeProto | None

    @property
    def name(self) -> str:
        """Name for people."""
        return label(self.node)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors that the step needs."""
        operands = (self.source, self.weights, self.result)
        names = [self.source.name, self.weights.name, self.bias]
        names += [name for operand in operands for name in (operand.scale, operand.zero)]
        names += list(self.clip.input[1:]) if self.clip is not None else []
        return tuple(name for name in names if name)


@dataclass(frozen=True, slots=True)
class Partition:
    """Steps for the accelerator by the name of their result, and why other products stay on the host."""

    steps: Mapping[str, QuantisedStep]
    host: tuple[tuple[str, str], ...]
    """(operator and name, reason)."""


def partition(graph: onnx.GraphProto) -> Partition:
    """The quantised steps of ``graph``."""
    finder = _Finder(graph)
    steps: dict[str, QuantisedStep] = {}
    host: list[tuple[str, str]] = []
    for node in graph.node:
        if node.op_type not in _READERS:
            continue
        try:
            step = _READERS[node.op_type](finder, node)
            steps[step.result.name] = step
        except ValueError as error:
            host.append((f"{operator(node)} {label(node)!r}", str(error)))
    return Partition(steps, tuple(host))


class _Finder:
    """Producers and consumers of the tensors of a graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.producer = {name: node for node in graph.node for name in node.output if name}
        self.outputs = {value.name for value in graph.output}
        self.consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.consumers.setdefault(name, []).append(node)

    def dequantised(self, name: str) -> Operand:
        """What ``name`` was before it was made float. Raises ValueError when it was not quantised."""
        node = self.producer.get(name)
        if node is None or node.op_type != "DequantizeLinear":
            raise ValueError(f"its operand {name!r} is not quantised")
        return Operand(node.input[0], node.input[1], node.input[2] if len(node.input) > 2 else "")

    def only_user(self, name: str) -> onnx.NodeProto:
        """The one operator that reads ``name``. Raises ValueError when it is needed elsewhere."""
        users = self.consumers.get(name, [])
        if len(users) != 1 or name in self.outputs:
            raise ValueError(f"its result {name!r} is needed in float")
        return users[0]


def _between(finder: _Finder, node: onnx.NodeProto) -> QuantisedStep:
    """A float operator between quantised tensors."""
    source, weights = finder.dequantised(node.input[0]), finder.dequantised(node.input[1])
    if node.op_type == "Gemm" and (integer(node, "transA", 0) or _scaled(node)):
        raise ValueError("it is transposed or scaled in a way that is not accelerated")
    bias = node.input[2] if len(node.input) > 2 else ""
    maker = finder.producer.get(bias)
    float_bias = bool(bias) and (maker is None or maker.op_type != "DequantizeLinear")
    if bias and not float_bias:
        bias = finder.dequantised(bias).name
    user, clip = finder.only_user(node.output[0]), None
    if user.op_type in CLIPS:
        clip, user = user, finder.only_user(user.output[0])
    if user.op_type != "QuantizeLinear":
        raise ValueError(f"its result goes to {operator(user)} before it is quantised")
    result = Operand(user.output[0], user.input[1], user.input[2] if len(user.input) > 2 else "")
    return QuantisedStep(node, source, weights, bias, float_bias, result, clip)


def _whole(finder: _Finder, node: onnx.NodeProto) -> QuantisedStep:
    """QLinearConv and QLinearMatMul."""
    names = list(node.input)
    source, weights = Operand(*names[0:3]), Operand(*names[3:6])
    bias = names[8] if node.op_type == "QLinearConv" and len(names) > 8 else ""
    return QuantisedStep(node, source, weights, bias, False, Operand(node.output[0], *names[6:8]), None)


def _scaled(node: onnx.NodeProto) -> bool:
    return any(item.name in {"alpha", "beta"} and item.f != 1.0 for item in node.attribute)


_READERS = {"Conv": _between, "Gemm": _between, "MatMul": _between, "QLinearConv": _whole, "QLinearMatMul": _whole}
