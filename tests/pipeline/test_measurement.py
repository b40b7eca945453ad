from types import SimpleNamespace

import pytest

from pipeline.measurement import COUNTERS, Measurement
from pipeline.stages.simulate import _columns
from sim.task import Record

ZERO = dict.fromkeys(COUNTERS, 0)


def test_cycle_classes_that_add_up_are_accepted():
    assert Measurement("k", "d", 7, ZERO | {"load_cycles": 3, "host_cycles": 4}).cycles == 7


def test_cycle_classes_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="add up to 3, not 4"):
        Measurement("k", "d", 4, ZERO | {"load_cycles": 3})


def test_a_row_whose_classes_do_not_add_up_fails_alone():
    request = SimpleNamespace(design=SimpleNamespace(rtl_digest="d"))
    row = _columns(Record("k", 4, ZERO | {"load_cycles": 3}), request)
    assert "cycle classes add up to 3, not 4" in row["error"]
    assert row["sim.rtl_digest"] == "d"


def test_counters_are_optional_but_have_known_names():
    assert Measurement("k", "d", 5, {"load_cycles": 3}).cycles == 5
    assert Measurement("k", "d", 5, {}).counters == {}
    with pytest.raises(ValueError, match="counter speed is none of compute_cycles"):
        Measurement("k", "d", 5, {"speed": 3})
