"""What runs on the accelerator in one go, with its operands, and what a step of a network needs of it."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.stages.inference.tensors import Array, Int8
from pipeline.workload import Layer
from sim.elementwise import Addition
from sim.golden import accumulate, operate, requantise
from sim.pooling import MaxPool
from sim.scaling import Quantised


@dataclass(frozen=True, slots=True)
class Run:
    """One layer: inputs [N, H, W, C], weights [S, R, C, K], bias [K] or [N, Q, P, K]."""

    layer: Layer
    quantised: Quantised
    inputs: Int8
    weights: Int8
    bias: NDArray[np.int32]

    @property
    def name(self) -> str:
        """Name for people."""
        return str(self.layer)

    @property
    def key(self) -> Hashable:
        """What its cycles depend on."""
        return self.layer, self.quantised.scaling.per_channel, self.quantised.each_output

    @property
    def operands(self) -> tuple[int, ...]:
        """Bytes of each operand that another run may have made."""
        return (self.inputs.nbytes,)

    @property
    def results(self) -> int:
        """Elements of the result."""
        return self.layer.N * self.layer.Q * self.layer.P * self.layer.K

    def golden(self) -> Int8:
        """The result [N, Q, P, K] without an accelerator."""
        sums = accumulate(self.layer, self.inputs, self.weights, self.bias, self.quantised.padding)
        return requantise(sums, self.quantised.scaling)


@dataclass(frozen=True, slots=True)
class OperatorRun:
    """One operator beside layers on its operands."""

    operator: Addition | MaxPool
    inputs: tuple[Int8, ...]

    @property
    def name(self) -> str:
        """Name for people."""
        return str(self.operator)

    @property
    def key(self) -> Hashable:
        """What its cycles depend on."""
        return self.operator

    @property
    def operands(self) -> tuple[int, ...]:
        """Bytes of each operand."""
        return tuple(values.nbytes for values in self.inputs)

    @property
    def results(self) -> int:
        """Elements of the result."""
        return self.operator.results

    def golden(self) -> Int8:
        """The result without an accelerator."""
        return operate(self.operator, self.inputs)


AnyRun = Run | OperatorRun


@dataclass(frozen=True, slots=True)
class Lowered:
    """The runs of a step, how their results become its own, and what that must be."""

    runs: tuple[AnyRun, ...]
    join: Callable[[Sequence[Int8]], Array]
    expected: Array
    """Result by the operator's definition."""
