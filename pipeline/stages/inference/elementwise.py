"""A quantised addition as one of the accelerator: multipliers of its operands; and what the result must be."""

from pipeline.onnx.quantised import QuantisedOperator
from pipeline.stages.inference.integers import weighted_sum
from pipeline.stages.inference.runs import Lowered, OperatorRun
from pipeline.stages.inference.tensors import Values, quantity, target
from sim.elementwise import Addition, Term, terms_of


def lower_sum(step: QuantisedOperator, values: Values) -> Lowered:
    """The addition. Raises ValueError with the reason where it has to stay on the host."""
    left, right = (quantity(operand, values) for operand in step.sources)
    if left.data.shape != right.data.shape:
        raise ValueError(f"its operands have shapes {left.data.shape} and {right.data.shape}")
    if (left.scale.size, right.scale.size) != (1, 1):
        raise ValueError("an operand has a scale for each channel")
    result = target(step.result, step.clip, values)
    scales = (left.scale[0], right.scale[0])
    multipliers, shift = terms_of([float(scale) / float(result.scale) for scale in scales])
    addition = Addition(
        left.data.size,
        Term(multipliers[0], left.zero),
        Term(multipliers[1], right.zero),
        shift,
        result.zero - result.shift,
        result.low - result.shift,
        result.high - result.shift,
    )
    run = OperatorRun(addition, (left.data.reshape(-1), right.data.reshape(-1)))
    sums, scale = weighted_sum((left.centred, right.centred), scales, result.scale)
    return Lowered(
        (run,),
        lambda results: result.of_int8(results[0].reshape(left.data.shape)),
        result.of_sums(sums, scale),
    )
