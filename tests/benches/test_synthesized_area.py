"""The area model is solved from what the bench of synthesis has written."""

import pytest
import torch
import yaml

from benches.synthesized_area import document, fit, judged, logic_areas, point
from pipeline.hardware import HardwareTensors
from pipeline.machine.area import accumulator_bank_mm2, scratchpad_mm2
from pipeline.machine.gemmini.synthesized_area import PATH, SynthesizedArea, synthesized_area

BEATS_MM2 = 0.25
"""Of a memory that is neither scratchpad nor accumulator."""


def cells_mm2(dim: int) -> float:
    return 0.05 * dim**2 - 0.1 * dim + 7


def banks_mm2(dim: int) -> float:
    """At 180 nm: four banks of the scratchpad, two of each column of the accumulator."""
    quarter = {"dim": dim, "scratchpad_kib": 64, "accumulator_kib": 32}
    bank = HardwareTensors({name: torch.tensor(float(size), dtype=torch.float64) for name, size in quarter.items()})
    return float(4 * scratchpad_mm2(bank) + 2 * dim * accumulator_bank_mm2(bank)) * (180 / 40) ** 2


def row(dim: int, more: float = 0.0) -> dict[str, str | int | float | bool | None]:
    return {"dim": dim, "logic_mm2": cells_mm2(dim) + more, "memory_mm2": banks_mm2(dim) + BEATS_MM2}


def test_the_polynomial_that_made_the_areas_is_found_with_the_other_memories_in_its_constant() -> None:
    found = fit(logic_areas([row(dim) for dim in (4, 8, 16)]))
    assert found == pytest.approx((0.05, -0.1, 7 + BEATS_MM2))


def test_two_of_the_sizes_are_not_enough() -> None:
    assert fit(logic_areas([row(dim) for dim in (4, 16, 64)])) is None


def test_sizes_that_are_not_fitted_judge_it() -> None:
    areas = logic_areas([row(4), row(8), row(16), row(32, more=5.0)])
    coefficients = fit(areas)
    assert coefficients is not None
    table = {found["dim"]: found for found in judged(areas, coefficients)}
    assert [table[dim]["fitted"] for dim in (4, 8, 16, 32)] == [True, True, True, False]
    assert table[16]["error"] == pytest.approx(0, abs=1e-9)
    true = cells_mm2(32) + BEATS_MM2
    assert table[32]["error"] == pytest.approx(true / (true + 5) - 1)
    text = document(PATH.read_text(encoding="utf-8"), coefficients, list(table.values()))
    written = SynthesizedArea.model_validate(yaml.safe_load(text))
    assert written.structure == synthesized_area().structure
    assert written.logic_mm2.per_dim2 == pytest.approx(0.05)
    assert "at 32" in written.source
    assert point(32).dim == 32
