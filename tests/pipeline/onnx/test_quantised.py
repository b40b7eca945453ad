"""Which quantised operators become steps of an accelerator, and why others do not."""

import onnx

from pipeline.onnx.quantised import partition

HEADER = '<ir_version: 9, opset_import: ["" : 19]>\n'
SIGNATURE = "g (uint8[1,2,6,6] q, float s, uint8 z, int8[3,2,3,3] k, int8 kz, float[3] b) => (r) {"
OPERANDS = "x = DequantizeLinear (q, s, z) w = DequantizeLinear (k, s, kz) "


def graph(body: str) -> onnx.GraphProto:
    return onnx.parser.parse_model(HEADER + SIGNATURE + body + "}").graph


def test_a_convolution_between_quantised_tensors_is_one_step() -> None:
    found = partition(graph(OPERANDS + "y = Conv (x, w, b) c = Relu (y) r = QuantizeLinear (c, s, z)"))
    (step,) = found.steps.values()
    assert (step.source.name, step.weights.name, step.result.name) == ("q", "k", "r")
    assert step.float_bias
    assert step.clip is not None
    assert set(step.reads) == {"q", "k", "b", "s", "z", "kz"}


def test_a_result_that_is_needed_in_float_keeps_a_product_on_the_host() -> None:
    found = partition(graph(OPERANDS + "y = Conv (x, w, b) r = Add (y, y)"))
    assert not found.steps
    assert found.host == (("Conv 'y'", "its result 'y' is needed in float"),)


def test_a_product_of_float_operands_stays_on_the_host() -> None:
    found = partition(graph("w = DequantizeLinear (k, s, kz) y = Conv (b, w) r = QuantizeLinear (y, s, z)"))
    assert found.host == (("Conv 'y'", "its operand 'b' is not quantised"),)


def test_a_step_between_a_product_and_its_quantisation_keeps_it_on_the_host() -> None:
    found = partition(graph(OPERANDS + "y = Conv (x, w) c = Sigmoid (y) r = QuantizeLinear (c, s, z)"))
    assert found.host == (("Conv 'y'", "its result goes to Sigmoid before it is quantised"),)


def test_quantised_operators_are_steps_as_they_are() -> None:
    found = partition(graph("r = QLinearConv (q, s, z, k, s, kz, s, z)"))
    (step,) = found.steps.values()
    assert (step.source.name, step.weights.name, step.bias) == ("q", "k", "")
