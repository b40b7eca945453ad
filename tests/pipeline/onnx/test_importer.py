"""Importing ONNX models: every layer is found, everything else is named."""

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from pipeline.onnx.importer import import_onnx
from pipeline.workload import Layer, Workload, dump_workload, load_workload

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def export(
    module: nn.Module, inputs: torch.Tensor, path: Path, dynamic_batch: bool = False, weights: bool = True
) -> Path:
    axes = {"input": {0: "batch"}} if dynamic_batch else None
    torch.onnx.export(
        module.eval(),
        (inputs,),
        str(path),
        export_params=weights,
        do_constant_folding=weights,
        input_names=["input"],
        dynamic_axes=axes,
        dynamo=False,
        verbose=False,
    )
    return path


def graph(path: Path, nodes: list[onnx.NodeProto], **shapes: tuple[int | str, ...]) -> Path:
    """A model of ``nodes``; ``shapes`` are its inputs, the last node's output its output."""
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    output = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", inputs, [output])), path)
    return path


def counts(path: Path) -> dict[Layer, int]:
    workload = import_onnx(path, "a").workload
    assert workload is not None
    return layers(workload)


def layers(workload: Workload) -> dict[Layer, int]:
    return {entry.layer: entry.count for entry in workload.layers}


def bottleneck(channels_in: int, channels: int, stride: int) -> nn.Module:
    class Bottleneck(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
                nn.Conv2d(channels, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
                nn.Conv2d(channels, 4 * channels, 1, bias=False), nn.BatchNorm2d(4 * channels),
            )  # fmt: skip
            whole = stride == 1 and channels_in == 4 * channels
            self.side = nn.Identity() if whole else nn.Conv2d(channels_in, 4 * channels, 1, stride, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.body(x) + self.side(x))

    return Bottleneck()


def resnet50() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels_in = 64
    for channels, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            layers.append(bottleneck(channels_in, channels, stride if block == 0 else 1))
            channels_in = 4 * channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


def test_a_resnet50_gives_the_layers_of_the_published_list(tmp_path: Path) -> None:
    with torch.device("meta"):
        module = resnet50()
    module.to_empty(device="cpu")  # without the time to initialise 25 million weights
    path = export(module, torch.zeros(1, 3, 224, 224), tmp_path / "resnet50.onnx", weights=False)
    assert counts(path) == layers(load_workload("resnet50"))
    assert import_onnx(path, "a").without_products["Relu"] == 49


@pytest.mark.long
def test_both_exporters_of_torch_give_the_same_layers(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="the newer exporter of torch needs onnxscript")
    module = nn.Sequential(nn.Conv2d(4, 8, 3, 2, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 5)).eval()
    inputs = torch.zeros(1, 4, 8, 8)
    older = export(module, inputs, tmp_path / "older.onnx")
    torch.onnx.export(module, (inputs,), str(tmp_path / "newer.onnx"), dynamo=True, verbose=False)
    assert (
        counts(tmp_path / "newer.onnx")
        == counts(older)
        == {Layer(3, 3, 3, 3, 2, 4, stride_w=2, stride_h=2): 2, Layer(1, 1, 1, 1, 72, 5): 1}
    )


def test_an_imported_workload_survives_its_yaml_file(tmp_path: Path) -> None:
    path = export(nn.Conv2d(3, 8, 3), torch.zeros(1, 3, 8, 8), tmp_path / "a.onnx")
    workload = import_onnx(path, "mine").workload
    assert workload is not None
    (tmp_path / "mine.yaml").write_text(dump_workload(workload))
    assert load_workload(str(tmp_path / "mine.yaml")) == workload


@pytest.mark.parametrize("dynamic_batch", [False, True])
def test_a_convolution_keeps_strides_dilations_and_both_axes(tmp_path: Path, dynamic_batch: bool) -> None:
    module = nn.Conv2d(6, 10, (5, 3), stride=(3, 2), padding=(2, 1), dilation=(1, 2))
    path = export(module, torch.zeros(1, 6, 33, 20), tmp_path / "a.onnx", dynamic_batch)
    output = module(torch.zeros(1, 6, 33, 20)).shape
    layer = Layer(3, 5, output[3], output[2], 6, 10, 1, stride_w=2, stride_h=3, dilation_w=2, dilation_h=1)
    assert counts(path) == {layer: 1}


def test_a_grouped_convolution_is_a_smaller_one_for_each_group(tmp_path: Path) -> None:
    path = export(nn.Conv2d(8, 12, 3, groups=4), torch.zeros(2, 8, 10, 10), tmp_path / "a.onnx")
    assert counts(path) == {Layer(3, 3, 8, 8, 2, 3, 2): 4}


def test_a_depthwise_convolution_is_one_layer_for_each_channel(tmp_path: Path) -> None:
    path = export(nn.Conv2d(8, 8, 3, padding=1, groups=8), torch.zeros(1, 8, 6, 6), tmp_path / "a.onnx")
    assert counts(path) == {Layer(3, 3, 6, 6, 1, 1): 8}


def test_a_one_dimensional_convolution_runs_along_r_and_p(tmp_path: Path) -> None:
    path = export(nn.Conv1d(4, 6, 5, stride=2), torch.zeros(1, 4, 21), tmp_path / "a.onnx")
    assert counts(path) == {Layer(5, 1, 9, 1, 4, 6, stride_w=2): 1}


def test_equal_layers_are_counted_once(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16), nn.Linear(16, 4))
    path = export(module, torch.zeros(3, 16), tmp_path / "a.onnx")
    assert counts(path) == {Layer(1, 1, 3, 1, 16, 16): 2, Layer(1, 1, 3, 1, 16, 4): 1}
    assert import_onnx(path, "a").macs == 3 * 16 * (16 + 16 + 4)


