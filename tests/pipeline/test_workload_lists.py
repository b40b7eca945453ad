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
