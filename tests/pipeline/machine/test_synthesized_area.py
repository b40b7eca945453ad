"""The area model that is fitted to synthesis."""

import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.synthesized_area import logic_mm2, memory_mm2, synthesized_area, synthesized_area_mm2
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
