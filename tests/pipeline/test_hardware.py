import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.hardware import Hardware, HardwareTensors, check_fits, footprint, smallest_hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from tests.strategies import mappings

DEFAULT = Hardware(16, 256, 64)


def fits(mapping: Mapping, hardware: Hardware) -> bool:
    try:
        check_fits(mapping, hardware)
    except ValueError:
        return False
    return True


def test_rows_of_the_default_hardware():
    assert (DEFAULT.scratchpad_rows, DEFAULT.accumulator_rows) == (16384, 1024)
    assert (DEFAULT.tile_scratchpad_rows, DEFAULT.tile_accumulator_rows) == (8192, 512)
    assert Hardware(16, 256, 64, "timeloop").tile_scratchpad_rows == 16384


@pytest.mark.parametrize("platform", ["timeloop", "rtl"])
def test_tile_rows_read_back(platform):
    hardware = Hardware.from_tile_rows(8, 100, 30, platform)
    assert (hardware.tile_scratchpad_rows, hardware.tile_accumulator_rows) == (100, 30)


def test_the_id_changes_with_everything_that_defines_the_hardware():
    variants = [
        DEFAULT,
        Hardware(8, 256, 64),
        Hardware(16, 128, 64),
        Hardware(16, 256, 32),
        Hardware(16, 256, 64, "timeloop"),
    ]
    assert len({hardware.id for hardware in variants}) == len(variants)
    assert Hardware(16, 256.0, 64.0).id == DEFAULT.id


@pytest.mark.parametrize(
    ("sizes", "culprit"),
    [
        ((0, 256, 64), "dim = 0"),
        ((16.0, 256, 64), "dim = 16.0"),
        ((16, -1, 64), "scratchpad_kib = -1"),
        ((16, float("nan"), 64), "scratchpad_kib = nan"),
        ((16, 256, float("inf")), "accumulator_kib = inf"),
        ((16, 0.3, 64), "scratchpad_kib = 0.3 is not a whole number of rows"),
        ((48, 256, 64), "not a whole number of rows at dim 48"),
        ((16, 256, 64, "fpga"), "'fpga'"),
    ],
)
def test_impossible_hardware_is_refused_with_the_offender(sizes, culprit):
    with pytest.raises(ValueError, match="hardware") as caught:
        Hardware(*sizes)
    assert culprit in str(caught.value)


@settings(deadline=None)
@given(st.lists(mappings(), min_size=1, max_size=4), st.sampled_from(["timeloop", "rtl"]))
def test_the_smallest_hardware_fits_and_nothing_smaller_does(found, platform):
    hardware = smallest_hardware(found, platform)
    for mapping in found:
        check_fits(mapping, hardware)
    step = 0.5 if platform == "rtl" else None
    for name in ("scratchpad_kib", "accumulator_kib"):
        sizes = {"scratchpad_kib": hardware.scratchpad_kib, "accumulator_kib": hardware.accumulator_kib}
        sizes[name] = sizes[name] * step if step else sizes[name] - 1
        if sizes[name] < (4 if platform == "rtl" else 1):
            continue
        smaller = Hardware(hardware.dim, sizes["scratchpad_kib"], sizes["accumulator_kib"], platform)
        assert any(not fits(mapping, smaller) for mapping in found)


def test_an_array_that_is_too_small_is_named():
    mapping = Mapping(Layer(1, 1, 4, 1, 32, 32), ((), (("P", 4),), (), ()), 32, 32)
    with pytest.raises(ValueError, match=r"spatial C32 x K32 exceeds an array of dim 16"):
        check_fits(mapping, DEFAULT)


def test_footprints_of_a_hand_worked_convolution_tile():
    layer = Layer(3, 3, 8, 8, 20, 40, stride_w=2, stride_h=2)
    text = "L3[WIO] Q2 - L2[WI] N1 K14X - L1[O] K3 C2 R3 S3 P8 Q4 C10X - L0[W] N1"
    mapping = Mapping.parse(text, layer)
    rtl = footprint(mapping, 16, "rtl")
    assert rtl.accumulator_rows == 3 * 8 * 4
    assert rtl.scratchpad_rows == 2 * (8 * 2 + 2) * (4 * 2 + 2) + 3 * 3 * 3 * 20
    timeloop = footprint(mapping, 16, "timeloop")
    assert timeloop.accumulator_rows == 3 * 8 * 4
    assert timeloop.scratchpad_rows == -(-(17 * 9 * 20 + 3 * 3 * 20 * 40) // 16)


def test_tensors_hold_the_sizes():
    tensors = HardwareTensors.stack([DEFAULT, Hardware(8, 32, 16)])
    assert tensors.dim.tolist() == [16, 8]
    assert tensors[1].accumulator_kib.item() == 16
