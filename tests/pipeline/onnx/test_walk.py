"""Sizes that a graph computes are followed; what the file says of inner tensors is not."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benches.onnx_oracle import macs
from pipeline.files import ROOT
from pipeline.onnx.importer import import_onnx
from pipeline.workload import Layer

CASES = ROOT.parent / "shared" / "cases"
RIGHT = {
    "batch_symbol_elsewhere": 35,
    "fold_div": 768,
    "fold_where": 210,
    "minus_one_batch": 3_888,
    "onnx_const_mm": 105,
    "onnx_dyn_seq": 512,
    "onnx_function": 450,
    "onnx_huge_rows": 201_326_592,
    "onnx_if_conv": 21_168,
    "onnx_stale_vi": 31_744,
    "onnx_zero_past": 2_048,
}
"""Multiply-accumulates of the inputs that once failed, open sizes counted as 1."""


def save(path: Path, text: str, **weights: tuple[int, ...]) -> Path:
    """The model of ``text`` in ONNX's own notation, with weights of zeros."""
    header = '<ir_version: 8, opset_import: ["" : 17, "my" : 1]>\n'
    model = onnx.parser.parse_model(header + text)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in weights.items()
    )
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("name", RIGHT)
def test_inputs_that_once_failed_import_whole(name: str) -> None:
    path = CASES / name / "model.onnx"
    if not path.exists():
        pytest.skip(f"the inputs that once failed are not at {CASES}")
    imported = import_onnx(path, name)
    assert imported.macs == RIGHT[name]
    assert imported.complete


def test_a_stored_shape_does_not_beat_the_real_one(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.onnx",
        """g (float[2,3,16,16] x) => (float[9,9] z) <float[1,4,8,8] y> {
            y = Conv <pads = [1,1,1,1]> (x, w)
            z = Conv (y, v)
        }""",
        w=(4, 3, 3, 3),
        v=(4, 4, 1, 1),
    )
    assert import_onnx(path, "a").macs == macs(path) == 2 * 4 * 256 * (27 + 4)


def test_sizes_that_the_graph_computes_are_folded(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.onnx",
        """g (float[1,4,8,8] x) => (y) {
            s = Shape (x)
            one = Constant <value_ints = [1]> ()
            two = Constant <value_ints = [2]> ()
            zero = Constant <value_ints = [0]> ()
            c = Gather (s, one)
            half = Div (c, two)
            part = Slice (x, zero, half, one)
            tail = Constant <value_ints = [-1, 64]> ()
            target = Concat <axis = 0> (half, tail)
            rows = Reshape (part, target)
            y = MatMul (rows, w)
        }""",
        w=(64, 6),
    )
    assert import_onnx(path, "a").macs == macs(path) == 2 * 64 * 6


def test_padding_that_the_graph_computes_is_followed(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.onnx",
        """g (float[1,2,5,5] x) => (y) {
            n = Constant <value_ints = [8]> ()
            four = Constant <value_ints = [4]> ()
            len = Shape <start = 3> (x)
            gap = Sub (four, len)
            more = Neg (gap)
            zeros = ConstantOfShape <value = int64[1] {0}> (n)
            where = Constant <value = int64[1,1] {7}> ()
            pads = ScatterND (zeros, where, more)
            padded = Pad (x, pads)
            y = Conv (padded, w)
        }""",
        w=(3, 2, 3, 3),
    )
    assert import_onnx(path, "a").macs == macs(path) == 3 * 4 * 18 * 3


