"""Synthesis of a small design with a small library, against counts by hand and a proof that logic stayed the same."""

import importlib.util
from pathlib import Path

import pytest
import torch

from pipeline.hardware import HardwareTensors
from pipeline.machine.area import scratchpad_mm2
from pipeline.synthesis import tools
from pipeline.synthesis.design import synthesise_design
from pipeline.synthesis.elaborate import elaborate
from pipeline.synthesis.liberty import read_liberty
from pipeline.synthesis.memories import macro_model
from pipeline.synthesis.netlist import Options
from pipeline.synthesis.result import ModuleRow, Synthesis
from pipeline.synthesis.units import Macro
from tests.synthesis.cells import AREAS, GATE_NS, SETUP_NS, write_liberty

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pyosys") is None, reason="pyosys is not installed")
needs_sta = pytest.mark.skipif(tools.find_sta() is None, reason="OpenSTA is not installed")
SOURCE = Path(__file__).with_name("tiny.sv")
NM = 80.0


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Options:
    folder = tmp_path_factory.mktemp("synthesis")
    return Options(read_liberty(write_liberty(folder / "mini.lib")), period_ns=5.0, cache=folder / "cache")


@pytest.fixture(scope="module")
def small(options: Options) -> Synthesis:
    return synthesise_design([SOURCE], "tiny", {"Rows": 256}, options, NM, lambda _: None)


def row(result: Synthesis, module: str) -> ModuleRow:
    return next(row for row in result.modules() if row.module.startswith(module))


def test_every_bit_of_a_register_is_a_flip_flop(small: Synthesis) -> None:
    assert row(small, "tiny").registers == 4
    assert row(small, "stage").registers == 4 + 4 + 6
    assert (row(small, "stage").instances, row(small, "stage").variants) == (3, 2)


def test_registers_with_reset_get_cells_with_reset(small: Synthesis) -> None:
    cells = {netlist.unit.module: netlist.cells for netlist in small.netlists.values()}
    assert cells["tiny"]["DFF"] == 4
    assert "DFF" not in cells["stage"]
    assert set(cells["stage"]) <= set(AREAS)


def test_area_is_that_of_the_cells_of_all_instances(small: Synthesis) -> None:
    instances = small.units.instances()
    expected = sum(
        instances[name] * count * AREAS[cell]
        for name, netlist in small.netlists.items()
        for cell, count in netlist.cells.items()
    )
    assert sum(row.area_mm2 for row in small.modules() if not row.memory) == pytest.approx(expected / 1e6)


def test_a_memory_has_the_area_of_the_tables_at_its_feature_size(small: Synthesis) -> None:
    size = {"dim": torch.tensor(2.0), "scratchpad_kib": torch.tensor(0.5), "accumulator_kib": torch.tensor(0.5)}
    at_40_nm = float(scratchpad_mm2(HardwareTensors(size)))
    memory = row(small, "sram_1rw 256 x 2 B")
    assert memory.memory
    assert memory.area_mm2 == pytest.approx(4 * at_40_nm)


def test_the_tree_of_instances_adds_up_to_the_table(small: Synthesis) -> None:
    def total(node: dict[str, object]) -> float:
        children = node["children"]
        assert isinstance(children, list)
        return float(str(node["instances"])) * (float(str(node["own_mm2"])) + sum(map(total, children)))

    assert total(small.hierarchy()) == pytest.approx(sum(row.area_mm2 for row in small.modules()))


@pytest.mark.parametrize("wrong", ["", "NOR2 "])
def test_the_netlist_does_what_the_source_says(small: Synthesis, options: Options, tmp_path: Path, wrong: str) -> None:
    netlist = next(n for n in small.netlists.values() if n.unit.module == "stage" and n.cells["DFFR"] == 4)
    text = netlist.verilog.read_text(encoding="utf-8")
    text = text.replace("NAND2 ", wrong or "NAND2 ", 1)
    (tmp_path / "netlist.v").write_text(text, encoding="utf-8")
    (tmp_path / "source.il").write_text(elaborate([SOURCE], "stage", {"Bits": 4}), encoding="utf-8")
    (tmp_path / "cells.lib").symlink_to(options.liberty.path)
    proof = f"""read_rtlil source.il
read_liberty cells.lib
read_verilog netlist.v
flatten {netlist.unit.name}
async2sync
dffunmap
opt_clean
miter -equiv -make_outputs -flatten stage {netlist.unit.name} both
sat -verify -seq 1 -set-at 1 in_rst_ni 0 -tempinduct -prove trigger 0 both
"""
    if not wrong:
        assert "SUCCESS" in tools.yosys(proof, tmp_path)
    else:
        with pytest.raises(RuntimeError):
            tools.yosys(proof, tmp_path)


