"""Follows a graph from its inputs on: the sizes of every tensor, the values of small constants, and the products.

Nothing that the file says of inner tensors is used. A size that a graph computes from fixed ones is computed here as
well; one that depends on data is given by the user or counts as 1. What depends on constants and sizes alone is
computed once, before the network runs, and is no work.
"""

from collections import ChainMap, Counter
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from pipeline.onnx.evaluate import RANDOM, Evaluator
from pipeline.onnx.operators import has_products, products_of
from pipeline.onnx.products import Call, LeftOutError
from pipeline.onnx.sizes import OpenSizes
from pipeline.onnx.tensors import (
    UNKNOWN,
    Tensor,
    attribute,
    elements,
    integer,
    label,
    operator,
    printable,
    tensor_of,
    weight,
)
from pipeline.onnx.work import Found, Lost, Work

Scope = MutableMapping[str, Tensor]
Inputs = list[Tensor | None]


class Walk:
    """One pass over the graphs of a model."""

    def __init__(self, evaluator: Evaluator, sizes: OpenSizes) -> None:
        self._evaluator = evaluator
        self._sizes = sizes

    def graph(self, graph: onnx.GraphProto, scope: Scope) -> Work:
        """What ``graph`` computes; its tensors are added to ``scope``, which holds its inputs and outer tensors."""
        for proto in graph.initializer:
            scope[proto.name] = weight(proto)
        for sparse in graph.sparse_initializer:
            kind = onnx.helper.make_tensor_type_proto(sparse.values.data_type, tuple(sparse.dims))
            scope[sparse.values.name] = Tensor(kind, True)
        work = Work()
        for node in graph.node:
            work.add(self._node(node, scope))
        return work

    def _node(self, node: onnx.NodeProto, scope: Scope) -> Work:
        inputs = [scope.get(name, UNKNOWN) if name else None for name in node.input]
        flows = {"If": self._if, "Loop": self._loop, "Scan": self._scan}
        try:
            if node.op_type in flows and node.domain in {"", "ai.onnx"}:
                return flows[node.op_type](node, inputs, scope)
            if any(item.type in {onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS} for item in node.attribute):
                raise LeftOutError("its subgraphs are not imported", None)
            return self._operator(node, inputs, scope)
        except (LeftOutError, ValueError) as error:
            why = f"{operator(node)} {label(node)!r}: {error}"
            for name in node.output:
                scope.setdefault(name, Tensor(why=why))
            macs = error.macs if isinstance(error, LeftOutError) else None
            return Work(lost=[Lost(operator(node), str(error), macs)])

    def _operator(self, node: onnx.NodeProto, inputs: Inputs, scope: Scope) -> Work:
        """An operator without subgraphs. Raises LeftOutError or ValueError when its products cannot be imported."""
        known = _sizes_of(node, inputs)
        if known is not None:
            scope[node.output[0]] = known
            return Work(without=_one(node))
        constant = node.op_type not in RANDOM and all(item is None or item.constant for item in inputs)
        problem = None
        try:
            types = self._evaluator.infer(node, inputs)
        except ValueError as error:
            types, problem = {}, str(error)
        values = self._evaluator.compute(node, inputs, types) if constant else None
        names = [name for name in node.output if name]
        if values is not None:
            scope.update((name, tensor_of(value)) for name, value in zip(names, values, strict=True))
            return Work(without=_one(node, constant))
        why = next((item.why for item in inputs if item is not None and item.why), "")
        why = f"{operator(node)} {label(node)!r}: {problem}" if problem else why
        for name in names:
            scope[name] = Tensor(self._filled(node, name, types.get(name)), constant, why=why)
        if constant:
            return Work(without=_one(node, constant))
        found = products_of(Call(node, inputs, [scope[name] if name else UNKNOWN for name in node.output]))
        if not found:
            return Work(without=_one(node))
        if problem:
            raise ValueError(problem)
        return Work(products=[Found(label(node), operator(node), product) for product in found])

    def _filled(self, node: onnx.NodeProto, name: str, kind: Any) -> Any:
        """A type in which sizes that depend on data have the number that they count as."""
        if kind is None or not kind.HasField("tensor_type") or node.op_type == "Reshape":
            return kind  # a reshape to sizes that are not known may be anything
        filled = onnx.TypeProto()
        filled.CopyFrom(kind)
        for index, axis in enumerate(filled.tensor_type.shape.dim):
            if not axis.HasField("dim_value") or axis.dim_value < 0:
                axis.dim_value = self._sizes.depends_on_data(f"{printable(name)}.{index}")
        return filled

    def _if(self, node: onnx.NodeProto, inputs: Inputs, scope: Scope) -> Work:
        """A branch that is certain, or two that compute the same products."""
        condition = _value(inputs, 0)
        names = ["then_branch", "else_branch"]
        if condition is not None and condition.size == 1:
            names = names[:1] if condition.item() else names[1:]
        results: list[list[Tensor]] = []
        works: list[Work] = []
        for name in names:
            branch, inner = attribute(node, name, onnx.GraphProto()), ChainMap({}, scope)
            works.append(self.graph(branch, inner))
            results.append([inner.get(value.name, UNKNOWN) for value in branch.output])
        for name, *tensors in zip(node.output, *results, strict=False):
            alike = all(tensor.shape == tensors[0].shape for tensor in tensors)
            sure = tensors[0] if len(tensors) == 1 else Tensor(tensors[0].type)
            scope[name] = sure if alike else Tensor(why=f"If {label(node)!r}: it depends on data which branch runs")
        if all(work.same_products(works[0]) for work in works[1:]):
            return works[0]
        macs = [work.macs for work in works]
        raise LeftOutError(
            f"it depends on data which branch runs, one with {macs[0]:,} or one with {macs[1]:,} MACs", max(macs)
        )

    def _loop(self, node: onnx.NodeProto, inputs: Inputs, scope: Scope) -> Work:
        """A loop that certainly runs a known number of times, on tensors that keep their sizes."""
        body = attribute(node, "body", onnx.GraphProto())
        trips, condition = _value(inputs, 0), _value(inputs, 1)
        runs = condition is None or bool(condition.all())
        carried = [Tensor(tensor.type) if tensor is not None else UNKNOWN for tensor in inputs[2:]]
        work, results = self._body(
            body, [Tensor(tensor_of(np.array(0)).type), tensor_of(np.array(True)), *carried], scope
        )
        goes_on = bool(results) and results[0].value is not None and bool(results[0].value.all())
        same = all(a.shape is not None and a.shape == b.shape for a, b in zip(carried, results[1:], strict=False))
        sure_condition = len(inputs) < 2 or inputs[1] is None or condition is not None
        count = int(trips.item()) if trips is not None and trips.size == 1 else None
        sure = count is not None and goes_on and same and sure_condition and runs
        why = f"Loop {label(node)!r}: how often it runs depends on data"
        for index, (name, tensor) in enumerate(zip(node.output, results[1:], strict=False)):
            if index < len(carried):
                scope[name] = Tensor(tensor.type) if same else Tensor(why=why)
            else:
                scope[name] = _stack(tensor, count, 0) if sure else Tensor(why=why)
        return self._repeated(node, work, count if sure else None)

    def _scan(self, node: onnx.NodeProto, inputs: Inputs, scope: Scope) -> Work:
        """A body that runs once for every slice of its scan inputs."""
        body = attribute(node, "body", onnx.GraphProto())
        scans = integer(node, "num_scan_inputs", 0)
        if not 0 < scans <= len(inputs) or len(body.input) != len(inputs):
            raise LeftOutError("a form of Scan that is not imported", None)
        states = [Tensor(tensor.type) if tensor is not None else UNKNOWN for tensor in inputs[: len(inputs) - scans]]
        axes = attribute(node, "scan_input_axes", [0] * scans)
        slices, trips = [], set()
        for tensor, axis in zip(inputs[len(states) :], axes, strict=True):
            shape = tensor.shape if tensor is not None else None
            if tensor is None or shape is None or not -len(shape) <= axis < len(shape):
                raise LeftOutError("the sizes of what it scans are not known", None)
            trips.add(shape[axis])
            rest = shape[: axis % len(shape)] + shape[axis % len(shape) + 1 :]
            slices.append(Tensor(onnx.helper.make_tensor_type_proto(tensor.type.tensor_type.elem_type, rest)))
        work, results = self._body(body, [*states, *slices], scope)
        count = trips.pop() if len(trips) == 1 else None
        out_axes = attribute(node, "scan_output_axes", [0] * max(len(results) - len(states), 0))
        for index, (name, tensor) in enumerate(zip(node.output, results, strict=False)):
            after = index - len(states)
            scope[name] = Tensor(tensor.type) if after < 0 else _stack(tensor, count, out_axes[after])
        return self._repeated(node, work, count)

    def _body(self, body: onnx.GraphProto, inputs: list[Tensor], scope: Scope) -> tuple[Work, list[Tensor]]:
        inner: Scope = ChainMap({}, scope)
        inner.update((value.name, tensor) for value, tensor in zip(body.input, inputs, strict=False))
        work = self.graph(body, inner)
        return work, [inner.get(value.name, UNKNOWN) for value in body.output]

    def _repeated(self, node: onnx.NodeProto, body: Work, times: int | None) -> Work:
        """``times`` runs of a body. Raises LeftOutError with what is in it when the number is not known."""
        if times is None and body.multiplies:
            names = {found.name for found in body.products} | {item.operator for item in body.lost}
            inside = ", ".join(sorted(names)[:8])
            raise LeftOutError(f"how often it runs depends on data; in it: {inside}, {body.macs:,} MACs a run", None)
        work = Work(without=_one(node))
        if times != 0:
            work.add(body, times or 1)
        return work


