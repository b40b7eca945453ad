"""The layers of operators that multiply and accumulate: convolutions and matrix products.

A convolution with g groups is g independent convolutions, each on its own input and output channels, so it becomes a
layer of C / g and K / g channels that occurs g times; a depthwise one a layer of one channel. Each reads just the input
that it needs. A product of stacks of matrices occurs once for every pair, except that rows which meet the same
right-hand matrix form one larger product. Attention and recurrent operators are in their own modules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd, prod

import onnx

from pipeline.onnx.tensors import UNKNOWN, Tensor, integer, integers, printable
from pipeline.workload import MAX_SIZE, Layer

Shape = tuple[int, ...]
Axes = tuple[int, int]
"""(columns, rows): W and H of a layer."""


class LeftOutError(Exception):
    """An operator that is not imported, why, and the multiply-accumulates that are lost (None: not known)."""

    def __init__(self, reason: str, macs: int | None) -> None:
        super().__init__(reason)
        self.macs = macs


@dataclass(frozen=True, slots=True)
class Product:
    """A convolution or product of any size, before it is known to fit into a layer's fields."""

    C: int
    K: int
    P: int
    Q: int = 1
    R: int = 1
    S: int = 1
    N: int = 1
    stride: Axes = (1, 1)
    dilation: Axes = (1, 1)
    count: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all occurrences, padding included."""
        return self.R * self.S * self.P * self.Q * self.C * self.K * self.N * self.count

    def layers(self) -> tuple[Layer, int]:
        """The layer and how often it occurs.

        An output size beyond a layer's largest is cut into equal parts, which read what they share once each.
        Raises LeftOutError where no layer can hold it.
        """
        if self.macs == 0:
            raise LeftOutError("an operand is empty", 0)
        parts = {name: _part(getattr(self, name)) for name in ("P", "Q", "K", "N")}
        count = self.count * prod(getattr(self, name) // part for name, part in parts.items())
        try:
            layer = Layer(
                R=self.R,
                S=self.S,
                C=self.C,
                **parts,
                stride_w=self.stride[0],
                stride_h=self.stride[1],
                dilation_w=self.dilation[0],
                dilation_h=self.dilation[1],
            )
        except ValueError as error:
            raise LeftOutError(str(error), self.macs) from error
        return layer, count


def _part(size: int) -> int:
    """The largest divisor of ``size`` that a layer's field holds."""
    return size if size <= MAX_SIZE else next(part for part in range(MAX_SIZE, 0, -1) if size % part == 0)


