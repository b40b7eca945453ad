"""Maps of areas: in proportion, without gaps, and labelled only where there is room."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.reporting.svg import WIDTH
from pipeline.stages.reporting.synthesis import grouped
from pipeline.stages.reporting.treemap import CHARACTER, HEAD, HEIGHT, OTHER, Box, squarify, treemap


@settings(deadline=None)
@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30), st.floats(10, 400), st.floats(10, 400))
def test_boxes_fill_the_frame_in_proportion_and_do_not_overlap(sizes: list[float], width: float, height: float) -> None:
    sizes = sorted(sizes, reverse=True)
    boxes = squarify(sizes, Box(0, 0, width, height))
    scale = width * height / sum(sizes)
    assert [box.width * box.height for box in boxes] == pytest.approx([size * scale for size in sizes])
    for at, box in enumerate(boxes):
        assert box.x > -1e-6
        assert box.y > -1e-6
        assert box.x + box.width < width + 1e-6
        assert box.y + box.height < height + 1e-6
        for other in boxes[:at]:
            across = min(box.x + box.width, other.x + other.width) - max(box.x, other.x)
            down = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
            assert min(across, down) < 1e-6


def test_boxes_of_equal_size_are_nearly_square() -> None:
    boxes = squarify([1.0] * 9, Box(0, 0, 300, 300))
    assert {(round(box.width), round(box.height)) for box in boxes} == {(100, 100)}


def test_labels_are_inside_their_boxes_and_small_parts_are_one() -> None:
    groups = {"execute": {"processing_element": 60.0, "mesh": 5.0}, "load": {f"part{at}": 0.05 for at in range(100)}}
    picture = treemap("found", groups, "mm²")
    boxes = re.findall(r'<rect x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"[^>]*/>(.*?)</g>', picture)
    assert sum(float(width) * float(height) for _, _, width, height, _ in boxes) == pytest.approx(
        WIDTH * (HEIGHT - HEAD), rel=1e-3
    )
    assert len(boxes) == 3
    assert f"load, {OTHER}: 5 mm²" in picture
    for x, y, width, height, inside in boxes:
        for at_x, at_y, label in re.findall(r'x="(\S+)" y="(\S+)">([^<]*)</text>', inside):
            assert float(at_x) + CHARACTER * len(label) <= float(x) + float(width)
            assert float(at_y) <= float(y) + float(height)


def test_areas_are_grouped_by_the_parts_of_the_top() -> None:
    leaf = {"name": "u_cell", "module": "cell", "instances": 4, "own_mm2": 0.5, "children": []}
    array = {"name": "u_array", "module": "array", "instances": 2, "own_mm2": 1.0, "children": [leaf]}
    tree = {"name": "", "module": "all", "instances": 1, "own_mm2": 0.25, "children": [array]}
    assert grouped(tree, {"array", "cell"}) == {"top": {"all": 0.25}, "array": {"array": 2.0, "cell": 4.0}}
    assert grouped(tree, {"array"}) == {"top": {"all": 0.25}, "array": {"array": 2.0}}
