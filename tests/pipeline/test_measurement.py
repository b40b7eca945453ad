import pytest

from pipeline.measurement import COUNTERS, Measurement

ZERO = dict.fromkeys(COUNTERS, 0)


def test_cycle_classes_that_add_up_are_accepted():
    assert Measurement("k", "d", 7, ZERO | {"load_cycles": 3, "host_cycles": 4}).cycles == 7


def test_cycle_classes_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="add up to 3, not 4"):
        Measurement("k", "d", 4, ZERO | {"load_cycles": 3})


def test_a_missing_counter_is_refused():
    with pytest.raises(ValueError, match="counters"):
        Measurement("k", "d", 0, {"load_cycles": 0})