def _value(inputs: Inputs, index: int) -> NDArray[Any] | None:
    """The value of an input, None where it is left out or not known."""
    tensor = inputs[index] if index < len(inputs) else None
    return None if tensor is None else tensor.value


def _sizes_of(node: onnx.NodeProto, inputs: Inputs) -> Tensor | None:
    """The value of Constant, Shape and Size."""
    if node.domain not in {"", "ai.onnx"} or len(node.output) != 1:
        return None
    if node.op_type == "Constant" and isinstance(value := attribute(node, "value", None), onnx.TensorProto):
        return weight(value)
    shape = inputs[0].shape if inputs and inputs[0] is not None else None
    if shape is None:
        return None
    if node.op_type == "Shape":
        return tensor_of(np.array(shape[integer(node, "start", 0) : integer(node, "end", len(shape))], np.int64))
    return tensor_of(np.array(elements(shape), np.int64)) if node.op_type == "Size" else None


def _stack(tensor: Tensor, count: int | None, axis: int) -> Tensor:
    """``count`` tensors stacked along a new axis."""
    shape = tensor.shape
    if shape is None or count is None:
        return replace(tensor, type=None, constant=False, value=None)
    place = axis % (len(shape) + 1)
    stacked = (*shape[:place], count, *shape[place:])
    return Tensor(onnx.helper.make_tensor_type_proto(tensor.type.tensor_type.elem_type, stacked))


def _one(node: onnx.NodeProto, constant: bool = False) -> Counter[str]:
    """One operator without products, or with products of constants only."""
    return Counter({f"{operator(node)} of constants" if constant and has_products(node) else operator(node): 1})
