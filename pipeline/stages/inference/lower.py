"""A quantised product as layers of the accelerator: int8 operands, biases and scales; and what the result must be.

Zero points go into what the sums start from: with x, w the stored values and x0, w0 their zero points,
sum((x - x0) (w - w0)) is sum(x w) - x0 sum(w) - w0 sum(x - x0). Outside the image the accelerator reads x0, so that the
second term is one number a channel, a bias; the third one, where weights have a zero point, is one number an output.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.onnx.quantised import QuantisedStep
from pipeline.onnx.tensors import integer
from pipeline.stages.inference.geometry import Axis, convolution, framed
from pipeline.stages.inference.integers import Integers, convolution_sums, product_sums
from pipeline.stages.inference.runs import Lowered, Run
from pipeline.stages.inference.tensors import Array, Int8, Quantity, Target, Values, quantity, target
from pipeline.workload import Layer
from sim.program_scales import SCALE_CHANNELS
from sim.scaling import Quantised, Scaling


@dataclass(frozen=True, slots=True)
class _Result:
    """How sums become a quantised tensor: factors, one or one a channel."""

    factors: NDArray[np.float32]
    target: Target

    def of_sums(self, sums: Integers, channel_axis: int) -> Array:
        """The definition."""
        shape = [1] * sums.ndim
        shape[channel_axis] = -1
        return self.target.of_sums(sums, self.factors.reshape(shape))

    def scaling(self, channels: slice) -> Scaling:
        """For the accelerator. Raises ValueError when a factor is out of range."""
        return self.target.scaling(self.factors[channels] if self.factors.size > 1 else self.factors)

    def parts(self, channels: int) -> list[slice]:
        """Parts of the output channels that run as layers of their own: as many as can have scales."""
        most = SCALE_CHANNELS if self.factors.size > 1 else channels
        return [slice(first, min(first + most, channels)) for first in range(0, channels, most)]


def lower(step: QuantisedStep, values: Values, dim: int) -> Lowered:
    """The step on an array of ``dim``. Raises ValueError with the reason where it has to stay on the host."""
    source, weights = quantity(step.source, values), quantity(step.weights, values)
    if source.scale.size != 1:
        raise ValueError("its input has a scale for each channel")
    if step.node.op_type in {"Conv", "QLinearConv"}:
        return _convolution(step, values, source, weights, dim)
    return _product(step, values, source, weights)


def _convolution(step: QuantisedStep, values: Values, x: Quantity, w: Quantity, dim: int) -> Lowered:
    form = convolution(step.node, x.data.shape, w.data.shape)
    outputs, _, taps_h, taps_w = w.data.shape
    rows = framed(x.data.shape[2], taps_h, form.stride[0], form.dilation[0], form.pads[0], form.outputs[0])
    columns = framed(x.data.shape[3], taps_w, form.stride[1], form.dilation[1], form.pads[1], form.outputs[1])
    bias, result = _bias(step, values, x, w, outputs), _result(step, values, x, w)
    expected = convolution_sums(x.centred, w.centred, form) + bias.reshape(1, -1, 1, 1)
    image = _moved(_moved(x.data, 2, rows, form.stride[0], x.zero), 3, columns, form.stride[1], x.zero)
    runs = []
    for sources, targets, kernel in _blocks(w, form.groups, dim):
        start = bias[targets] - x.zero * kernel.sum(axis=(1, 2, 3), dtype=np.int64)
        if w.zero:
            taps = np.ones((1, *kernel.shape[1:]), np.int64)
            inside = convolution_sums(x.centred[:, sources], taps, replace(form, groups=1)).transpose(0, 2, 3, 1)
            whole = np.zeros((len(x.data), rows.outputs, columns.outputs, len(kernel)), np.int64)
            wanted = whole[:, rows.first :, columns.first :][:, : form.outputs[0], : form.outputs[1]]
            wanted[:] = start - w.zero * inside
            start = whole
        for part in result.parts(len(kernel)):
            layer = Layer(
                R=taps_w,
                S=taps_h,
                P=columns.outputs,
                Q=rows.outputs,
                C=kernel.shape[1],
                K=part.stop - part.start,
                N=len(x.data),
                stride_w=form.stride[1],
                stride_h=form.stride[0],
                dilation_w=form.dilation[1],
                dilation_h=form.dilation[0],
            )
            mine = slice(targets.start + part.start, targets.start + part.stop)
            quantised = Quantised(result.scaling(mine), x.zero, each_output=bool(w.zero))
            inputs, weights = image[:, sources].transpose(0, 2, 3, 1), kernel[part].transpose(2, 3, 1, 0)
            runs.append(Run(layer, quantised, inputs.copy(), weights.copy(), _wrapped(start[..., part])))

    def join(results: Sequence[Int8]) -> Array:
        whole = np.concatenate(results, axis=3)[:, rows.first :, columns.first :]
        return result.target.of_int8(whole[:, : form.outputs[0], : form.outputs[1]].transpose(0, 3, 1, 2))

    return Lowered(tuple(runs), join, result.of_sums(expected, 1))


def _blocks(w: Quantity, groups: int, dim: int) -> list[tuple[slice, slice, Int8]]:
    """Input channels, output channels and kernel [K, C, S, R] of each part of a convolution that shares no input.

    Groups are parts. Of a depthwise convolution, whose groups have one input channel, ``dim`` groups are one: its
    kernel has the zero point where an output channel has no weight.
    """
    outputs, channels, *taps = w.data.shape
    each = outputs // groups
    if groups == 1 or channels > 1:
        return [
            (
                slice(g * channels, (g + 1) * channels),
                slice(g * each, (g + 1) * each),
                w.data[g * each : (g + 1) * each],
            )
            for g in range(groups)
        ]
    blocks = []
    for first in range(0, groups, dim):
        count = min(dim, groups - first)
        target = slice(first * each, (first + count) * each)
        kernel = np.full((count * each, count, *taps), w.zero, np.int8)
        kernel[np.arange(count * each), np.arange(count * each) // each] = w.data[target, 0]
        blocks.append((slice(first, first + count), target, kernel))
    return blocks


def _product(step: QuantisedStep, values: Values, x: Quantity, w: Quantity) -> Lowered:
    turned = integer(step.node, "transB", 0)
    left, right = x.data, w.data.T if turned else w.data
    if min(left.ndim, right.ndim) < 2:
        raise ValueError("it multiplies with a vector without axes")
    centred = w.centred.T if turned else w.centred
    channels = right.shape[-1]
    bias, result = _bias(step, values, x, w, channels), _result(step, values, x, w)
    expected = product_sums(x.centred, centred) + bias
    if right.ndim == 2:
        pairs = [(left.reshape(-1, left.shape[-1]), right)]
    else:
        stack = expected.shape[:-2]
        lefts = np.broadcast_to(left, (*stack, *left.shape[-2:])).reshape(-1, *left.shape[-2:])
        rights = np.broadcast_to(right, (*stack, *right.shape[-2:])).reshape(-1, *right.shape[-2:])
        pairs = list(zip(lefts, rights, strict=True))
    runs = []
    for a, b in pairs:
        start = bias - x.zero * b.sum(axis=0, dtype=np.int64)
        if w.zero:
            start = start - w.zero * (a.astype(np.int64) - x.zero).sum(axis=1, keepdims=True)[None, None]
        for taken in result.parts(channels):
            layer = Layer(R=1, S=1, P=len(a), Q=1, C=a.shape[1], K=taken.stop - taken.start)
            quantised = Quantised(result.scaling(taken), x.zero, each_output=bool(w.zero))
            begin = _wrapped(start[..., taken])
            runs.append(Run(layer, quantised, a[None, None].copy(), b[None, None, :, taken].copy(), begin))
    parts = len(result.parts(channels))

    def join(results: Sequence[Int8]) -> Array:
        whole = [np.concatenate(results[i : i + parts], axis=3)[0, 0] for i in range(0, len(results), parts)]
        return result.target.of_int8(np.concatenate(whole).reshape(expected.shape))

    return Lowered(tuple(runs), join, result.of_sums(expected, expected.ndim - 1))


def _result(step: QuantisedStep, values: Values, x: Quantity, w: Quantity) -> _Result:
    """Scales and bounds of a step's result."""
    of = target(step.result, step.clip, values)
    return _Result((x.scale * w.scale) / of.scale, of)


