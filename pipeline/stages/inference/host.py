"""What the operators that stay on the host cost, counted in elements: for shares, not for absolute times.

A small scalar core needs about ``HOST.element_cycles`` an element that it reads, whatever the operator; between
quantised tensors every element is one byte. Quantisation belongs to the operators around it, and operators that only
rename elements cost nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from pipeline.machine.system import HOST
from pipeline.onnx.tensors import attribute, integer, label, operator

POOLS = {"MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"}
FREE = {
    *("QuantizeLinear", "DequantizeLinear", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"),
    *("Shape", "Constant", "Cast", "Relu", "Clip"),
}
"""Quantisation and clipping, which are part of what computes their input, names and sizes."""


@dataclass(frozen=True, slots=True)
class HostWork:
    """An operator on the host: elements that it reads, each as often as it is used, and bytes that it moves once."""

    kind: str
    """``pooling``, ``addition``, ``depthwise``, ``product`` or ``other``."""
    name: str
    reads: int
    moved_bytes: int

    @property
    def cycles(self) -> int:
        """Cycles of the host."""
        return self.reads * HOST.element_cycles


def host_work(
    node: onnx.NodeProto, inputs: Sequence[NDArray[Any] | None], outputs: Sequence[NDArray[Any]], live: Sequence[bool]
) -> HostWork | None:
    """The work of ``node``; ``live`` inputs depend on the sample. None where it costs nothing."""
    tensors = [value for value in inputs if value is not None]
    if node.op_type in FREE or not any(live):
        return None
    written = sum(value.size for value in outputs)
    read = sum(value.size for value in tensors)
    kind, reads = (
        "other",
        sum(value.size for value, used in zip(inputs, live, strict=True) if value is not None and used),
    )
    if node.op_type in POOLS:
        kind, reads = "pooling", max(read, written * prod(attribute(node, "kernel_shape", [1])))
    elif node.op_type in {"Add", "Sub", "QLinearAdd"} and sum(live) > 1:
        kind, reads = "addition", 2 * written
    elif node.op_type in {"Conv", "QLinearConv"}:
        weights = inputs[3 if node.op_type == "QLinearConv" else 1]
        assert weights is not None
        groups = integer(node, "group", 1)
        kind = "depthwise" if groups > 1 and weights.shape[1] == 1 else "product"
        reads = written * int(np.prod(weights.shape[1:]))
    elif node.op_type in {"MatMul", "Gemm", "QLinearMatMul"}:
        left = tensors[0]
        kind, reads = "product", written * left.shape[-1]
    return HostWork(kind, f"{operator(node)} {label(node)!r}", reads, read + written)