@pytest.mark.long
def test_a_multiplier_of_32_bits_ends(options: Options, tmp_path: Path) -> None:
    source = tmp_path / "product.sv"
    source.write_text(
        "module product(input logic signed [31:0] a_i, input logic [23:0] b_i, output logic signed [55:0] y_o);\n"
        "assign y_o = 56'(a_i) * 56'(signed'({1'b0, b_i})); endmodule\n",
        encoding="utf-8",
    )
    result = synthesise_design([source], "product", {}, options, NM, lambda _: None)
    # A full adder for about each of the 32 x 24 partial products.
    assert sum(result.netlists[result.units.top].cells.values()) > 4 * 31 * 23


@needs_sta
def test_the_critical_path_is_the_sum_of_its_gates(options: Options, tmp_path: Path) -> None:
    source = tmp_path / "invert.sv"
    source.write_text(
        "module invert(input logic clk_i, input logic a_i, output logic y_o); logic a_q;\n"
        "always_ff @(posedge clk_i) begin a_q <= a_i; y_o <= ~a_q; end endmodule\n",
        encoding="utf-8",
    )
    result = synthesise_design([source], "invert", {}, options, NM, lambda _: None)
    cells = result.netlists[result.units.top].cells
    gates = sum(count for name, count in cells.items() if name != "DFF")
    assert cells["INV"] == 1
    # The register, then gates in a row, each with a load of one input of 1 fF, that is 0.001 ns.
    assert result.whole is not None
    assert result.whole.ns == pytest.approx((1 + gates) * (GATE_NS + 0.001) + SETUP_NS, abs=1e-4)


@needs_sta
def test_a_path_through_modules_is_timed_as_a_whole(options: Options, tmp_path: Path) -> None:
    source = tmp_path / "chain.sv"
    source.write_text(
        "module step(input logic a_i, output logic y_o); assign y_o = ~a_i; endmodule\n"
        "module chain(input logic clk_i, input logic a_i, output logic y_o); logic [3:0] s; assign s[0] = a_i;\n"
        "for (genvar i = 0; i < 3; i++) step u (.a_i(s[i]), .y_o(s[i+1]));\n"
        "always_ff @(posedge clk_i) y_o <= s[3]; endmodule\n",
        encoding="utf-8",
    )
    result = synthesise_design([source], "chain", {}, options, NM, lambda _: None)
    step = next(netlist for netlist in result.netlists.values() if netlist.unit.module == "step")
    assert result.units.instances()[step.unit.name] == 3
    assert result.whole is not None
    gates = 3 * sum(step.cells.values())
    # Of the buffer that drives the input only what the load adds counts, 0.001 ns.
    assert result.whole.ns == pytest.approx(gates * (GATE_NS + 0.001) + 0.001 + SETUP_NS, abs=1e-4)
    assert result.paths[result.units.top].ns < result.whole.ns


@needs_sta
def test_a_path_through_a_memory_takes_its_access_time(options: Options, tmp_path: Path) -> None:
    source = tmp_path / "reader.sv"
    source.write_text(
        SOURCE.read_text(encoding="utf-8")
        + "module reader(input logic clk_i, input logic rst_ni, input logic [7:0] row_i, output logic [15:0] y_o);\n"
        "logic [15:0] data; sram_1rw #(.Rows(256), .Bytes(2)) u_memory (.clk_i, .rst_ni, .read_i(1'b1),\n"
        ".write_i(1'b0), .row_i, .mask_i('0), .wdata_i('0), .rdata_o(data));\n"
        "always_ff @(posedge clk_i) y_o <= ~data; endmodule\n",
        encoding="utf-8",
    )
    result = synthesise_design([source], "reader", {}, options, NM, lambda _: None)
    access_ns = macro_model(Macro("sram_1rw", 256, 2), NM).access_ns
    assert row(result, "sram_1rw").critical_ns == access_ns
    assert row(result, "sram_1rw").leakage_nw > 0
    assert result.whole is not None
    gates = (row(result, "reader").cells - row(result, "reader").registers) // 16
    assert result.whole.ns == pytest.approx(access_ns + gates * (GATE_NS + 0.001) + SETUP_NS, abs=1e-3)
    assert result.paths[result.units.top].ns < result.whole.ns


def test_an_error_in_the_source_names_it(options: Options, tmp_path: Path) -> None:
    source = tmp_path / "a b.sv"
    source.write_text("module wrong(output logic y_o); assign y_o = other; endmodule\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="undeclared identifier 'other'"):
        synthesise_design([source], "wrong", {}, options, NM, lambda _: None)


def test_units_are_synthesised_once(options: Options, small: Synthesis, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> str:
        raise AssertionError("a unit was synthesised again")

    monkeypatch.setattr("pipeline.synthesis.netlist.yosys", never)
    again = synthesise_design([SOURCE], "tiny", {"Rows": 256}, options, NM, lambda _: None)
    assert again.modules() == small.modules()
