"""A quantised model step by step: what an accelerator can run on it, every other operator in onnxruntime."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
import onnxruntime
from onnx import numpy_helper

from pipeline.onnx.evaluate import Evaluator
from pipeline.onnx.quantised import QuantisedOperator, QuantisedStep, Step, partition
from pipeline.stages.inference.accelerator import Cost
from pipeline.stages.inference.elementwise import lower_sum
from pipeline.stages.inference.host import HostWork, host_work
from pipeline.stages.inference.lower import lower
from pipeline.stages.inference.pooling import lower_pool
from pipeline.stages.inference.runs import AnyRun, Lowered
from pipeline.stages.inference.tensors import Array, Int8, Values

Execute = Callable[[AnyRun], tuple[Int8, Cost]]
"""Gives the results of a run, and what that took."""


@dataclass(frozen=True, slots=True)
class Network:
    """A model, its operators in order, its constants, and which of them are steps for the accelerator."""

    model: onnx.ModelProto
    constants: Mapping[str, Array]
    steps: Mapping[str, Step]
    host: tuple[tuple[str, str], ...]
    """What might be a step and stays on the host, and why."""
    evaluator: Evaluator

    @classmethod
    def load(cls, path: Path) -> "Network":
        """Read ``path``. Raises ValueError that names it when it cannot be read or has subgraphs."""
        try:
            model = onnx.load_model(path)
            if model.functions:
                model = onnx.inliner.inline_local_functions(model)
        except OSError as error:
            raise ValueError(f"model {path}: {error.strerror}") from error
        except Exception as error:  # protobuf and onnx raise classes without a common base
            raise ValueError(f"model {path}: is not an ONNX file") from error
        if not model.graph.node:
            raise ValueError(f"model {path}: is not an ONNX file, or holds no operators")
        for node in model.graph.node:
            if any(item.type in {onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS} for item in node.attribute):
                raise ValueError(f"model {path}: {node.op_type} has subgraphs, which are not run")
        found = partition(model.graph)
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        evaluator = Evaluator(model.opset_import, model.ir_version)
        return cls(model, constants, found.steps, found.host, evaluator)

    @property
    def inputs(self) -> dict[str, tuple[int | None, ...]]:
        """Shapes of the inputs by name, None for open sizes."""
        values = [value for value in self.model.graph.input if value.name not in self.constants]
        return {value.name: _shape(value) for value in values}


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of an inference: its runs and their costs, and how its result compares, in elements.

    ``exact``: the result is the RTL's. ``wrong``: it differs from the integer reference on the same operands.
    ``alone``: the reference on onnxruntime's operands differs from onnxruntime's result, by ``alone_steps`` at most.
    ``differs``: the result, which goes on from results of steps before, differs from onnxruntime's, by ``steps``.
    """

    step: Step
    runs: tuple[AnyRun, ...]
    costs: tuple[Cost, ...]
    exact: bool
    elements: int
    wrong: int
    alone: int
    alone_steps: int
    differs: int
    steps: int


@dataclass(frozen=True, slots=True)
class Inference:
    """Outputs by name, of the accelerator and of onnxruntime, and how they came about."""

    outputs: dict[str, Array]
    reference: dict[str, Array]
    trace: tuple[StepResult | HostWork, ...]
    """Steps and operators on the host in the order in which they ran."""
    host: tuple[tuple[str, str], ...]
    """Products that stayed on the host, and why."""

    @property
    def steps(self) -> list[StepResult]:
        """What ran on the accelerator."""
        return [item for item in self.trace if isinstance(item, StepResult)]


