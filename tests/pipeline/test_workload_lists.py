"""The workloads that come with the package hold every published layer list."""

import json
from collections import Counter

import pytest

from pipeline.files import reference_data
from pipeline.workload import load_workload, workload_names


def test_every_published_list_comes_with_the_package_layer_by_layer() -> None:
    path = reference_data() / "layer_shapes.json"
    if not path.exists():
        pytest.skip(f"published layer shapes not found at {path}")
    for name, entries in json.loads(path.read_text()).items():
        published: Counter[tuple[object, ...]] = Counter()
        for entry in entries:
            # A stride of 0 marks the axis of one-dimensional convolutions that has no extent in the list.
            strides = (entry["Wstride"], entry["Hstride"]) if entry["Wstride"] else (entry["Hstride"], 1)
            published[(*(entry[dim] for dim in "RSPQCKN"), *strides)] += entry["count"]
        ours = load_workload(name).layers
        assert {(*e.layer.sizes, e.layer.stride_w, e.layer.stride_h): e.count for e in ours} == published, name
        assert len(ours) == len(published), name


@pytest.mark.parametrize("name", workload_names())
def test_each_workload_names_its_source(name: str) -> None:
    assert len(load_workload(name).source) > 20


def test_one_dimensional_convolutions_stride_along_the_axis_that_has_an_extent() -> None:
    for entry in load_workload("conv_1d").layers:
        assert entry.layer.S == entry.layer.Q == entry.layer.stride_h == 1
        assert entry.layer.P > 1


@pytest.mark.parametrize(
    ("name", "parameters", "others"),
    [
        # Embeddings of positions; biases and two norms a block; the last norm. The token embedding is the output's.
        ("gpt2_decode", 124_439_808, 1024 * 768 + 12 * (2304 + 768 + 3072 + 768 + 4 * 768) + 2 * 768),
        ("gpt2_prefill", 124_439_808, 1024 * 768 + 12 * (2304 + 768 + 3072 + 768 + 4 * 768) + 2 * 768),
        # Two norms a block and the last one.
        ("llama_1b_decode", 1_235_814_400, 33 * 2048),
        # As for GPT-2, with a class token, a bias of the patches and a head of 1000 classes.
        ("vit_b_16", 86_567_656, (197 + 1 + 1) * 768 + 12 * (2304 + 768 + 3072 + 768 + 4 * 768) + 2 * 768 + 1000),
        # Two numbers for each output channel of a convolution, and the biases of the classifier.
        ("mobilenet_v2", 3_504_872, 2 * 17_056 + 1000),
    ],
)
def test_a_network_has_the_published_number_of_parameters(name: str, parameters: int, others: int) -> None:
    weights = sum(
        entry.count * entry.layer.R * entry.layer.S * entry.layer.C * entry.layer.K
        for entry in load_workload(name).layers
        if entry.name not in {"scores", "context"}
    )
    assert weights + others == parameters


@pytest.mark.parametrize(("name", "gmac"), [("mobilenet_v2", 0.301), ("vit_b_16", 17.564)])
def test_a_network_has_the_published_number_of_operations(name: str, gmac: float) -> None:
    assert round(load_workload(name).macs / 1e9, 3) == gmac
