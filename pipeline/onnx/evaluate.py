"""Sizes and values of one operator, from ONNX's own shape inference and from onnxruntime.

ONNX infers an operator's output sizes from its input sizes and the values of small constant inputs. What it leaves
open (operators of other domains, sizes that only the implementation knows) is asked of onnxruntime, which also computes
the values of operators whose inputs are all constant.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnx.shape_inference
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

from pipeline.onnx.tensors import MAX_ELEMENTS, Tensor, elements, tensor_of

RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
"""Operators whose result is another one in every run (a Dropout with a seed trains, and is taken as it infers)."""
BOUNDED = {"NonZero", "Unique", "Compress", "NonMaxSuppression", "StringSplit"}
"""Operators whose result is as large as its values say, but never much larger than their inputs."""
RUNTIME_IR = 10
"""Newest format version that is written for onnxruntime: every later one reads it."""
TYPES = {
    f"tensor({name})": onnx.TensorProto.DataType.Value(proto)
    for name, proto in [
        *((n, n.upper()) for n in ("float", "double", "float16", "bfloat16", "string", "bool", "int8", "int16")),
        *((n, n.upper()) for n in ("int32", "int64", "uint8", "uint16", "uint32", "uint64")),
    ]
}
"""Element types by onnxruntime's names."""


class Evaluator:
    """Infers and computes single operators of one model."""

    def __init__(self, opsets: Sequence[onnx.OperatorSetIdProto], ir_version: int) -> None:
        self._opsets = list(opsets)
        self._versions = {"" if item.domain == "ai.onnx" else item.domain: item.version for item in opsets}
        self._ir_version = ir_version
        self._options = onnxruntime.SessionOptions()
        self._options.log_severity_level = 4
        self._options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._options.intra_op_num_threads = 1
        self._sessions: dict[tuple[bytes, tuple[str, ...]], Any] = {}

    def infer(self, node: onnx.NodeProto, inputs: Sequence[Tensor | None]) -> dict[str, Any]:
        """Types of the outputs by name, as far as they are known.

        Raises ValueError when the operator cannot take these inputs.
        """
        found, problem = self._infer_by_schema(node, inputs)
        names = [name for name in node.output if name]
        if all(Tensor(found.get(name)).shape is not None for name in names):
            return found
        for name, (element, shape) in self._infer_by_runtime(node, inputs).items():
            if Tensor(found.get(name)).shape is None and element is not None:
                found[name] = onnx.helper.make_tensor_type_proto(element, shape)
        if problem and not found:
            raise ValueError(problem)
        return found

    def compute(self, node: onnx.NodeProto, inputs: Sequence[Tensor | None], types: dict[str, Any]) -> list[Any] | None:
        """Values of the outputs of an operator whose inputs all have values, or None where they are not computed."""
        if node.op_type in RANDOM or any(tensor is not None and tensor.value is None for tensor in inputs):
            return None
        shapes = [Tensor(types.get(name)).shape for name in node.output if name]
        if node.op_type not in BOUNDED and any(shape is None or elements(shape) > MAX_ELEMENTS for shape in shapes):
            return None
        session = self._session(node, inputs)
        if session is None:
            return None
        try:
            values = session.run(None, {})
        except Exception:  # onnxruntime raises classes of its own that share no narrower base
            return None
        return values if all(isinstance(value, np.ndarray) for value in values) else None

    def run(self, node: onnx.NodeProto, values: Sequence[NDArray[Any] | None]) -> list[NDArray[Any]]:
        """Results of an operator on ``values``. Raises ValueError when onnxruntime cannot run it."""
        inputs = [None if value is None else replace(tensor_of(value), constant=False, value=None) for value in values]
        key = (node.SerializeToString(), tuple(str(item and item.type) for item in inputs))
        if key not in self._sessions:
            self._sessions[key] = self._session(node, inputs)
        session = self._sessions[key]
        if session is None:
            raise ValueError(f"onnxruntime cannot run {node.op_type}")
        feeds = {name: value for name, value in zip(node.input, values, strict=True) if value is not None}
        results: list[NDArray[Any]] = session.run(None, feeds)
        return results

    def _infer_by_schema(
        self, node: onnx.NodeProto, inputs: Sequence[Tensor | None]
    ) -> tuple[dict[str, Any], str | None]:
        """Types by ONNX's inference, and what is wrong with the inputs, if anything is."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        named = [(name, tensor) for name, tensor in zip(node.input, inputs, strict=True) if tensor is not None]
        if any(tensor.type is None for _, tensor in named):
            return {}, None
        try:
            schema = onnx.defs.get_schema(node.op_type, self._versions.get(domain, 1), domain)
        except (onnx.defs.SchemaError, TypeError):  # no such operator, or a name that is no text
            return {}, None
        types = {name: tensor.type for name, tensor in named}
        values = {name: numpy_helper.from_array(tensor.value, name) for name, tensor in named if _follows(tensor)}
        try:
            found = onnx.shape_inference.infer_node_outputs(
                schema, node, types, values, opset_imports=self._opsets, ir_version=self._ir_version
            )
        except onnx.shape_inference.InferenceError as error:
            return {}, f"shapes do not agree ({' '.join(str(error).split())[:200]})"
        except (onnx.checker.ValidationError, RuntimeError, ValueError, TypeError, KeyError):
            return {}, None
        return dict(found), None

    def _infer_by_runtime(
        self, node: onnx.NodeProto, inputs: Sequence[Tensor | None]
    ) -> dict[str, tuple[int | None, list[int | None]]]:
        session = self._session(node, inputs)
        if session is None:
            return {}
        return {
            item.name: (TYPES.get(item.type), [size if isinstance(size, int) else None for size in item.shape])
            for item in session.get_outputs()
        }

    def _session(self, node: onnx.NodeProto, inputs: Sequence[Tensor | None]) -> Any:
        """onnxruntime with this operator alone: constants as such, everything else as inputs."""
        named = {name: tensor for name, tensor in zip(node.input, inputs, strict=True) if tensor is not None}
        if any(tensor.type is None for tensor in named.values()):
            return None
        constants = [numpy_helper.from_array(t.value, name) for name, t in named.items() if t.value is not None]
        arguments = [onnx.ValueInfoProto(name=n, type=t.type) for n, t in named.items() if t.value is None]
        outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        graph = onnx.helper.make_graph([node], "one", arguments, outputs, constants)
        domains = {item.domain: item.version for item in self._opsets}
        opsets = [onnx.helper.make_opsetid(name, version) for name, version in ({node.domain: 1} | domains).items()]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=min(self._ir_version, RUNTIME_IR))
        try:
            content = model.SerializeToString()
            return onnxruntime.InferenceSession(content, self._options, providers=["CPUExecutionProvider"])
        except Exception:  # operators that it does not implement, types that do not fit
            return None


def _follows(tensor: Tensor) -> bool:
    """Whether a value may decide sizes: sizes, axes and repeats are short lists of numbers, never weights."""
    value: NDArray[Any] | None = tensor.value
    return value is not None and value.size <= 1024 and value.dtype != object
