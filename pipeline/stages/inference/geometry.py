"""Convolutions as ONNX describes them, and placed into the frame of the accelerator.

The accelerator's input has (outputs x stride) rows, and its windows start floor(taps / 2) before it. A convolution with
other padding runs as a larger one of that form: its input is shifted, and what comes out too much is cut off.
"""

from dataclasses import dataclass
from math import ceil

import onnx

from pipeline.onnx.tensors import attribute, integer, integers


@dataclass(frozen=True, slots=True)
class Convolution:
    """Sizes of a convolution, rows before columns; ``pads`` are top, left, bottom, right."""

    groups: int
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pads: tuple[int, int, int, int]
    outputs: tuple[int, int]


def convolution(node: onnx.NodeProto, source: tuple[int, ...], taps: tuple[int, ...]) -> Convolution:
    """The form of a two-dimensional convolution. Raises ValueError where it is another, or leaves nothing."""
    if len(source) != 4 or len(taps) != 4:
        raise ValueError(f"its input has {len(source) - 2} spatial axes, 2 are accelerated")
    stride, dilation = integers(node, "strides", 2), integers(node, "dilations", 2)
    mode = attribute(node, "auto_pad", "NOTSET")
    spans = [(taps[2 + i] - 1) * dilation[i] + 1 for i in range(2)]
    pads = attribute(node, "pads", [0, 0, 0, 0])
    if mode in {"SAME_UPPER", "SAME_LOWER"}:
        needs = [max(0, (ceil(source[2 + i] / stride[i]) - 1) * stride[i] + spans[i] - source[2 + i]) for i in range(2)]
        before = [(need + (mode == "SAME_LOWER")) // 2 for need in needs]
        pads = [*before, *(need - first for need, first in zip(needs, before, strict=True))]
    outputs = [(source[2 + i] + pads[i] + pads[2 + i] - spans[i]) // stride[i] + 1 for i in range(2)]
    if min(outputs) < 1:
        raise ValueError(f"its input of {source[2]} x {source[3]} leaves no output")
    return Convolution(
        integer(node, "group", 1),
        (stride[0], stride[1]),
        (dilation[0], dilation[1]),
        (pads[0], pads[1], pads[2], pads[3]),
        (outputs[0], outputs[1]),
    )


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a convolution in the accelerator's frame.

    Input element i is the original one ``i + offset`` (outside it: the zero point); of ``outputs`` results those from
    ``first`` on are wanted.
    """

    outputs: int
    first: int
    offset: int


def framed(size: int, taps: int, stride: int, dilation: int, pad: int, outputs: int) -> Axis:
    """The frame of an axis of ``size`` input elements with ``pad`` of them added before."""
    before = taps // 2
    first = max(0, ceil((before - pad) / stride))
    offset = before - pad - first * stride
    reach = (outputs - 1 + first) * stride + (taps - 1) * dilation - before
    last = min(size - 1 - offset, reach)
    return Axis(max(outputs + first, ceil((last + 1) / stride)), first, offset)
