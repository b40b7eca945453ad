"""Sizes that a model leaves open: given by the user by name, or 1."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import add, mul, sub
from typing import Any

import onnx

from pipeline.onnx.tensors import Tensor, printable

MAX_GIVEN = 2**31 - 1

OPERATIONS = {ast.Add: add, ast.Sub: sub, ast.Mult: mul}


@dataclass(slots=True)
class OpenSizes:
    """The open sizes of one model: ``given`` ones by name, and those that were met on the way.

    ``assumed`` holds the names of sizes that were counted as 1 because none was given, in the order they were met.
    """

    batch: int | None = None
    given: Mapping[str, int] = field(default_factory=dict)
    assumed: dict[str, None] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)
    _batched: bool = False

    def __post_init__(self) -> None:
        for name, size in self.given.items():
            if not 0 <= size <= MAX_GIVEN:
                raise ValueError(f"size {name} = {size}: must be from 0 to {MAX_GIVEN}")
        if self.batch is not None and not 1 <= self.batch <= MAX_GIVEN:
            raise ValueError(f"batch size {self.batch}: must be from 1 to {MAX_GIVEN}")

    def inputs(self, graph: onnx.GraphProto) -> dict[str, Tensor]:
        """The inputs of a model with all their sizes known; ``batch`` stands for an open first axis."""
        weights = {tensor.name for tensor in graph.initializer}
        values = [value for value in graph.input if value.name not in weights]
        symbols = self._symbols(values)
        tensors = {}
        for value in values:
            kind = onnx.TypeProto()
            kind.CopyFrom(value.type)
            for index, axis in enumerate(kind.tensor_type.shape.dim if kind.HasField("tensor_type") else ()):
                if _is_open(axis):
                    axis.dim_value = self._size(_name(value.name, index, axis), symbols)
            tensors[value.name] = Tensor(kind)
        return tensors

    def depends_on_data(self, name: str) -> int:
        """The size of an axis that depends on data."""
        return self._size(name, self.given)

    def check_all_used(self) -> None:
        """Raises ValueError when a size was given that the model does not leave open."""
        unused = [name for name in self.given if name not in self._met]
        known = ", ".join(sorted(self._met)) or "none"
        if unused:
            raise ValueError(f"there is no open size {unused[0]!r}; open sizes are: {known}")
        if self.batch is not None and not self._batched:
            raise ValueError(
                f"the first axis of every input is fixed, there is no batch size to set; open sizes are: {known}"
            )

    def _symbols(self, values: Iterable[onnx.ValueInfoProto]) -> dict[str, int]:
        """Sizes of the names that are given, the batch size for those of open first axes that stand for themselves."""
        axes = [(value.name, i, axis) for value in values for i, axis in enumerate(value.type.tensor_type.shape.dim)]
        open_axes = [(i, _name(tensor, i, axis)) for tensor, i, axis in axes if _is_open(axis)]
        every = {name: 1 for _, name in open_axes}
        first = {name for index, name in open_axes if index == 0 and _expression(name, every) is None}
        self._batched = bool(first)
        batch = {} if self.batch is None else dict.fromkeys(first, self.batch)
        return batch | dict(self.given)

    def _size(self, name: str, symbols: Mapping[str, int]) -> int:
        self._met.add(name)
        if name in symbols:
            return symbols[name]
        computed = _expression(name, {known: symbols.get(known, 1) for known in self._met | set(symbols)})
        if computed is not None and computed >= 0:
            return computed
        self.assumed[name] = None
        return 1


def _is_open(axis: Any) -> bool:
    return not axis.HasField("dim_value") or axis.dim_value < 0


def _name(tensor: str, index: int, axis: Any) -> str:
    """The name of an open size: its symbol, or the tensor's name and the number of the axis."""
    return printable(axis.dim_param) or f"{printable(tensor)}.{index}"


def _expression(text: str, symbols: Mapping[str, int]) -> int | None:
    """The value of a sum or product of known names as exporters write it ("past + 1"), None for anything else."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return None if isinstance(tree, ast.Name) else _value(tree, symbols)


def _value(tree: ast.expr, symbols: Mapping[str, int]) -> int | None:
    value: int | None = None
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int):
        value = tree.value
    elif isinstance(tree, ast.Name):
        value = symbols.get(tree.id)
    elif isinstance(tree, ast.BinOp) and type(tree.op) in OPERATIONS:
        left, right = _value(tree.left, symbols), _value(tree.right, symbols)
        if left is not None and right is not None:
            value = OPERATIONS[type(tree.op)](left, right)
    return value
