import json
from pathlib import Path

import pytest

from pipeline.files import reference_data
from pipeline.workload import Layer, dump_workload, load_workload, workload_names


def test_published_networks_come_with_the_package():
    assert {"unet", "resnet50", "bert", "retinanet"} <= set(workload_names())


@pytest.mark.parametrize("name", ["unet", "resnet50", "bert", "retinanet"])
def test_shapes_and_counts_equal_the_published_ones(name):
    path = reference_data() / "layer_shapes.json"
    if not path.exists():
        pytest.skip(f"published layer shapes not found at {path}")
    published = {
        (tuple(entry[dim] for dim in "RSPQCKN"), entry["Wstride"], entry["Hstride"]): entry["count"]
        for entry in json.loads(path.read_text())[name]
    }
    ours = {(e.layer.sizes, e.layer.stride_w, e.layer.stride_h): e.count for e in load_workload(name).layers}
    assert ours == published


@pytest.mark.parametrize("name", workload_names())
def test_a_dumped_workload_reads_back_equal(name, tmp_path):
    workload = load_workload(name)
    path = tmp_path / "copy.yaml"
    path.write_text(dump_workload(workload))
    assert load_workload(str(path)) == workload


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("name: x\nsource: y\nlayers:\n  - {name: a, K: 0}\n", "layer K = 0"),
        ("name: x\nsource: y\nlayers:\n  - {name: a, colour: 3}\n", "colour"),
        ("name: x\nsource: y\nlayers: []\n", "no layers"),
        ("name: x\nsource: y\nlayers:\n  - {name: a}\n  - {name: a}\n", "'a' occurs twice"),
        ("name: ../x\nsource: y\nlayers:\n  - {name: a}\n", "../x"),
        ("name: [", "while parsing"),
        ("!!python/object/apply:os.system ['true']", "python/object"),
    ],
)
def test_a_bad_file_is_refused_by_name(text, culprit, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"bad\.yaml") as caught:
        load_workload(str(path))
    assert culprit in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown workload 'resnet51'; did you mean resnet50\?; known: .*resnet50"):
        load_workload("resnet51")
    with pytest.raises(ValueError, match="No such file"):
        load_workload(str(Path("absent.yaml")))


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "3", 1 << 21])
def test_a_layer_takes_only_positive_bounded_integers(bad):
    with pytest.raises(ValueError, match=r"layer P = "):
        Layer(1, 1, bad, 1, 1, 1)


def test_macs_and_input_extent_of_a_strided_dilated_convolution():
    layer = Layer(3, 3, 5, 4, 2, 7, stride_w=2, dilation_w=3)
    assert layer.macs == 3 * 3 * 5 * 4 * 2 * 7
    assert (layer.input_w, layer.input_h) == (4 * 2 + 2 * 3 + 1, 3 + 2 + 1)


def test_bert_is_another_name_of_the_published_part_of_an_encoder_block():
    assert load_workload("bert").layers == load_workload("bert_dosa").layers


def test_bert_base_is_a_whole_encoder_block():
    tokens, width, ffn, heads = 128, 768, 3072, 12
    projections, attention = 4 * tokens * width**2, 2 * tokens**2 * width
    assert load_workload("bert_base").macs == projections + attention + 2 * tokens * width * ffn
    assert [entry.count for entry in load_workload("bert_base").layers if "s" in entry.name][:2] == [4, heads]
