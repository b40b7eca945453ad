"""Named hardware."""

import pytest

from pipeline.hardware import HardwareTensors
from pipeline.machine.experts import expert_hardware, experts
from tests.machines import GEMMINI, MACHINES


@pytest.mark.parametrize("name", MACHINES)
def test_every_expert_design_can_be_built_and_has_a_source(name: str) -> None:
    assert set(experts()) == {"eyeriss-like", "nvdla-small-like", "nvdla-large-like", "gemmini-default"}
    machine = MACHINES[name]
    for known, expert in experts().items():
        hardware = expert_hardware(known, machine.template)
        assert hardware.dim & (hardware.dim - 1) == 0
        assert expert.source
        assert machine.area_mm2(HardwareTensors.stack([hardware])).item() > 0


def test_the_gemmini_default_has_the_sizes_of_its_paper() -> None:
    hardware = expert_hardware("gemmini-default", GEMMINI.template)
    assert (hardware.dim, hardware.scratchpad_kib, hardware.accumulator_kib) == (16, 256, 64)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'tpu'; known: eyeriss-like, nvdla-small-like"):
        expert_hardware("tpu", GEMMINI.template)
