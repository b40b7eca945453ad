"""A quantised step as layers of the accelerator: int8 operands, and the sums that its results start from.

uint8 tensors are shifted by 128 to int8, and their zero points with them. Zero points go into the sums that the
accelerator starts from: with x, w the stored values and x0, w0 their zero points, sum((x - x0) (w - w0)) is
sum(x w) plus what depends on one operand alone, which the host knows. Outside the image the accelerator reads 0 where
the operator has x0, so that only taps inside it are counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.onnx.quantised import Operand, QuantisedStep
from pipeline.onnx.tensors import integer
from pipeline.stages.inference.geometry import Axis, convolution, framed
from pipeline.stages.inference.integers import Integers, convolution_sums, product_sums, requantised
from pipeline.workload import Layer

Array = NDArray[Any]
Values = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Run:
    """One layer on the accelerator: inputs [N, H, W, C], weights [S, R, C, K], sums to start from [N, Q, P, K]."""

    layer: Layer
    inputs: NDArray[np.int8]
    weights: NDArray[np.int8]
    start: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Lowered:
    """The runs of a step, how their sums [N, Q, P, K] become its result, and what the sums must be."""

    runs: tuple[Run, ...]
    join: Callable[[Sequence[NDArray[np.int32]]], Integers]
    """Sums of the runs as those of the step, as ONNX lays them out."""
    expected: Integers
    """Sums by the operator's definition, bias included."""
    finish: Callable[[Integers], Array]
    """Sums of the step to its quantised result."""


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A quantised tensor as int8, its scales (one, or one a channel) and its zero point."""

    data: NDArray[np.int8]
    scale: NDArray[np.float32]
    zero: int

    @property
    def centred(self) -> Integers:
        """The values less the zero point."""
        return self.data.astype(np.int64) - self.zero


def lower(step: QuantisedStep, values: Values) -> Lowered:
    """The step on the accelerator. Raises ValueError with the reason where it has to stay on the host."""
    source, weights = _tensor(step.source, values), _tensor(step.weights, values)
    if source.scale.size != 1:
        raise ValueError("its input has a scale for each channel")
    if step.node.op_type in {"Conv", "QLinearConv"}:
        return _convolution(step, values, source, weights)
    return _product(step, values, source, weights)


def _convolution(step: QuantisedStep, values: Values, x: _Tensor, w: _Tensor) -> Lowered:
    form = convolution(step.node, x.data.shape, w.data.shape)
    outputs, channels, taps_h, taps_w = w.data.shape
    if form.groups > 1 and channels == 1:
        raise ValueError("it is depthwise: one channel at a time")
    rows = framed(x.data.shape[2], taps_h, form.stride[0], form.dilation[0], form.pads[0], form.outputs[0])
    columns = framed(x.data.shape[3], taps_w, form.stride[1], form.dilation[1], form.pads[1], form.outputs[1])
    expected = convolution_sums(x.centred, w.centred, form) + _bias(step, values, x, w, outputs).reshape(1, -1, 1, 1)
    plain = convolution_sums(x.data.astype(np.int64), w.data.astype(np.int64), form)
    start = expected - plain  # what zero points and bias add; the products are left to the accelerator
    image = _moved(_moved(x.data, 2, rows, form.stride[0]), 3, columns, form.stride[1])
    per_group = outputs // form.groups
    runs = []
    for group in range(form.groups):
        kernel = w.data[group * per_group : (group + 1) * per_group]
        layer = Layer(
            R=taps_w,
            S=taps_h,
            P=columns.outputs,
            Q=rows.outputs,
            C=channels,
            K=per_group,
            N=len(x.data),
            stride_w=form.stride[1],
            stride_h=form.stride[0],
            dilation_w=form.dilation[1],
            dilation_h=form.dilation[0],
        )
        part = image[:, group * channels : (group + 1) * channels].transpose(0, 2, 3, 1)
        begin = np.zeros((layer.N, layer.Q, layer.P, per_group), np.int64)
        wanted = start[:, group * per_group : (group + 1) * per_group].transpose(0, 2, 3, 1)
        begin[:, rows.first :, columns.first :][:, : form.outputs[0], : form.outputs[1]] = wanted
        runs.append(Run(layer, part.copy(), kernel.transpose(2, 3, 1, 0).copy(), _wrapped(begin)))

    def join(results: Sequence[NDArray[np.int32]]) -> Integers:
        whole = np.concatenate(results, axis=3)[:, rows.first :, columns.first :]
        return whole[:, : form.outputs[0], : form.outputs[1]].transpose(0, 3, 1, 2).astype(np.int64)

    return Lowered(tuple(runs), join, expected, _finish(step, values, x, w, channel_axis=1))


def _product(step: QuantisedStep, values: Values, x: _Tensor, w: _Tensor) -> Lowered:
    turned = integer(step.node, "transB", 0)
    left, right = x.data, w.data.T if turned else w.data
    if min(left.ndim, right.ndim) < 2:
        raise ValueError("it multiplies with a vector without axes")
    centred = w.centred.T if turned else w.centred
    expected = product_sums(x.centred, centred) + _bias(step, values, x, w, right.shape[-1])
    start = expected - product_sums(left.astype(np.int64), right.astype(np.int64))
    if right.ndim == 2:
        pairs = [(left.reshape(-1, left.shape[-1]), right, start.reshape(-1, right.shape[-1]))]
    else:
        stack = expected.shape[:-2]
        lefts = np.broadcast_to(left, (*stack, *left.shape[-2:])).reshape(-1, *left.shape[-2:])
        rights = np.broadcast_to(right, (*stack, *right.shape[-2:])).reshape(-1, *right.shape[-2:])
        pairs = list(zip(lefts, rights, start.reshape(-1, *start.shape[-2:]), strict=True))
    runs = []
    for a, b, begin in pairs:
        layer = Layer(R=1, S=1, P=len(a), Q=1, C=a.shape[1], K=b.shape[1])
        runs.append(Run(layer, a[None, None].copy(), b[None, None].copy(), _wrapped(begin[None, None])))

    def join(results: Sequence[NDArray[np.int32]]) -> Integers:
        return np.concatenate([result[0, 0] for result in results]).reshape(expected.shape).astype(np.int64)

    return Lowered(tuple(runs), join, expected, _finish(step, values, x, w, channel_axis=expected.ndim - 1))


def _tensor(operand: Operand, values: Values) -> _Tensor:
    data, scale = values[operand.name], values[operand.scale].reshape(-1).astype(np.float32)
    zeros = values[operand.zero].reshape(-1) if operand.zero else np.zeros(1, np.int8)
    if not (zeros == zeros[0]).all():
        raise ValueError("it has a zero point for each channel")
    zero, scale = int(zeros[0]), scale[:1] if (scale == scale[0]).all() else scale
    if data.dtype == np.uint8:
        return _Tensor((data.astype(np.int16) - 128).astype(np.int8), scale, zero - 128)
    if data.dtype != np.int8:
        raise ValueError(f"its operand {operand.name!r} is {data.dtype}")
    return _Tensor(data, scale, zero)


def _finish(
    step: QuantisedStep, values: Values, x: _Tensor, w: _Tensor, *, channel_axis: int
) -> Callable[[Integers], Array]:
    """Requantisation and clipping of a step's sums; scales of channels lie along ``channel_axis``."""
    scale = values[step.result.scale].reshape(-1).astype(np.float32)
    zero = values[step.result.zero].reshape(-1) if step.result.zero else np.zeros(1, np.uint8)
    if scale.size != 1 or zero.dtype not in (np.uint8, np.int8):
        raise ValueError(f"its result is {zero.dtype} with {scale.size} scales")
    low, high = np.iinfo(zero.dtype).min, np.iinfo(zero.dtype).max
    if step.clip is not None:
        bounds = [values[name] if name else None for name in step.clip.input[1:]]
        least = np.float32(0) if step.clip.op_type == "Relu" else (bounds[0] if bounds else None)
        most = bounds[1] if len(bounds) > 1 else None
        places = [
            default if bound is None else int(np.clip(np.rint(np.float32(bound) / scale[0]) + int(zero[0]), low, high))
            for bound, default in ((least, low), (most, high))
        ]
        low, high = places[0], places[1]
    factor = (x.scale * w.scale) / scale

    def finish(sums: Integers) -> Array:
        shape = [1] * sums.ndim
        shape[channel_axis] = -1
        results: Array = np.clip(requantised(sums, factor.reshape(shape)) + int(zero[0]), low, high).astype(zero.dtype)
        return results

    return finish


def _bias(step: QuantisedStep, values: Values, x: _Tensor, w: _Tensor, channels: int) -> Integers:
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
    return sums.astype(np.uint64).astype(np.uint32).view(np.int32)


def _moved(data: NDArray[np.int8], axis: int, frame: Axis, stride: int) -> NDArray[np.int8]:
    """``data`` in the frame of the accelerator along ``axis``, zeros outside the image."""
    shape = list(data.shape)
    shape[axis] = frame.outputs * stride
    result = np.zeros(shape, np.int8)
    taken = min(data.shape[axis], shape[axis] + frame.offset)
    target, origin = [slice(None)] * data.ndim, [slice(None)] * data.ndim
    target[axis], origin[axis] = slice(-frame.offset, -frame.offset + taken), slice(0, taken)
    result[tuple(target)] = data[tuple(origin)]
    return result
