"""What is known of an ONNX tensor without running the model: its type, its sizes and, where it is small, its value."""

from dataclasses import dataclass
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

MAX_ELEMENTS = 1 << 20
"""Largest tensor whose value is followed; sizes are computed from small ones."""

MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a graph.

    ``type`` is its ONNX type (None: nothing is known), ``constant`` whether it is the same in every run, ``value`` its
    value where it is constant and small, ``why`` what made its sizes unknown.
    """

    type: Any = None
    constant: bool = False
    value: NDArray[Any] | None = None
    why: str = ""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The sizes of all axes, or None where one is not known."""
        if self.type is None or not self.type.HasField("tensor_type") or not self.type.tensor_type.HasField("shape"):
            return None
        axes = self.type.tensor_type.shape.dim
        sizes = tuple(axis.dim_value if axis.HasField("dim_value") else -1 for axis in axes)
        return None if any(size < 0 for size in sizes) else sizes


UNKNOWN = Tensor()


def tensor_of(value: NDArray[Any]) -> Tensor:
    """The constant tensor with ``value``."""
    element = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return Tensor(onnx.helper.make_tensor_type_proto(element, value.shape), True, value)


def weight(proto: onnx.TensorProto) -> Tensor:
    """An initializer; its value is read where it is small and lies in the file itself."""
    if any(size < 0 for size in proto.dims):
        return UNKNOWN
    kind = onnx.helper.make_tensor_type_proto(proto.data_type, tuple(proto.dims))
    value = None
    if elements(tuple(proto.dims)) <= MAX_ELEMENTS and proto.data_location != onnx.TensorProto.EXTERNAL:
        try:
            value = numpy_helper.to_array(proto)
        except (ValueError, TypeError, KeyError):  # damaged, or of an element type that numpy has not
            value = None
    return Tensor(kind, True, value)


def elements(shape: tuple[int, ...]) -> int:
    """Elements of a tensor of ``shape``."""
    count = 1
    for size in shape:
        count *= size
    return count


def printable(text: str | bytes) -> str:
    """``text`` without what a terminal would act on; protobuf gives text that is no UTF-8 as bytes."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return "".join(character if character.isprintable() else "?" for character in text[:MAX_NAME])


def attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    """The value of an attribute, as Python numbers, lists or text."""
    for item in node.attribute:
        if item.name == name:
            value = onnx.helper.get_attribute_value(item)
            return value.decode(errors="replace") if isinstance(value, bytes) else value
    return default


def integer(node: onnx.NodeProto, name: str, default: int) -> int:
    """The value of an integer attribute. Raises ValueError when it is something else."""
    value = attribute(node, name, default)
    if not isinstance(value, int):
        raise ValueError(f"has {name} {str(value)[:MAX_NAME]!r}, not an integer")
    return value


def integers(node: onnx.NodeProto, name: str, length: int, default: int = 1) -> tuple[int, ...]:
    """The values of a list attribute. Raises ValueError when there are not ``length`` integers of at least 1."""
    values = attribute(node, name, [default] * length)
    if not isinstance(values, list) or len(values) != length or not all(isinstance(x, int) and x > 0 for x in values):
        raise ValueError(f"has {name} {str(values)[:MAX_NAME]} for {length} axes")
    return tuple(values)


def operator(node: onnx.NodeProto) -> str:
    """The operator's type, with its domain where that is not the standard one."""
    domain = "" if node.domain in {"", "ai.onnx"} else f"{printable(node.domain)}."
    return domain + printable(node.op_type)


def label(node: onnx.NodeProto) -> str:
    """The operator's name without the path decoration of exporters, or that of its output."""
    name = printable(node.name or (node.output[0] if node.output else node.op_type))
    return name.strip("/").removesuffix(f"/{printable(node.op_type)}") or printable(node.op_type) or "layer"