@pytest.mark.parametrize(
    ("left", "right", "layer", "count"),
    [
        ((2, 7, 4, 3), (3, 5), Layer(1, 1, 56, 1, 3, 5), 1),
        ((6, 4, 3), (6, 3, 5), Layer(1, 1, 4, 1, 3, 5), 6),
        ((6, 1, 4, 3), (1, 2, 3, 5), Layer(1, 1, 24, 1, 3, 5), 2),
        ((4, 3), (6, 3, 5), Layer(1, 1, 4, 1, 3, 5), 6),
        ((3,), (3, 5), Layer(1, 1, 1, 1, 3, 5), 1),
        ((4, 3), (3,), Layer(1, 1, 4, 1, 3, 1), 1),
    ],
)
def test_stacked_matrix_products_have_the_operations_of_numpy(
    tmp_path: Path, left: tuple[int, ...], right: tuple[int, ...], layer: Layer, count: int
) -> None:
    path = graph(tmp_path / "a.onnx", [helper.make_node("MatMul", ["a", "b"], ["c"])], a=left, b=right)
    assert counts(path) == {layer: count}
    outputs = torch.matmul(torch.zeros(left), torch.zeros(right)).numel()
    assert import_onnx(path, "a").macs == outputs * left[-1]


def test_gemm_transposes_are_followed(tmp_path: Path) -> None:
    node = helper.make_node("Gemm", ["a", "b"], ["c"], transA=1, transB=1)
    path = graph(tmp_path / "a.onnx", [node], a=(3, 4), b=(5, 3))
    assert counts(path) == {Layer(1, 1, 4, 1, 3, 5): 1}


def test_what_is_left_out_is_listed_with_its_reason_and_its_macs(tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["a", "w"], ["c"]), helper.make_node("MatMul", ["c", "b"], ["d"])]
    path = graph(tmp_path / "a.onnx", nodes, a=(1, 2, 4, 4, 4), w=(3, 2, 1, 1, 1), b=(4, 5))
    imported = import_onnx(path, "a")
    assert [str(item) for item in imported.left_out] == [
        "1 x Conv: 3 spatial axes, 1 or 2 are imported (384 MACs)",
    ]
    assert (imported.macs, imported.all_macs, imported.complete) == (960, 1344, True)


def test_an_operator_that_contradicts_itself_does_not_stop_the_import(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["a", "b"], ["c"]), helper.make_node("MatMul", ["a", "d"], ["e"])]
    imported = import_onnx(graph(tmp_path / "a.onnx", nodes, a=(2, 3), b=(4, 5), d=(3, 4)), "a")
    assert imported.macs == 24
    assert [item.operator for item in imported.left_out] == ["MatMul"]
    assert not imported.complete


@pytest.mark.parametrize("damaged", [b"Frobnicate", b"their.domain", b"output_of_it", b"its_name"])
def test_names_that_are_no_text_do_not_stop_the_import(tmp_path: Path, damaged: bytes) -> None:
    nodes = [
        helper.make_node("Frobnicate", ["a"], ["output_of_it"], name="its_name"),
        helper.make_node("Sigmoid", ["output_of_it"], ["f"], domain="their.domain"),
        helper.make_node("Relu", ["output_of_it"], ["g"]),
        helper.make_node("MatMul", ["a", "b"], ["d"]),
    ]
    path = graph(tmp_path / "a.onnx", nodes, a=(2, 4), b=(4, 5))
    path.write_bytes(path.read_bytes().replace(damaged, damaged[:3] + b"\xf4" + damaged[4:]))
    assert counts(path) == {Layer(1, 1, 2, 1, 4, 5): 1}


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" + bytes(range(255))])
def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.onnx"):
        import_onnx(path, "a")


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.onnx: No such file"):
        import_onnx(tmp_path / "absent.onnx", "a")


def test_a_model_without_products_gives_no_workload(tmp_path: Path) -> None:
    path = graph(tmp_path / "a.onnx", [helper.make_node("Relu", ["a"], ["b"])], a=(2, 3))
    imported = import_onnx(path, "a")
    assert imported.workload is None
    assert imported.without_products == {"Relu": 1}


def test_rows_beyond_the_largest_size_are_cut_into_equal_parts(tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["a", "b"], ["c"])
    path = graph(tmp_path / "a.onnx", [node], a=(3 << 20, 3), b=(3, 5))
    assert counts(path) == {Layer(1, 1, 1 << 20, 1, 3, 5): 3}


def test_a_reduction_that_no_layer_can_hold_is_left_out_with_its_macs(tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["a", "b"], ["c"])
    path = graph(tmp_path / "a.onnx", [node], a=(1, 1 << 21), b=(1 << 21, 2))
    (left_out,) = import_onnx(path, "a").left_out
    assert left_out.macs == 1 << 22
    assert "layer C = 2097152" in left_out.reason


@pytest.mark.parametrize("stem", ["my net (v2)", "-.", "x" * 200, "réseau", ""])
def test_whatever_the_names_are_the_product_reads_the_file(tmp_path: Path, stem: str) -> None:
    names = ["a: b", "#", "'", "\u202e", "x" * 500, "a: b"]
    nodes = [helper.make_node("MatMul", [f"t{i}", f"w{i}"], [f"t{i + 1}"], name=name) for i, name in enumerate(names)]
    shapes = {f"w{i}": (i + 2, i + 3) for i in range(len(names))}
    workload = import_onnx(graph(tmp_path / "a.onnx", nodes, t0=(1, 2), **shapes), stem).workload
    assert workload is not None
    assert len(workload.layers) == len(names)
    (tmp_path / "b.yaml").write_text(dump_workload(workload), encoding="utf-8")
    assert load_workload(str(tmp_path / "b.yaml")) == workload
