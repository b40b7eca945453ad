"""Units: an elaborated design as distinct modules, by hand-made RTLIL."""

import pytest

from pipeline.synthesis.units import Macro, split

LEAF = """attribute \\src "a.sv:1"
module \\leaf$top.{name}
  attribute \\hdlname "clk_i"
  wire input 1 \\clk_i
  wire ${first}y
  cell $not ${first}
    connect \\A \\clk_i
    connect \\Y ${first}y
  end
end
"""
TOP = """module \\top
  wire input 1 \\clk_i
  cell \\leaf$top.u_a \\u_a
    connect \\clk_i \\clk_i
  end
  cell \\leaf$top.u_b \\u_b
    connect \\clk_i \\clk_i
  end
  cell \\sram_1rw \\u_memory
    parameter \\Rows 256
    parameter \\Bytes 2
    parameter \\IndexBits 8
    connect \\clk_i \\clk_i
  end
end
module \\sram_1rw
  parameter \\Rows
  wire input 1 \\clk_i
end
"""


def test_instances_that_differ_in_automatic_names_are_one_unit() -> None:
    units = split(TOP + LEAF.format(name="u_a", first=1) + LEAF.format(name="u_b", first=17), "top")
    assert [unit.module for unit in units.units.values()] == ["leaf", "top"]
    assert sorted(units.instances().values()) == [1, 2]


def test_instances_with_other_content_are_two_units() -> None:
    other = LEAF.format(name="u_b", first=17).replace("$not", "$pos")
    units = split(TOP + LEAF.format(name="u_a", first=1) + other, "top")
    assert [unit.module for unit in units.units.values()] == ["leaf", "leaf", "top"]
    assert set(units.instances().values()) == {1}


def test_memories_are_macros_and_no_units() -> None:
    units = split(TOP + LEAF.format(name="u_a", first=1) + LEAF.format(name="u_b", first=2), "top")
    assert units.units[units.top].macros == (("u_memory", Macro("sram_1rw", 256, 2)),)
    assert units.boxes == {"sram_1rw": "wire input 1 \\clk_i"}


def test_a_large_memory_outside_a_macro_is_named() -> None:
    big = LEAF.format(name="u_a", first=1).replace("wire $", "memory width 64 size 8192 \\rows_q\n  wire $")
    with pytest.raises(ValueError, match=r"leaf: memory rows_q of 8192 x 64 bits .* sram_1rw or sram_1r1w"):
        split(TOP + big + LEAF.format(name="u_b", first=2), "top")


def test_a_design_without_the_top_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no module other"):
        split(TOP, "other")
