"""The area model that is fitted to synthesis."""

import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.synthesized_area import (
    logic_mm2,
    memory_mm2,
    structure_mm2,
    synthesized_area,
    synthesized_area_mm2,
)
from pipeline.machine.gemmini.template import DEFAULT, STRUCTURE
from pipeline.machine.machine import MachineChoice, machine_of, with_area
from pipeline.synthesis.memories import macro_mm2
from pipeline.synthesis.units import Macro


def sizes(dim: float, scratchpad: float, accumulator: float, *, needs_grad: bool = False) -> HardwareTensors:
    values = {"dim": dim, "scratchpad_kib": scratchpad, "accumulator_kib": accumulator}
    return HardwareTensors(
        {name: torch.tensor(v, dtype=torch.float64, requires_grad=needs_grad) for name, v in values.items()}
    )


def test_logic_is_the_polynomial_at_the_scale_of_the_tables() -> None:
    model = synthesized_area()
    at_16 = model.logic_mm2.per_dim2 * 256 + model.logic_mm2.per_dim * 16 + model.logic_mm2.constant
    assert float(logic_mm2(torch.tensor(16.0))) == pytest.approx(at_16 / (180 / 40) ** 2)


@pytest.mark.parametrize(("dim", "scratchpad", "accumulator"), [(16, 256, 64), (4, 64, 32), (32, 128, 128)])
def test_memories_are_the_macros_that_synthesis_counts(dim: int, scratchpad: int, accumulator: int) -> None:
    banks = [Macro("sram_1rw", scratchpad * 1024 // dim // 4, dim)] * 4
    banks += [Macro("sram_1r1w", accumulator * 1024 // (4 * dim) // 2, 4 * dim)] * 2
    expected = sum(macro_mm2(bank, 40) for bank in banks)
    assert float(memory_mm2(sizes(dim, scratchpad, accumulator))) == pytest.approx(expected, rel=1e-5)


def test_area_is_differentiable_and_grows_with_every_size() -> None:
    hardware = sizes(16.5, 250.0, 65.0, needs_grad=True)
    synthesized_area_mm2(hardware).backward()
    assert all(size.grad is not None and float(size.grad) > 0 for size in hardware.sizes.values())


def test_the_search_can_choose_it_and_models_of_either_stay_models_of_both() -> None:
    published = machine_of("gemmini")
    chosen = with_area(published, "synthesized")
    hardware = sizes(16, 256, 64)
    assert float(chosen.area_mm2(hardware)) == pytest.approx(float(synthesized_area_mm2(hardware)))
    assert float(published.area_mm2(hardware)) != pytest.approx(float(synthesized_area_mm2(hardware)), rel=0.01)
    assert chosen == published
    assert MachineChoice.of(chosen) == MachineChoice.of(published)


def test_a_machine_without_rtl_has_no_synthesized_area() -> None:
    with pytest.raises(ValueError, match="area of timeloop is not known from synthesis"):
        with_area(machine_of("timeloop"), "synthesized")


def test_the_default_structure_has_the_area_of_the_tables_and_more_of_a_part_takes_more():
    for area in ("published", "synthesized"):
        machine = with_area(machine_of("gemmini"), area)
        default = float(machine.area_mm2(HardwareTensors.stack([DEFAULT])))
        for axis in STRUCTURE:
            if area == "synthesized" and axis.name.endswith("_banks"):
                continue  # in the tables several small memories may be smaller than a large one
            more, less = (DEFAULT.restructured({axis.name: number}) for number in (2 * axis.default, axis.default // 2))
            both = machine.area_mm2(HardwareTensors.stack([DEFAULT, more, less])).tolist()
            assert both[0] == pytest.approx(default)
            assert both[1] > both[0] > both[2], axis.name


@pytest.mark.parametrize(
    ("changes", "logic_mm2"),
    [
        # Differences of synthesised areas at DIM 4 in mm2 at 180 nm; the memory for beats included.
        ({"execute_entries": 8, "load_entries": 4, "store_entries": 2}, -0.9715),
        ({"reads_in_flight": 32}, 0.8208),
        ({"reads_in_flight": 4}, -0.5354),
        ({"bus_bytes": 32}, 0.2601),
        ({"bus_bytes": 64}, 0.9889),
    ],
)
def test_what_a_structure_adds_is_near_what_was_synthesised(changes, logic_mm2):
    hardware = DEFAULT.restructured(changes)
    assert float(structure_mm2(HardwareTensors.stack([hardware]))) == pytest.approx(
        logic_mm2 * (40 / 180) ** 2, rel=0.25
    )


def test_banks_count_at_their_own_size():
    hardware = DEFAULT.restructured({"scratchpad_banks": 8, "accumulator_banks": 4})
    banks = [Macro("sram_1rw", 256 * 1024 // 16 // 8, 16)] * 8 + [Macro("sram_1r1w", 64 * 1024 // 64 // 4, 64)] * 4
    expected = sum(macro_mm2(bank, 40) for bank in banks)
    assert float(memory_mm2(HardwareTensors.stack([hardware]))) == pytest.approx(expected, rel=1e-5)
