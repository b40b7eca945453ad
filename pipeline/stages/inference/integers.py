"""Quantised convolutions, products, additions and poolings in integers, from the definitions of the ONNX operators.

y = saturate(round(scale x (sum((x - x_zero) x (w - w_zero)) + bias)) + y_zero), rounded half to even; ``scale`` is that
of input times weights over that of the output. The judge of what the accelerator computes: no padding value, no folded
zero point, no tiles, layouts as ONNX has them.

An addition is y = saturate(round((a_scale (a - a_zero) + b_scale (b - b_zero)) / y_scale) + y_zero).
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.stages.inference.geometry import Convolution

Integers = NDArray[np.int64]


def convolution_sums(x: Integers, w: Integers, form: Convolution) -> Integers:
    """Sums [N, K, Q, P] of ``x`` [N, C, H, W] and ``w`` [K, C / groups, S, R], both less their zero points."""
    top, left, bottom, right = form.pads
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    batch, channels = len(x), w.shape[1]
    per_group = len(w) // form.groups
    sums = np.zeros((batch, len(w), *form.outputs), np.int64)
    for group in range(form.groups):
        part = padded[:, group * channels : (group + 1) * channels]
        kernel = w[group * per_group : (group + 1) * per_group]
        for s in range(w.shape[2]):
            for r in range(w.shape[3]):
                rows = s * form.dilation[0] + np.arange(form.outputs[0]) * form.stride[0]
                columns = r * form.dilation[1] + np.arange(form.outputs[1]) * form.stride[1]
                taken = part[:, :, rows][:, :, :, columns].astype(np.float64).reshape(batch, channels, -1)
                # Products and sums of these integers are exact in float64.
                product = (kernel[:, :, s, r].astype(np.float64) @ taken).astype(np.int64)
                sums[:, group * per_group : (group + 1) * per_group] += product.reshape(batch, -1, *form.outputs)
    return sums


def product_sums(x: Integers, w: Integers) -> Integers:
    """Matrix products of stacks as numpy.matmul."""
    sums: Integers = np.matmul(x.astype(np.float64), w.astype(np.float64)).astype(np.int64)
    return sums


def weighted_sum(
    terms: tuple[Integers, Integers], scales: tuple[np.float32, np.float32], result: np.float32
) -> tuple[Integers, NDArray[np.float32]]:
    """Of two tensors less their zero points: the sum, and the scale that takes it to the result's.

    The ratios of scales are whole numbers below 2**22 over a power of two, at most 2**31, that both share.
    """
    ratios = [Fraction(float(scale)) / Fraction(float(result)) for scale in scales]
    step = Fraction(1, 2**31)
    while any(round(ratio / step) >= 2**22 for ratio in ratios):
        step *= 2
    left, right = (round(ratio / step) * term for ratio, term in zip(ratios, terms, strict=True))
    return left + right, np.array([float(step)], np.float32)


def maxima(x: Integers, window: tuple[int, int], form: Convolution) -> Integers:
    """Maxima [N, C, Q, P] of windows of ``x`` [N, C, H, W]; what lies outside the image is none."""
    result = np.empty((*x.shape[:2], *form.outputs), np.int64)
    for q in range(form.outputs[0]):
        for p in range(form.outputs[1]):
            top, left = q * form.stride[0] - form.pads[0], p * form.stride[1] - form.pads[1]
            inside = x[:, :, max(top, 0) : top + window[0], max(left, 0) : left + window[1]]
            result[:, :, q, p] = inside.max(axis=(2, 3))
    return result


def requantised(sums: Integers, scale: NDArray[np.float32]) -> Integers:
    """``sums`` x ``scale``, rounded half to even.

    The scale is taken as the float32 that it is, a whole number of 24 bits over a power of two, so that the product is
    exact and rounded once. Scales must be from 2**-38 to 2**24; sums below 2**38.
    """
    mantissa, exponent = np.frexp(scale)
    shift = 24 - exponent.astype(np.int64)
    if not ((scale > 0) & (shift >= 0) & (shift <= 62)).all():
        raise ValueError(f"scales from {scale.min()} to {scale.max()} are out of range")
    product = sums * np.ldexp(mantissa, 24).astype(np.int64)
    floor = product >> shift
    rest = product - (floor << shift)
    half = np.where(shift > 0, 1 << np.maximum(shift - 1, 0), 1)
    rounded: Integers = floor + ((rest > half) | ((rest == half) & (floor % 2 == 1)))
    return rounded