def _bias(step: QuantisedStep, values: Values, x: Quantity, w: Quantity, channels: int) -> Integers:
    """int32 bias of each channel."""
    if not step.bias:
        return np.zeros(channels, np.int64)
    bias = values[step.bias].reshape(-1)
    if step.float_bias:
        bias = np.rint(bias.astype(np.float64) / (x.scale.astype(np.float64) * w.scale.astype(np.float64)))
    if bias.size not in {1, channels}:
        raise ValueError(f"its bias has {bias.size} values for {channels} channels")
    return np.broadcast_to(bias, (channels,)).astype(np.int64)


def _wrapped(sums: Integers) -> NDArray[np.int32]:
    """int32, wrapped as the accelerator's sums are."""
    return np.ascontiguousarray(sums).astype(np.uint64).astype(np.uint32).view(np.int32)


def _moved(data: Int8, axis: int, frame: Axis, stride: int, padding: int) -> Int8:
    """``data`` in the frame of the accelerator along ``axis``, ``padding`` outside the image."""
    shape = list(data.shape)
    shape[axis] = frame.outputs * stride
    result = np.full(shape, padding, np.int8)
    taken = min(data.shape[axis], shape[axis] + frame.offset)
    target, origin = [slice(None)] * data.ndim, [slice(None)] * data.ndim
    target[axis], origin[axis] = slice(-frame.offset, -frame.offset + taken), slice(0, taken)
    result[tuple(target)] = data[tuple(origin)]
    return result