def test_local_functions_are_read(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "my" : 1]>
        g (float[5,7] x, float[7,9] w, float[9,3] v) => (b) { a = my.Lin (x, w) b = my.Lin (a, v) }
        <domain: "my", opset_import: ["" : 17]> Lin (x, w) => (y) { t = MatMul (x, w) y = Relu (t) }"""
    )
    onnx.save(model, tmp_path / "a.onnx")
    workload = import_onnx(tmp_path / "a.onnx", "a").workload
    assert workload is not None
    assert [entry.layer for entry in workload.layers] == [Layer(1, 1, 5, 1, 7, 9), Layer(1, 1, 5, 1, 9, 3)]


BRANCHES = """g (float[3,3] x, bool c) => (y) {{
    shape = Shape (x)
    three = Constant <value_ints = [3]> ()
    equal = Equal (shape, three)
    zero = Constant <value_int = 0> ()
    sure = Gather (equal, zero)
    y = If ({condition}) <
        then_branch = t () => (p) {{ p = MatMul (x, x) }}, else_branch = e () => (q) {{ {other} }}
    >
    z = MatMul (y, w)
}}"""


@pytest.mark.parametrize(
    ("condition", "other", "imported", "left_out"),
    [
        ("sure", "q = Relu (x)", 27 + 18, None),
        ("c", "q = MatMul (x, x)", 27 + 18, None),
        ("c", "q = Relu (x)", 18, 27),
    ],
)
def test_a_branch_is_imported_where_it_is_certain(
    tmp_path: Path, condition: str, other: str, imported: int, left_out: int | None
) -> None:
    path = save(tmp_path / "a.onnx", BRANCHES.format(condition=condition, other=other), w=(3, 2))
    found = import_onnx(path, "a")
    assert found.macs == imported
    assert [item.macs for item in found.left_out] == ([] if left_out is None else [left_out])


LOOP = """g (float[3,3] x, int64 n, float[3] r) => (y) {{
    seven = Constant <value_int = 7> ()
    yes = Constant <value = bool {{1}}> ()
    y = Loop ({trips}, yes, x) <body = b (int64 i, bool go, float[3,3] s) => (bool on, float[3,3] t) {{
        on = Identity (go)
        t = MatMul (s, x)
    }}>
    z = MatMul (x, w)
}}"""


def test_a_loop_that_runs_a_known_number_of_times_is_imported(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", LOOP.format(trips="seven"), w=(3, 2))
    assert import_onnx(path, "a").macs == 7 * 27 + 18


def test_another_loop_is_named_with_what_is_in_it(tmp_path: Path) -> None:
    found = import_onnx(save(tmp_path / "a.onnx", LOOP.format(trips="n"), w=(3, 2)), "a")
    assert found.macs == 18
    (left_out,) = found.left_out
    assert left_out.operator == "Loop"
    assert "27 MACs a run" in left_out.reason
    assert not found.complete


def test_a_scan_runs_once_for_each_slice(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.onnx",
        """g (float[2,4] s, float[6,2,3] x) => (last, y) {
            last, y = Scan <num_scan_inputs = 1, body = b (float[2,4] h, float[2,3] v) => (float[2,4] n, float[2,4] o) {
                p = MatMul (v, w)
                n = Add (p, h)
                o = Relu (n)
            }> (s, x)
            z = MatMul (y, u)
        }""",
        w=(3, 4),
        u=(4, 5),
    )
    assert import_onnx(path, "a").macs == 6 * 2 * 3 * 4 + 6 * 2 * 4 * 5


OPEN = (
    'g (float["b",3,"s"] x, float["s + 1",2] p, float[2,"b"] q) => (y, z) {{ y = MatMul (x, {w}) z = MatMul (p, q) }}'
)


def test_open_sizes_count_as_one_and_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", OPEN.format(w="w"), w=(1, 5))
    found = import_onnx(path, "a")
    assert found.macs == 3 * 5 + 2 * 2
    assert found.assumed == ("b", "s")


def test_open_sizes_are_set_by_name_wherever_they_stand(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", OPEN.format(w="w"), w=(4, 5))
    found = import_onnx(path, "a", batch=7, dims={"s": 4})
    assert found.macs == 7 * 3 * 4 * 5 + 5 * 2 * 7
    assert found.assumed == ()
    assert found.workload is not None
    assert found.workload.source.endswith("batch 7, s 4")


def test_a_size_that_the_model_has_not_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", OPEN.format(w="w"), w=(1, 5))
    with pytest.raises(ValueError, match=r"no open size 'seq'; open sizes are: b, s"):
        import_onnx(path, "a", dims={"seq": 4})
    path = save(tmp_path / "b.onnx", "g (float[1,3] x) => (y) { y = MatMul (x, w) }", w=(3, 5))
    with pytest.raises(ValueError, match="no batch size to set"):
        import_onnx(path, "a", batch=2)


def test_a_size_that_depends_on_data_can_be_set(tmp_path: Path) -> None:
    text = "g (float[8] x) => (y) { at = NonZero (x) f = Cast <to = 1> (at) t = Transpose (f) y = MatMul (t, w) }"
    path = save(tmp_path / "a.onnx", text, w=(1, 5))
    assert import_onnx(path, "a").assumed == ("at.1",)
    assert import_onnx(path, "a", dims={"at.1": 6}).macs == 30


def test_a_cache_without_entries_has_products_of_size_zero(tmp_path: Path) -> None:
    text = """g (float[1,0,4] past, float[1,2,4] x) => (y) {
        k = Concat <axis = 1> (past, x)
        t = Transpose <perm = [0,2,1]> (past)
        e = MatMul (x, t)
        y = MatMul (k, w)
    }"""
    found = import_onnx(save(tmp_path / "a.onnx", text, w=(4, 5)), "a")
    assert found.macs == 40
    assert [str(item) for item in found.left_out] == ["1 x MatMul: an operand is empty (0 MACs)"]


@pytest.mark.parametrize("dims", [{"s": -1}, {"s": 1 << 31}])
def test_a_size_out_of_range_is_refused(tmp_path: Path, dims: dict[str, int]) -> None:
    path = save(tmp_path / "a.onnx", OPEN.format(w="w"), w=(1, 5))
    with pytest.raises(ValueError, match="size s = "):
        import_onnx(path, "a", dims=dims)


def test_the_oracle_counts_what_it_ran(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, (5, "n"))
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    weight = numpy_helper.from_array(np.zeros((4, 3), np.float32), "w")
    graph = helper.make_graph([node], "g", [value], [onnx.ValueInfoProto(name="y")], [weight])
    onnx.save(helper.make_model(graph), tmp_path / "a.onnx")
    assert macs(tmp_path / "a.onnx", {"n": 4}) == 60
