"""The mesh of processing elements is the same array as the model that simulates fast."""

import importlib.util
from pathlib import Path

import pytest

from pipeline.hardware import Hardware
from pipeline.synthesis.elaborate import linked
from pipeline.synthesis.tools import yosys
from rtl.design import RTL
from tests.rtl.test_variants import PROGRAMS, check
from tests.sim.random_tasks import DESIGNS

BENCH = Path(__file__).parent / "array_equality" / "array_equality.sv"
SOURCES = (
    BENCH,
    *(RTL / "gemmini" / f"{name}.sv" for name in ("systolic_array", "mesh", "processing_element", "delay_line")),
)
CYCLES = 9
"""A load of two rows, two rows that use its weights, and their results, which come five cycles later."""

pytestmark = pytest.mark.xdist_group("rtl")


@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("pyosys") is None, reason="pyosys is not installed (extra 'synthesis')")
def test_no_rows_of_one_bit_elements_tell_the_arrays_apart_at_dim_2(tmp_path: Path) -> None:
    # Bounded: from reset (all registers zero), every sequence of rows that the array controller can feed.
    files = " ".join(linked(tmp_path, SOURCES))
    read = f"read_slang --ignore-assertions --no-implicit-memories --top array_equality -G Bits=1 {files}"
    prepare = "flatten; proc; memory -nomap; opt; wreduce; async2sync; dffunmap; opt -full; memory_map; opt -full"
    prove = f"sat -set-init-zero -seq {CYCLES} -set rst_ni 1 -prove differ_o 0 -verify array_equality"
    yosys(f"{read}\n{prepare}\n{prove}\n", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("hardware", DESIGNS[:2], ids=["dim 2", "dim 4"])
def test_random_programs_are_bit_exact_on_the_mesh(hardware: Hardware) -> None:
    check({"PlainArray": 1}, PROGRAMS, hardware)
