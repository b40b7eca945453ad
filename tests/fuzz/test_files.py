"""Damaged YAML and ONNX files: named in one line, or read as what they say."""

from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import onnx
import pytest
import yaml
from hypothesis import strategies as st
from onnx import TensorProto, helper

from pipeline.config.plan import Plan
from pipeline.config.study import STUDIES, Study, load_study
from pipeline.files import WORKLOADS
from pipeline.workload import dump_workload, load_workload
from tests.fuzz.command import examples, explore, folder, no_hang, run
from tests.fuzz.mutations import VALUES, bits, damaged_bytes, damaged_content

STUDY = (STUDIES / "smoke.yaml").read_bytes()
WORKLOAD = (WORKLOADS / "bert.yaml").read_bytes()

BOMBS = (
    "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n" for old, new in pairwise("abcdefghi"))
    + "name: *i\nlayers: *i\nworkloads: *i\nsource: *i\n",
    "[" * 100_000,
    "{a: " * 5_000,
    "name: " + "9" * 100_000,
    "name: &a {x: *a}",
    "layers: &a [*a, *a]\nname: *a\nworkloads: *a",
    "? " * 5_000,
    "- " * 100_000,
    "name: !!python/object/apply:os.system [ls]",
    "name: x\n" * 5_000,
)  # fmt: skip
"""Short texts that expand, nest or run without end where a reader is careless."""


def as_yaml(valid: bytes) -> st.SearchStrategy[bytes]:
    """Damaged texts and damaged values of a YAML file."""
    content = damaged_content(yaml.safe_load(valid))
    return damaged_bytes(valid) | content.map(lambda value: yaml.safe_dump(value, allow_unicode=True).encode())


def check_study(path: Path) -> None:
    """A study is whole, or refused with a line a problem and its file named; the workflow can plan what is whole."""
    try:
        with no_hang():
            study = load_study(str(path))
    except ValueError as error:
        message = str(error)
        assert path.name in message
        assert all(0 < len(line) < 1000 for line in message.split("\n"))
        return
    assert Study.model_validate_json(study.model_dump_json()) == study
    plan = Plan(study)
    names = [*plan.training_batches(), *plan.constraints("r1"), plan.folder, *plan.workloads.values(), *plan.hardware]
    assert not any("\n" in name or ".." in name.split("/") for name in names)


@examples(sample=15, many=3000)
def test_a_damaged_study_is_named_or_whole(count):
    def check(text: bytes) -> None:
        with folder() as inside:
            path = inside / "study.yaml"
            path.write_bytes(text)
            check_study(path)

    explore(check, count, text=as_yaml(STUDY))


@examples(sample=10, many=1500)
def test_a_damaged_workload_is_named_or_whole(count):
    def check(text: bytes) -> None:
        with folder() as inside:
            path = inside / "mine.yaml"
            path.write_bytes(text)
            if run(inside, "workloads", "show", path).status == 0:
                read = load_workload(str(path))
                path.write_text(dump_workload(read), encoding="utf-8")
                assert load_workload(str(path)) == read

    explore(check, count, text=as_yaml(WORKLOAD))


@examples(sample=2, many=60)
def test_a_damaged_workload_can_be_searched_or_is_named(count):
    def check(text: bytes) -> None:
        with folder() as inside:
            path = inside / "mine.yaml"
            path.write_bytes(text)
            options = ("--method", "random", "--evaluations", 1, "--seed", 0, "--out", inside / "out")
            run(inside, "search", "--workload", path, *options)

    explore(check, count, text=as_yaml(WORKLOAD))


@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:12])
def test_a_file_that_expands_or_nests_without_end_is_refused(text, tmp_path):
    path = tmp_path / "bomb.yaml"
    path.write_text(text, encoding="utf-8")
    check_study(path)
    assert run(tmp_path, "workloads", "show", path).status == 1


def test_a_file_of_any_size_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    check_study(path)
    assert run(tmp_path, "workloads", "show", path).status == 1


def onnx_model() -> bytes:
    """A convolution and two matrix products."""

    def tensor(name: str, *shape: int) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.FLOAT, shape, bytes(4 * prod(shape)), raw=True)

    nodes = [
        helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Flatten", ["y"], ["z"]),
        helper.make_node("Gemm", ["z", "g"], ["a"], transB=1),
        helper.make_node("MatMul", ["a", "m"], ["b"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 3, 8, 8))]
    outputs = [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)]
    weights = [tensor("w", 4, 3, 3, 3), tensor("g", 5, 64), tensor("m", 5, 6)]
    return helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, weights)).SerializeToString()


@st.composite
def damaged_model(draw: st.DrawFn) -> bytes:
    """The model with sizes, names or attributes replaced."""
    model = onnx.load_from_string(ONNX)
    sizes = st.sampled_from((0, -1, 1, 2, 1 << 20, 1 << 31, (1 << 63) - 1, -(1 << 63)))
    names = st.sampled_from(("", "x", "w", "y", "b", "?" * 500, "\x00", "\u202e"))
    for _ in range(draw(st.integers(1, 3))):
        node = draw(st.sampled_from(list(model.graph.node)))
        weight = draw(st.sampled_from(list(model.graph.initializer)))
        kind = draw(st.sampled_from(("shape", "attribute", "operator", "wire", "input", "copy")))
        if kind == "shape":
            weight.dims[:] = draw(st.lists(sizes, max_size=5))
        elif kind == "attribute":
            name = draw(st.sampled_from(("group", "strides", "dilations", "pads", "kernel_shape", "transA")))
            value = draw(st.lists(sizes, min_size=1, max_size=5) | sizes | names)
            node.attribute.append(helper.make_attribute(name, value))
        elif kind == "operator":
            node.op_type = draw(st.sampled_from(("Conv", "Gemm", "MatMul", "If", "Reshape", "", "x\ny")))
        elif kind == "wire":
            node.input[:] = draw(st.lists(names, max_size=4))
            node.name = draw(names)
        elif kind == "input":
            axis = draw(st.sampled_from(list(model.graph.input[0].type.tensor_type.shape.dim)))
            axis.dim_value = draw(sizes)
        else:
            model.graph.node.append(node)
    return model.SerializeToString()


ONNX = onnx_model()


@examples(sample=10, many=2000)
def test_a_damaged_onnx_model_is_named_or_imported(count):
    def check(content: bytes) -> None:
        with folder() as inside:
            (inside / "in.onnx").write_bytes(content)
            if run(inside, "workloads", "import", inside / "in.onnx", inside / "out.yaml").status == 0:
                load_workload(str(inside / "out.yaml"))

    flipped = st.builds(bits, st.just(ONNX), st.integers(0, 10**6), st.integers(1, 10))
    explore(check, count, content=damaged_model() | damaged_bytes(ONNX) | flipped)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_a_study_field_of_any_kind_is_refused_in_short_lines(value, tmp_path):
    path = tmp_path / "study.yaml"
    content: dict[str, Any] = yaml.safe_load(STUDY)
    for section in ("search", "hardware", "workloads", "sampling"):
        path.write_text(yaml.safe_dump(content | {section: value}, allow_unicode=True), encoding="utf-8")
        check_study(path)
