"""A max pooling between quantised tensors as one of the accelerator, and what the result must be."""

from dataclasses import replace
from math import ceil

import numpy as np
import onnx

from pipeline.onnx.quantised import QuantisedOperator
from pipeline.onnx.tensors import attribute, integer
from pipeline.stages.inference.geometry import Convolution, convolution
from pipeline.stages.inference.integers import maxima
from pipeline.stages.inference.runs import Lowered, OperatorRun
from pipeline.stages.inference.tensors import Values, quantity, target
from sim.pooling import MaxPool


def lower_pool(step: QuantisedOperator, values: Values) -> Lowered:
    """The pooling. Raises ValueError with the reason where it has to stay on the host."""
    (operand,) = step.sources
    data = values[operand.name]
    if data.dtype not in (np.uint8, np.int8):
        raise ValueError(f"its operand {operand.name!r} is {data.dtype}")
    if len([name for name in step.node.output if name]) > 1:
        raise ValueError("it says where its maxima are")
    low, high = np.iinfo(data.dtype).min, np.iinfo(data.dtype).max
    shift = 128 if data.dtype == np.uint8 else 0
    if step.result.scale:
        source, result = quantity(operand, values), target(step.result, step.clip, values)
        same = (source.scale.tolist(), source.zero + shift) == ([float(result.scale)], result.zero)
        if not same or result.kind != data.dtype:
            raise ValueError("its result is quantised otherwise than its operand")
        low, high = result.low, result.high
    window, form = _form(step.node, data.shape)
    batch, channels, *image = data.shape
    pool = MaxPool(
        batch,
        (image[0], image[1]),
        channels,
        window,
        form.stride,
        (form.pads[0], form.pads[1]),
        form.outputs,
        low - shift,
        high - shift,
    )
    image_int8 = np.ascontiguousarray((data.astype(np.int16) - shift).astype(np.int8).transpose(0, 2, 3, 1))
    return Lowered(
        (OperatorRun(pool, (image_int8,)),),
        lambda results: (results[0].astype(np.int16) + shift).astype(data.dtype).transpose(0, 3, 1, 2),
        np.clip(maxima(data.astype(np.int64), window, form), low, high).astype(data.dtype),
    )


def _form(node: onnx.NodeProto, source: tuple[int, ...]) -> tuple[tuple[int, int], Convolution]:
    """Window and form. Raises ValueError where the accelerator has no such windows."""
    window = attribute(node, "kernel_shape", [])
    if len(window) != 2:
        raise ValueError(f"its windows have {len(window)} axes, 2 are accelerated")
    form = convolution(node, source, (1, 1, *window))
    if form.dilation != (1, 1):
        raise ValueError("its windows are dilated")
    if integer(node, "ceil_mode", 0):
        form = replace(form, outputs=(_rounded_up(source, window, form, 0), _rounded_up(source, window, form, 1)))
    return (window[0], window[1]), form


def _rounded_up(source: tuple[int, ...], window: list[int], form: Convolution, axis: int) -> int:
    """Outputs of an axis, the last window maybe partly outside; none begins after the image."""
    size, before, after = source[2 + axis], form.pads[axis], form.pads[2 + axis]
    outputs = ceil((size + before + after - window[axis]) / form.stride[axis]) + 1
    return outputs - ((outputs - 1) * form.stride[axis] >= size + before)
