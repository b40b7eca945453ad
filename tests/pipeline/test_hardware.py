import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.capacity import check_fits, smallest_hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from tests.machines import GEMMINI, MACHINES, TIMELOOP
from tests.pipeline.machine.footprint import footprint
from tests.strategies import mappings

DEFAULT = GEMMINI.template.hardware(16, 256, 64)


def fits(mapping: Mapping, hardware: Hardware, machine) -> bool:
    try:
        check_fits(mapping, hardware, machine)
    except ValueError:
        return False
    return True


def test_rows_of_the_default_hardware():
    assert (DEFAULT.scratchpad_rows, DEFAULT.accumulator_rows) == (16384, 1024)
    assert (DEFAULT.tile_scratchpad_rows, DEFAULT.tile_accumulator_rows) == (8192, 512)
    assert TIMELOOP.template.hardware(16, 256, 64).tile_scratchpad_rows == 16384


@pytest.mark.parametrize("name", MACHINES)
def test_tile_rows_read_back(name):
    hardware = MACHINES[name].template.from_tile_rows(8, {"scratchpad": 100, "accumulator": 30})
    assert (hardware.tile_scratchpad_rows, hardware.tile_accumulator_rows) == (100, 30)


def test_the_id_changes_with_everything_that_defines_the_hardware():
    variants = [
        DEFAULT,
        GEMMINI.template.hardware(8, 256, 64),
        GEMMINI.template.hardware(16, 128, 64),
        GEMMINI.template.hardware(16, 256, 32),
        TIMELOOP.template.hardware(16, 256, 64),
    ]
    assert len({hardware.id for hardware in variants}) == len(variants)
    assert GEMMINI.template.hardware(16, 256.0, 64.0).id == DEFAULT.id


def test_a_structure_other_than_the_default_is_part_of_the_hardware_and_its_id():
    wide = DEFAULT.restructured({"bus_bytes": 32, "reads_in_flight": 16})
    assert (wide["bus_bytes"], wide["reads_in_flight"], wide.changed) == (32, 16, {"bus_bytes": 32})
    assert str(wide) == f"{DEFAULT}, bus_bytes 32"
    assert len({DEFAULT, wide, DEFAULT.restructured({"reads_in_flight": 32})}) == 3
    assert wide.id not in (DEFAULT.id, DEFAULT.restructured({"bus_bytes": 64}).id)
    assert wide.restructured({"bus_bytes": 16}) == DEFAULT
    assert DEFAULT.id == "d16-s256-a64-4560bc"  # folders of results are named by it


@pytest.mark.parametrize(
    ("hardware", "changes", "message"),
    [
        (DEFAULT, {"bus_bytes": 0}, "hardware bus_bytes = 0: must be a whole number above 0"),
        (DEFAULT, {"buss": 32}, "hardware of gemmini has no buss; it has bus_bytes, scratchpad_banks,"),
        (TIMELOOP.default_hardware, {"bus_bytes": 32}, "of timeloop has no bus_bytes; its structure is fixed"),
    ],
)
def test_a_structure_that_is_not_possible_is_named(hardware, changes, message):
    with pytest.raises(ValueError, match=message):
        hardware.restructured(changes)


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
        ((16, 256, 64, 8), "are not dim, scratchpad_kib, accumulator_kib"),
    ],
)
def test_impossible_hardware_is_refused_with_the_offender(sizes, culprit):
    with pytest.raises(ValueError, match="hardware") as caught:
        GEMMINI.template.hardware(*sizes)
    assert culprit in str(caught.value)


@settings(deadline=None)
@given(st.lists(mappings(), min_size=1, max_size=4), st.sampled_from(list(MACHINES.values())))
def test_the_smallest_hardware_fits_and_nothing_smaller_does(found, machine):
    hardware = smallest_hardware(found, machine)
    for mapping in found:
        check_fits(mapping, hardware, machine)
    grid = machine.grid
    for name in ("scratchpad_kib", "accumulator_kib"):
        sizes = {"scratchpad_kib": hardware.scratchpad_kib, "accumulator_kib": hardware.accumulator_kib}
        sizes[name] = sizes[name] / 2 if grid.powers_of_two else sizes[name] - 1
        if sizes[name] < grid.low_kib:
            continue
        smaller = machine.template.hardware(hardware.dim, sizes["scratchpad_kib"], sizes["accumulator_kib"])
        assert any(not fits(mapping, smaller, machine) for mapping in found)


def test_an_array_that_is_too_small_is_named():
    mapping = Mapping(Layer(1, 1, 4, 1, 32, 32), ((), (("P", 4),), (), ()), (32, 32))
    with pytest.raises(ValueError, match=r"spatial C32 x K32 exceeds an array of dim 16"):
        check_fits(mapping, DEFAULT, GEMMINI)


def test_a_tile_of_a_tensors_own_is_refused_where_a_level_has_one_tile():
    layer = Layer(1, 1, 4, 1, 32, 32)
    mapping = Mapping.parse("L3[WIO] P4 [I] K2 - L2[WI] N1 K16X - L1[O] C2 C16X - L0[W] N1", layer)
    check_fits(mapping, TIMELOOP.template.hardware(16, 64, 64), TIMELOOP)
    with pytest.raises(ValueError, match=r"boundary \[I\]: on gemmini a level has one tile"):
        check_fits(mapping, DEFAULT, GEMMINI)


def test_footprints_of_a_hand_worked_convolution_tile():
    layer = Layer(3, 3, 8, 8, 20, 40, stride_w=2, stride_h=2)
    text = "L3[WIO] Q2 - L2[WI] N1 K14X - L1[O] K3 C2 R3 S3 P8 Q4 C10X - L0[W] N1"
    mapping = Mapping.parse(text, layer)
    rtl = footprint(mapping, 16, "gemmini")
    assert rtl.accumulator_rows == 3 * 8 * 4
    assert rtl.scratchpad_rows == 2 * (8 * 2 + 2) * (4 * 2 + 2) + 3 * 3 * 3 * 20
    timeloop = footprint(mapping, 16, "timeloop")
    assert timeloop.accumulator_rows == 3 * 8 * 4
    assert timeloop.scratchpad_rows == -(-(17 * 9 * 20 + 3 * 3 * 20 * 40) // 16)


def test_tensors_hold_the_sizes():
    tensors = HardwareTensors.stack([DEFAULT, GEMMINI.template.hardware(8, 32, 16)])
    assert tensors.dim.tolist() == [16, 8]
    assert tensors[1].accumulator_kib.item() == 16
