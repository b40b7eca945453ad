"""The golden model against torch's convolution and against arithmetic done by hand."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.workload import Layer
from sim.golden import accumulate, input_shape, layer_output, random_operands, requantise
from sim.program import default_shift
from sim.scaling import Scaling

layers = st.builds(
    Layer,
    R=st.integers(1, 5),
    S=st.integers(1, 5),
    P=st.integers(1, 9),
    Q=st.integers(1, 9),
    C=st.integers(1, 20),
    K=st.integers(1, 20),
    N=st.integers(1, 3),
    stride_w=st.integers(1, 4),
    stride_h=st.integers(1, 4),
    dilation_w=st.integers(1, 2),
    dilation_h=st.integers(1, 2),
)


@given(layers, st.integers(0, 1000))
@settings(deadline=None, max_examples=80)
def test_sums_equal_those_of_torch_convolution(layer: Layer, seed: int) -> None:
    inputs, weights = random_operands(layer, seed)
    # Symmetric padding far enough; torch's output at the same place is cut out of the larger one.
    image = torch.from_numpy(inputs).to(torch.float64).permute(0, 3, 1, 2)
    below, right = layer.input_h, layer.input_w
    image = torch.nn.functional.pad(image, (layer.R // 2, right, layer.S // 2, below))
    kernel = torch.from_numpy(weights).to(torch.float64).permute(3, 2, 0, 1)
    full = torch.nn.functional.conv2d(
        image, kernel, stride=(layer.stride_h, layer.stride_w), dilation=(layer.dilation_h, layer.dilation_w)
    )
    expected = full[:, :, : layer.Q, : layer.P].permute(0, 2, 3, 1).to(torch.int32).numpy()
    np.testing.assert_array_equal(accumulate(layer, inputs, weights), expected)


def test_a_matrix_product_is_a_matrix_product() -> None:
    layer = Layer(R=1, S=1, P=7, Q=1, C=33, K=9)
    inputs, weights = random_operands(layer, 3)
    expected = inputs[0, 0].astype(np.int32) @ weights[0, 0].astype(np.int32)
    np.testing.assert_array_equal(accumulate(layer, inputs, weights)[0, 0], expected)


@pytest.mark.parametrize("layer", [Layer(R=1, S=1, P=40, Q=1, C=64, K=20), Layer(R=3, S=3, P=9, Q=9, C=3, K=8)])
def test_results_of_random_operands_saturate_at_both_ends(layer: Layer) -> None:
    sums = accumulate(layer, *random_operands(layer, 1))
    rounded = sums / 2.0 ** default_shift(layer)
    assert 0.005 < (rounded > 128).mean() < 0.05
    assert 0.005 < (rounded < -129).mean() < 0.05


def test_a_bias_is_added_per_output_channel_and_sums_wrap_at_32_bits() -> None:
    layer = Layer(R=1, S=1, P=1, Q=1, C=1, K=2)
    bias = np.array([2**31 - 1, -(2**31)], dtype=np.int32)
    ones = np.ones(input_shape(layer), dtype=np.int8)
    weights = np.array([1, -1], dtype=np.int8).reshape(1, 1, 1, 2)
    assert accumulate(layer, ones, weights, bias).ravel().tolist() == [-(2**31), 2**31 - 1]


@pytest.mark.parametrize(
    ("value", "shift", "expected"),
    [
        (5, 1, 2),
        (7, 1, 4),
        (-5, 1, -2),
        (-7, 1, -4),
        (6, 2, 2),
        (10, 2, 2),
        (11, 2, 3),
        (3, 0, 3),
        (300, 1, 127),
        (-300, 1, -128),
    ],
)
def test_rounding_is_half_to_even_and_saturates(value: int, shift: int, expected: int) -> None:
    assert requantise(np.array([value], dtype=np.int32), Scaling.shifted(shift)).tolist() == [expected]


def test_results_are_clipped_after_the_zero_point_was_added() -> None:
    scaling = Scaling(np.array([1]), np.array([0]), zero=5, low=0, high=9)
    assert requantise(np.array([-9, 2, 9], dtype=np.int32), scaling).tolist() == [0, 7, 9]


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**24 - 1), st.integers(0, 63), st.integers(-128, 127))
def test_any_sum_is_scaled_as_exact_fractions_are(sum_: int, multiplier: int, shift: int, zero: int) -> None:
    exact = round(Fraction(sum_ * multiplier, 1 << shift)) + zero  # Python rounds halves to the even integer
    scaling = Scaling(np.array([multiplier]), np.array([shift]), zero)
    assert requantise(np.array([sum_], dtype=np.int32), scaling).tolist() == [max(-128, min(127, exact))]


def test_a_float32_scale_is_taken_exactly() -> None:
    factors = np.float32([0.1, 3.0e-8, 1.0, 100.0])
    scaling = Scaling.of(factors, 0, -128, 127)
    values = [Fraction(m) / (1 << s) for m, s in zip(scaling.multiplier.tolist(), scaling.shift.tolist(), strict=True)]
    assert values == [Fraction(float(factor)) for factor in factors]
    with pytest.raises(ValueError, match="out of range"):
        Scaling.of(np.float32([1e-20]), 0, -128, 127)


def test_the_input_is_surrounded_by_the_padding() -> None:
    layer = Layer(R=3, S=3, P=1, Q=1, C=1, K=1)
    ones = np.ones((3, 3, 1, 1), dtype=np.int8)
    assert accumulate(layer, np.array([[[[2]]]], dtype=np.int8), ones, padding=-7).item() == 2 - 8 * 7


def test_an_input_of_the_wrong_shape_is_refused() -> None:
    layer = Layer(R=3, S=3, P=4, Q=4, C=2, K=2)
    with pytest.raises(ValueError, match="input has shape"):
        layer_output(layer, np.zeros((1, 2, 2, 2), dtype=np.int8), np.zeros((3, 3, 2, 2), dtype=np.int8), shift=0)