@dataclass(frozen=True, slots=True)
class Call:
    """An operator with what is known of its operands and results."""

    node: onnx.NodeProto
    inputs: Sequence[Tensor | None]
    outputs: Sequence[Tensor]

    def given(self, index: int) -> bool:
        """Whether the optional input ``index`` is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def shape(self, index: int) -> Shape:
        """Sizes of input ``index``. Raises LeftOutError when they are not known."""
        if not self.given(index):
            raise ValueError(f"has {len(self.inputs)} inputs, none at {index}")
        return _known(self.inputs[index] or UNKNOWN, self.node.input[index])

    def result(self) -> Shape:
        """Sizes of the first output. Raises LeftOutError when they are not known."""
        return _known(self.outputs[0] if self.outputs else UNKNOWN, next(iter(self.node.output), ""))


def _known(tensor: Tensor, name: str) -> Shape:
    if tensor.shape is None:
        unknown = f"the shape of {printable(name)!r} is not known"
        raise LeftOutError(f"its sizes follow from {tensor.why}" if tensor.why else unknown, None)
    return tensor.shape


def matmul(rows: int, depth: int, columns: int, count: int = 1) -> Product:
    """``count`` products of ``rows`` x ``depth`` with ``depth`` x ``columns`` values."""
    return Product(C=depth, K=columns, P=rows, count=count)


def stacked(left: Shape, right: Shape) -> Product:
    """Product of stacks of matrices as numpy.matmul; rows that meet the same right-hand matrix are joined."""
    left = left if len(left) != 1 else (1, *left)
    right = right if len(right) != 1 else (*right, 1)
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        raise ValueError(f"multiplies {left} with {right}")
    stacks = max(len(left), len(right)) - 2
    left_stack = (1,) * (stacks + 2 - len(left)) + left[:-2]
    right_stack = (1,) * (stacks + 2 - len(right)) + right[:-2]
    for pair in zip(left_stack, right_stack, strict=True):
        if 1 not in pair and pair[0] != pair[1]:
            raise ValueError(f"multiplies {left} with {right}")
    joined = prod(many for many, one in zip(left_stack, right_stack, strict=True) if one == 1)
    return matmul(left[-2] * joined, left[-1], right[-1], prod(right_stack))


def matmul_at(left: int, right: int) -> Callable[[Call], list[Product]]:
    """Reader of an operator that multiplies inputs ``left`` and ``right`` like MatMul, possibly transposed."""

    def read(call: Call) -> list[Product]:
        a, b = call.shape(left), call.shape(right)
        for name in ("transBatchA", "transBatchB"):
            if integer(call.node, name, 0):
                raise LeftOutError(f"{name} is not imported", prod(call.result()) * a[-1])
        return [stacked(_turned(a, integer(call.node, "transA", 0)), _turned(b, integer(call.node, "transB", 0)))]

    return read


def _turned(shape: Shape, transpose: int) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2]) if transpose and len(shape) > 1 else shape


def block_quantised(call: Call) -> list[Product]:
    """MatMulNBits: weights of K x N values in blocks of a few bits."""
    depth, columns = integer(call.node, "K", 0), integer(call.node, "N", 0)
    return [stacked(call.shape(0), (depth, columns))]


def linear_model(call: Call) -> list[Product]:
    """LinearRegressor and LinearClassifier of ai.onnx.ml: one product with the coefficients."""
    source = call.shape(0)
    rows, depth = (source[0], source[-1]) if len(source) == 2 else (1, source[-1] if source else 1)
    coefficients = next((len(item.floats) for item in call.node.attribute if item.name == "coefficients"), 0)
    return [matmul(rows, depth, coefficients // max(depth, 1))]


def convolution_at(weights: int) -> Callable[[Call], list[Product]]:
    """Reader of a convolution whose weights are input ``weights``.

    Layouts: input [batch, channels, *axes], weights [channels out, channels in / groups, *taps].
    """

    def read(call: Call) -> list[Product]:
        source, taps, result = call.shape(0), call.shape(weights), call.result()
        groups = _groups(call, source, taps, result)
        axes = len(source) - 2
        if axes not in {1, 2}:
            raise LeftOutError(f"{axes} spatial axes, 1 or 2 are imported", prod(result) * prod(taps[1:]))
        product = Product(
            C=taps[1],
            K=taps[0] // groups,
            P=result[-1],
            Q=result[2] if axes == 2 else 1,
            R=taps[-1],
            S=taps[2] if axes == 2 else 1,
            N=source[0],
            stride=_pair(integers(call.node, "strides", axes)),
            dilation=_pair(integers(call.node, "dilations", axes)),
            count=groups,
        )
        return [product]

    return read


def transposed_convolution(call: Call) -> list[Product]:
    """ConvTranspose with stride s: s convolutions an axis, each with every s-th tap and one output an input pixel.

    Together they multiply each input pixel with each tap once, which is what the operator does.
    """
    source, taps, result = call.shape(0), call.shape(1), call.result()
    groups = _groups(call, source, taps, result)
    axes = len(source) - 2
    macs = prod(source) * prod(taps[1:])
    if axes not in {1, 2}:
        raise LeftOutError(f"{axes} spatial axes, 1 or 2 are imported", macs)
    strides = _pair(integers(call.node, "strides", axes))
    dilations = _pair(integers(call.node, "dilations", axes))
    steps = tuple(dilation // gcd(dilation, stride) for dilation, stride in zip(dilations, strides, strict=True))
    columns = _phases(taps[-1], strides[0], dilations[0])
    rows = _phases(taps[2] if axes == 2 else 1, strides[1], dilations[1])
    return [
        Product(
            C=source[1] // groups,
            K=taps[1],
            P=source[-1],
            Q=source[2] if axes == 2 else 1,
            R=column,
            S=row,
            N=source[0],
            dilation=(steps[0], steps[1]),
            count=groups,
        )
        for column in columns
        for row in rows
    ]


def _phases(taps: int, stride: int, dilation: int) -> list[int]:
    """How many taps reach the outputs of each phase 0 .. stride - 1 of an axis, without phases that get none."""
    if stride > MAX_SIZE or taps > MAX_SIZE:
        raise ValueError(f"has {taps} taps and a stride of {stride}")
    phases = [0] * min(stride, taps * dilation)
    for tap in range(taps):
        phases[tap * dilation % stride] += 1
    return [phase for phase in phases if phase]


def _groups(call: Call, source: Shape, taps: Shape, result: Shape) -> int:
    """The number of groups. Raises ValueError where channels and axes do not fit together."""
    groups = integer(call.node, "group", 1)
    transposed = call.node.op_type == "ConvTranspose"
    if len(source) < 3 or len(taps) != len(source) or len(result) != len(source):
        raise ValueError(f"has an input of shape {source}, weights of {taps} and an output of {result}")
    fits = groups > 0 and (
        (source[1] == taps[0] and taps[0] % groups == 0 and result[1] == taps[1] * groups)
        if transposed
        else (source[1] == taps[1] * groups and taps[0] % groups == 0 and result[1] == taps[0])
    )
    if not fits:
        raise ValueError(f"has {groups} groups for an input of shape {source} and weights of {taps}")
    return groups


def _pair(values: tuple[int, ...]) -> Axes:
    """(columns, rows) of a list of one or two axes, rows first."""
    return values[-1], values[0] if len(values) == 2 else 1
