"""What the accelerator must compute, from the layer alone: no tiles, no order, no memory layout.

Padding is that of the platform ``rtl``: the input holds (Q x stride) x (P x stride) real pixels, with zeros for
floor(S/2) rows and floor(R/2) columns before them and as many as needed after.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.workload import Layer
from sim.elementwise import Addition
from sim.pooling import MaxPool
from sim.scaling import Scaling

Int8 = NDArray[np.int8]
Int32 = NDArray[np.int32]


def input_shape(layer: Layer) -> tuple[int, int, int, int]:
    """Shape of the real input: batch, rows, columns, channels."""
    return (layer.N, layer.Q * layer.stride_h, layer.P * layer.stride_w, layer.C)


def weight_shape(layer: Layer) -> tuple[int, int, int, int]:
    """Shape of the weights: filter rows, filter columns, input channels, output channels."""
    return (layer.S, layer.R, layer.C, layer.K)


def random_operands(layer: Layer, seed: int) -> tuple[Int8, Int8]:
    """Input and weights with all int8 values equally likely, but for the weights of some output channels.

    Those of every fourth channel, from a random one on, are all -128 or 127. At a shift that suits random weights,
    sums of random ones hardly ever leave int8, of these one in fifteen does: results saturate at both ends.
    """
    generator = np.random.default_rng(seed)
    inputs = generator.integers(-128, 128, input_shape(layer), dtype=np.int8)
    weights = generator.integers(-128, 128, weight_shape(layer), dtype=np.int8)
    loud = slice(int(generator.integers(min(4, layer.K))), None, 4)
    weights[..., loud] = np.where(weights[..., loud] < 0, -128, 127)
    return inputs, weights


def accumulate(layer: Layer, inputs: Int8, weights: Int8, bias: Int32 | None = None, padding: int = 0) -> Int32:
    """Sums of products [N, Q, P, K] as int32, wrapped on overflow, with ``padding`` outside the input.

    ``bias`` has one value for each output channel, or for each output.
    """
    padded = _pad(layer, inputs, padding)
    total = np.zeros((layer.N, layer.Q, layer.P, layer.K), dtype=np.int64)
    for s in range(layer.S):
        for r in range(layer.R):
            top, left = s * layer.dilation_h, r * layer.dilation_w
            rows = slice(top, top + (layer.Q - 1) * layer.stride_h + 1, layer.stride_h)
            columns = slice(left, left + (layer.P - 1) * layer.stride_w + 1, layer.stride_w)
            # float64 products and sums of int8 are exact: |sum| <= 2**20 * 2**14 < 2**53.
            total += (padded[:, rows, columns, :] @ weights[s, r].astype(np.float64)).astype(np.int64)
    if bias is not None:
        total += bias.astype(np.int64)
    return total.astype(np.uint64).astype(np.uint32).view(np.int32)


def requantise(sums: Int32, scaling: Scaling) -> Int8:
    """int32 sums [..., K] to int8: product with the multiplier, shift right rounding half to even, zero, clipping."""
    product = sums.astype(np.int64) * scaling.multiplier
    # Products have 56 bits: from a shift of 57 on they are less than half a step.
    shift = np.minimum(scaling.shift, 57)
    floor = product >> shift
    twice_rest = 2 * (product - (floor << shift))
    step = np.int64(1) << shift
    result = floor + ((twice_rest > step) | ((twice_rest == step) & (floor % 2 == 1)))
    clipped: Int8 = np.clip(result + scaling.zero, scaling.low, scaling.high).astype(np.int8)
    return clipped


def add(addition: Addition, left: Int8, right: Int8) -> Int8:
    """The sum of two tensors [n] of int8, scaled to int8."""
    operands = ((addition.left, left), (addition.right, right))
    total = sum((values.astype(np.int64) - term.zero) * term.multiplier for term, values in operands)
    return requantise(np.asarray(total).astype(np.int32), addition.scaling)


def max_pool(pool: MaxPool, image: Int8) -> Int8:
    """Maxima [N, Q, P, C] of windows of ``image`` [N, H, W, C]; outside it lies the least int8 value."""
    (height, width), (stride_h, stride_w), (outputs_h, outputs_w) = pool.window, pool.stride, pool.outputs
    reach = ((outputs_h - 1) * stride_h + height, (outputs_w - 1) * stride_w + width)
    after = [max(0, reach[i] - pool.pads[i] - pool.image[i]) for i in range(2)]
    widths = ((0, 0), *zip(pool.pads, after, strict=True), (0, 0))
    padded = np.pad(image, widths, constant_values=-128)
    windows = np.lib.stride_tricks.sliding_window_view(padded, pool.window, axis=(1, 2))
    chosen = windows[:, ::stride_h, ::stride_w][:, :outputs_h, :outputs_w]
    most: Int8 = np.clip(chosen.max(axis=(-2, -1)), pool.low, pool.high).astype(np.int8)
    return most


def operate(operator: Addition | MaxPool, operands: Sequence[Int8]) -> Int8:
    """The result of an operator beside layers."""
    if isinstance(operator, Addition):
        return add(operator, *operands)
    return max_pool(operator, *operands)


def layer_output(layer: Layer, inputs: Int8, weights: Int8, *, shift: int) -> Int8:
    """The layer's int8 output [N, Q, P, K], scaled by a shift alone."""
    return requantise(accumulate(layer, inputs, weights), Scaling.shifted(shift))


def _pad(layer: Layer, inputs: Int8, padding: int) -> NDArray[np.float64]:
    if inputs.shape != input_shape(layer):
        raise ValueError(f"input has shape {inputs.shape}, the layer needs {input_shape(layer)}")
    before = (layer.S // 2, layer.R // 2)
    extent = (layer.input_h, layer.input_w)
    after = tuple(max(0, extent[i] - before[i] - inputs.shape[1 + i]) for i in range(2))
    widths = ((0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0))
    return np.pad(inputs.astype(np.float64), widths, constant_values=padding)
