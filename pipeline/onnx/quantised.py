"""Finds the quantised convolutions, products, additions and poolings of a model that an int8 accelerator can run.

Two forms are read: QLinearConv, QLinearMatMul, QLinearAdd and a MaxPool of a quantised tensor, and a Conv, Gemm,
MatMul, Add or MaxPool between DequantizeLinear and QuantizeLinear, possibly with a Relu or Clip before the latter, as
quantisers write it. Such a group becomes one step from the quantised input to the quantised output; the tensors inside
are not computed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import onnx

from pipeline.onnx.tensors import integer, label, operator

CLIPS = {"Relu", "Clip"}
Kind = Literal["addition", "max_pool"]
"""Operators beside products."""
SUMS = {"Add", "QLinearAdd"}
QUANTISED = {"QuantizeLinear", "QLinearConv", "QLinearMatMul", "QLinearAdd", "MaxPool", "Reshape", "Transpose"}
"""Operators that may make the quantised input of a pooling."""


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
    def sources(self) -> tuple[Operand, ...]:
        """What other operators may have made."""
        return (self.source,)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors that the step needs."""
        return _names([self.source, self.weights], self.result, self.clip) + ((self.bias,) if self.bias else ())


@dataclass(frozen=True, slots=True)
class QuantisedOperator:
    """An addition or a max pooling of quantised tensors to a quantised result; ``clip`` as above.

    Scales and zero points have no names where a pooling works on quantised values.
    """

    kind: Kind
    node: onnx.NodeProto
    sources: tuple[Operand, ...]
    result: Operand
    clip: onnx.NodeProto | None

    @property
    def name(self) -> str:
        """Name for people."""
        return label(self.node)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors that the step needs."""
        return _names(self.sources, self.result, self.clip)


Step = QuantisedStep | QuantisedOperator


def _names(operands: Sequence[Operand], result: Operand, clip: onnx.NodeProto | None) -> tuple[str, ...]:
    names = [operand.name for operand in operands]
    names += [name for operand in (*operands, result) for name in (operand.scale, operand.zero)]
    names += list(clip.input[1:]) if clip is not None else []
    return tuple(name for name in names if name)


@dataclass(frozen=True, slots=True)
class Partition:
    """Steps for the accelerator by the name of their result, and why others stay on the host."""

    steps: Mapping[str, Step]
    host: tuple[tuple[str, str], ...]
    """(operator and name, reason)."""


def partition(graph: onnx.GraphProto) -> Partition:
    """The quantised steps of ``graph``."""
    finder = _Finder(graph)
    steps: dict[str, Step] = {}
    host: list[tuple[str, str]] = []
    for node in graph.node:
        if node.op_type not in _READERS or (node.op_type in SUMS and not finder.may_add(node)):
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
        self.constants = {tensor.name for tensor in graph.initializer}
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

    def may_add(self, node: onnx.NodeProto) -> bool:
        """Whether an addition is one of two quantised tensors that other operators make."""
        if node.op_type == "QLinearAdd":
            return not {node.input[0], node.input[3]} & self.constants
        makers = [self.producer.get(name) for name in node.input]
        return all(m is not None and m.op_type == "DequantizeLinear" for m in makers) and not any(
            m.input[0] in self.constants for m in makers if m is not None
        )

    def result(self, node: onnx.NodeProto) -> tuple[Operand, onnx.NodeProto | None]:
        """What the result of ``node`` is quantised to, and what clips it before. Raises ValueError where it is not."""
        user, clip = self.only_user(node.output[0]), None
        if user.op_type in CLIPS:
            clip, user = user, self.only_user(user.output[0])
        if user.op_type != "QuantizeLinear":
            raise ValueError(f"its result goes to {operator(user)} before it is quantised")
        return Operand(user.output[0], user.input[1], user.input[2] if len(user.input) > 2 else ""), clip

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
    result, clip = finder.result(node)
    return QuantisedStep(node, source, weights, bias, float_bias, result, clip)


def _whole(finder: _Finder, node: onnx.NodeProto) -> QuantisedStep:
    """QLinearConv and QLinearMatMul."""
    names = list(node.input)
    source, weights = Operand(*names[0:3]), Operand(*names[3:6])
    bias = names[8] if node.op_type == "QLinearConv" and len(names) > 8 else ""
    return QuantisedStep(node, source, weights, bias, False, Operand(node.output[0], *names[6:8]), None)


def _sum(finder: _Finder, node: onnx.NodeProto) -> QuantisedOperator:
    """An addition between quantised tensors."""
    result, clip = finder.result(node)
    sources = (finder.dequantised(node.input[0]), finder.dequantised(node.input[1]))
    return QuantisedOperator("addition", node, sources, result, clip)


def _whole_sum(finder: _Finder, node: onnx.NodeProto) -> QuantisedOperator:
    """QLinearAdd."""
    names = [*node.input, ""][:8]
    sources = (Operand(*names[0:3]), Operand(*names[3:6]))
    return QuantisedOperator("addition", node, sources, Operand(node.output[0], *names[6:8]), None)


def _pool(finder: _Finder, node: onnx.NodeProto) -> QuantisedOperator:
    """A max pooling between quantised tensors, or of one."""
    maker = finder.producer.get(node.input[0])
    if maker is None or maker.op_type in QUANTISED:
        same = Operand(node.input[0], "", ""), Operand(node.output[0], "", "")
        return QuantisedOperator("max_pool", node, same[:1], same[1], None)
    source = finder.dequantised(node.input[0])
    result, clip = finder.result(node)
    return QuantisedOperator("max_pool", node, (source,), result, clip)


def _scaled(node: onnx.NodeProto) -> bool:
    return any(item.name in {"alpha", "beta"} and item.f != 1.0 for item in node.attribute)


_READERS: Mapping[str, Callable[[_Finder, onnx.NodeProto], Step]] = {
    "Conv": _between,
    "Gemm": _between,
    "MatMul": _between,
    "QLinearConv": _whole,
    "QLinearMatMul": _whole,
    "Add": _sum,
    "QLinearAdd": _whole_sum,
    "MaxPool": _pool,
}
