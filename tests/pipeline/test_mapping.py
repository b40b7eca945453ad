import itertools
import math

import pytest
from hypothesis import given, settings

from pipeline.mapping import Mapping
from pipeline.mapping_tensors import MappingTensors
from pipeline.workload import DIMS, Layer
from tests.strategies import mappings, with_own_tiles

PUBLISHED = "L3[WIO] K8 Q28 - L2[WI] N1 K4X - L1[O] K2 S7 R7 Q4 P7 C3X - L0[W] P16"
STEM = Layer(7, 7, 112, 112, 3, 64, stride_w=2, stride_h=2)


@settings(deadline=None)
@given(mappings())
def test_the_text_form_reads_back_equal(mapping):
    assert Mapping.parse(str(mapping), mapping.layer) == mapping


@settings(deadline=None)
@given(mappings())
def test_the_tensor_form_reads_back_equal(mapping):
    tensors = MappingTensors.stack([mapping, mapping])
    assert tensors.mapping(mapping.layer, 1) == mapping
    assert sorted(tensors.rank[0, 2].tolist()) == list(range(7))


@settings(deadline=None)
@given(with_own_tiles())
def test_tiles_of_their_own_read_back_equal_from_text_and_tensors(mapping):
    assert Mapping.parse(str(mapping), mapping.layer) == mapping
    assert MappingTensors.stack([mapping]).mapping(mapping.layer, 0) == mapping


def test_a_mark_says_from_where_inwards_a_tile_covers_the_loops():
    text = "L3[WIO] P2 [I] K45 [W] C16 - L2[WI] [O] S3 K16X - L1[O] R3 Q28 P14 C16X - L0[W] N1"
    mapping = Mapping.parse(text, Layer(3, 3, 28, 28, 256, 720))
    assert mapping.held == (1, 2, 1)
    assert str(mapping) == text


def test_a_mapping_without_marks_has_tensors_without_held_places():
    assert MappingTensors.stack([Mapping.parse(PUBLISHED, STEM)]).held is None


@settings(deadline=None)
@given(mappings())
def test_tiles_of_the_outer_loops_cover_every_index_once(mapping):
    """Walk the DRAM loop of each dimension with its ragged tiles and count what is covered."""
    for dim, size in zip(DIMS, mapping.layer.sizes, strict=True):
        nominal = math.prod(factor for level, factor, _ in mapping.chain(dim) if level <= 2)
        covered = list(
            itertools.chain.from_iterable(
                range(i * nominal, min(size, (i + 1) * nominal)) for i in range(mapping.factor(3, dim))
            )
        )
        assert covered == list(range(size))


def test_the_published_text_means_what_it_says():
    mapping = Mapping.parse(PUBLISHED, STEM)
    assert mapping.loops[3] == (("K", 8), ("Q", 28))
    assert mapping.spatial == (3, 4)
    assert [mapping.tile(dim) for dim in DIMS] == [7, 7, 112, 4, 3, 8, 1]
    assert str(mapping) == PUBLISHED
    assert mapping.is_exact


def test_a_ragged_mapping_of_the_default_tiler_is_legal():
    layer = Layer(1, 1, 56, 56, 256, 128)
    text = "L3[WIO] Q3 P3 K8 C2 - L2[WI] N1 K16X - L1[O] C15 P23 Q22 C16X - L0[W] N1"
    mapping = Mapping.parse(text, layer)
    assert not mapping.is_exact
    assert (mapping.tile("P"), mapping.tile("C")) == (23, 240)


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        (PUBLISHED.replace("K8", "K4"), "does not cover K = 64"),
        (PUBLISHED.replace("K8", "K16"), "L3 K16: exceeds what remains of K = 64"),
        (PUBLISHED.replace("Q28", "Q0"), "'Q0' is not a loop"),
        (PUBLISHED.replace("K4X", "C4X"), "C4X cannot be spatial"),
        (PUBLISHED.replace("P16", "P16 P1 P2"), "L0: dimension P occurs twice"),
        (PUBLISHED.replace("L1[O]", "L1[W]"), "where L1[O] belongs"),
        (PUBLISHED.replace(" N1 K4X", ""), "an empty level is written N1"),
        (PUBLISHED.replace("K8", "Z8"), "'Z8' is not a loop"),
        (PUBLISHED.replace("K8", "K9999999"), "'K9999999' is not a loop"),
        (PUBLISHED.split(" - ", maxsplit=1)[0], "has 1 levels"),
        ("K" * 5000, "5000 characters"),
        ("", "has 1 levels"),
        (PUBLISHED.replace("K2 S7", "[O] K2 S7"), "[O] stands once, outside L1"),
        (PUBLISHED.replace("K8", "[I] K8 [I]"), "[I] stands once, outside L2"),
        (PUBLISHED.replace("K8", "[Z] K8"), "'[Z]' is not a loop"),
    ],
)
def test_bad_text_is_refused_with_the_offender(text, culprit):
    with pytest.raises(ValueError, match="mapping") as caught:
        Mapping.parse(text, STEM)
    assert culprit in str(caught.value)


def test_a_tile_that_covers_more_loops_than_there_are_is_refused():
    mapping = Mapping.parse(PUBLISHED, STEM)
    with pytest.raises(ValueError, match="tile of I covers 3 loops outside its level, there are 2"):
        Mapping(STEM, mapping.loops, mapping.spatial, held=(0, 3, 0))
