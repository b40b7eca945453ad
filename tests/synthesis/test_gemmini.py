"""Synthesis of the accelerator as it is shipped, with the standard cells of the system."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

from pipeline.machine.machine import machine_of
from pipeline.stages.synthesize import module_table, report, synthesize
from pipeline.synthesis import tools
from pipeline.synthesis.units import Macro

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(importlib.util.find_spec("pyosys") is None, reason="pyosys is not installed"),
    pytest.mark.skipif(not tools.DEFAULT_LIBERTY.is_file(), reason="qflow-tech-osu018 is not installed"),
]
PLACE_BITS = 1 + 1 + 1 + 8 + 8 + 32 + 2 * 8
"""Valid, propagate, load, input, weight and sum that an element hands on, and its two weights."""
KEPT_COUNTER_BITS = 12 * 64
"""Of 13 counters one is counted outside."""


def test_gemmini_becomes_cells_and_macros(tmp_path: Path) -> None:
    hardware = machine_of("gemmini").template.hardware(4, 256, 64)
    result = synthesize("gemmini", hardware, cache=tmp_path / "units")
    rows = {row.module: row for row in result.modules()}
    element = rows["processing_element"]
    assert (element.instances, element.variants, element.registers) == (16, 1, 16 * PLACE_BITS)
    assert rows["performance_counters"].registers > KEPT_COUNTER_BITS
    memories = Counter({Macro("sram_1rw", 256 * 1024 // 4 // 4, 4): 4, Macro("sram_1r1w", 64 * 1024 // 16 // 2, 16): 2})
    beats = Macro("sram_1r1w", 24 * 64 // 16, 16)  # that 24 reads of 64 bytes bring
    scales = Macro("sram_1r1w", 2048 // 4, 4 * 4)  # of 2048 output channels, four bytes each
    assert result.units.macros() == memories | Counter({beats: 1, scales: 1})
    table = module_table(result)
    assert table["share"].sum() == pytest.approx(1)
    assert table["leakage_nw"].gt(0).all()
    whole = report(result, "gemmini", hardware)
    if tools.find_sta() is not None:
        assert isinstance(whole["critical_ns"], float)
        assert whole["critical_ns"] > element.critical_ns > 0