class Runner:
    """Runs a network again and again; onnxruntime's session for comparison is made once.

    ``run`` gives the RTL's results of a layer, ``imitate`` the same without it: all steps but ``layers`` of them,
    spread evenly, are imitated. Additions and poolings stay on the host unless the accelerator has such
    ``operators``.
    """

    def __init__(
        self,
        network: Network,
        dim: int,
        run: Execute,
        imitate: Execute,
        layers: int | None = None,
        operators: Collection[str] = (),
    ) -> None:
        self._network = network
        self._dim = dim
        self._run, self._imitate = run, imitate
        self._layers = layers
        self._names, self._session = _reference_session(network)
        self._host = {
            name: "the design has no such operator"
            for name, step in network.steps.items()
            if isinstance(step, QuantisedOperator) and step.kind not in operators
        }

    def run(self, feeds: Mapping[str, Array]) -> Inference:
        """One inference. Raises ValueError that names an operator which cannot be run."""
        network = self._network
        reference = dict(zip(self._names, self._session.run(self._names, dict(feeds)), strict=True))
        values: dict[str, Array] = {**network.constants, **feeds}
        live = set(feeds)
        trace: list[StepResult | HostWork] = []
        needed = self._needed()
        exact = self._exact(needed)
        makers = {step.node.output[0]: name for name, step in network.steps.items()}
        for node in network.model.graph.node:
            name = makers.get(node.output[0]) if node.output else None
            if name is not None and name in needed and name not in self._host:
                step = network.steps[name]
                try:
                    lowered = _lowered(step, values, self._dim)
                except ValueError as error:
                    self._host[name] = str(error)
                    return self.run(feeds)  # from the start, with this step on the host
                execute = self._run if name in exact else self._imitate
                results = [execute(run) for run in lowered.runs]
                values[name] = lowered.join([result for result, _ in results])
                live.add(name)
                costs = tuple(cost for _, cost in results)
                trace.append(_compared(step, lowered, costs, name in exact, self._dim, values, reference))
            if any(output in needed and output not in values for output in node.output):
                work = self._on_host(node, values, live)
                trace += [work] if work is not None else []
        outputs = {value.name: values[value.name] for value in network.model.graph.output}
        there = {name: reference[name] for name in outputs}
        stayed = [
            (f"{network.steps[name].node.op_type} {network.steps[name].name!r}", why)
            for name, why in self._host.items()
        ]
        return Inference(outputs, there, tuple(trace), (*network.host, *stayed))

    def _exact(self, needed: set[str]) -> set[str]:
        """Results of the steps that the RTL computes."""
        names = [name for name in self._network.steps if name in needed and name not in self._host]
        count = len(names) if self._layers is None else min(self._layers, len(names))
        return {names[index] for index in np.linspace(0, len(names) - 1, count).round().astype(int)}

    def _needed(self) -> set[str]:
        """Tensors that have to be computed, given which steps run on the accelerator."""
        network = self._network
        producer = {name: node for node in network.model.graph.node for name in node.output if name}
        needed: set[str] = set()
        todo = [value.name for value in network.model.graph.output]
        while todo:
            name = todo.pop()
            if name in needed or not name:
                continue
            needed.add(name)
            if name in network.steps and name not in self._host:
                todo.extend(network.steps[name].reads)
            elif name in producer:
                todo.extend(producer[name].input)
        return needed

    def _on_host(self, node: onnx.NodeProto, values: dict[str, Array], live: set[str]) -> HostWork | None:
        arguments = [values[name] if name else None for name in node.input]
        try:
            results = self._network.evaluator.run(node, arguments)
        except ValueError as error:
            raise ValueError(f"operator {node.name or node.output[0]!r}: {error}") from error
        names = [name for name in node.output if name]
        values.update(zip(names, results, strict=True))
        used = [name in live for name in node.input]
        if any(used):
            live.update(names)
        return host_work(node, arguments, results, used)


def _lowered(step: Step, values: Values, dim: int) -> Lowered:
    """The step on an array of ``dim``. Raises ValueError with the reason where it has to stay on the host."""
    if isinstance(step, QuantisedStep):
        return lower(step, values, dim)
    return lower_sum(step, values) if step.kind == "addition" else lower_pool(step, values)


def _compared(
    step: Step,
    lowered: Lowered,
    costs: tuple[Cost, ...],
    exact: bool,
    dim: int,
    values: Mapping[str, Array],
    reference: Mapping[str, Array],
) -> StepResult:
    result, theirs = values[step.result.name], reference[step.result.name]
    alone = _lowered(step, {**values, **reference}, dim).expected
    apart, alone_apart = (np.abs(ours.astype(np.int16) - theirs.astype(np.int16)) for ours in (result, alone))
    return StepResult(
        step,
        lowered.runs,
        costs,
        exact,
        result.size,
        int((result != lowered.expected).sum()),
        int((alone_apart > 0).sum()),
        int(alone_apart.max(initial=0)),
        int((apart > 0).sum()),
        int(apart.max(initial=0)),
    )


def _reference_session(network: Network) -> tuple[list[str], Any]:
    """onnxruntime with the results, and the operands, of all steps as outputs.

    Without optimisation: its fused kernels for uint8 times int8 saturate pairs of products at 16 bits on processors
    that have no instruction for them.
    """
    model = onnx.ModelProto()
    model.CopyFrom(network.model)
    made = {name for node in model.graph.node for name in node.output if name}
    wanted = {name for step in network.steps.values() for name in (*step.reads, step.result.name)} & made
    known = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(wanted - known))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [item.name for item in session.get_outputs()], session


def _shape(value: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    axes = value.type.tensor_type.shape.dim
    return tuple(axis.dim_value if axis.HasField("dim_value") and axis.dim_value >= 0 else None for axis in axes)
