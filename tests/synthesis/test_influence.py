"""No control depends on data: the cone of influence of the read data, over all gates of a design."""

import importlib.util
from pathlib import Path

import pytest

from pipeline.synthesis.influence import Influence, influence
from rtl.design import Design

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pyosys") is None, reason="pyosys is not installed")
SMALL = {"Dim": 2, "ScratchpadRows": 64, "AccumulatorRows": 64}
ACTIVE = "if (head_pop) active_q <= head_valid;"
QUIET = "assign quiescent_o = &quiet;"
LEAKY = {
    "register": ("dma_reader.sv", ACTIVE, ACTIVE.replace(";", " && !rsp_data_i[5];")),
    "output": ("gemmini.sv", QUIET, QUIET.replace(";", " && !acc_read_data[7];")),
}


def of_gemmini(sources: list[Path], datapath: int = 1) -> Influence:
    parameters = SMALL | {"PlainArray": 1, "Datapath": datapath}
    return influence(sources, "gemmini", parameters, ["rd_rsp_data_i"])


def cone(tmp_path: Path, body: str) -> Influence:
    ports = "input logic clk_i, input logic data_i, input logic [1:0] control_i, output logic data_o, valid_o"
    source = tmp_path / "small.sv"
    source.write_text(f"module top({ports});\n{body}\nendmodule\n", encoding="utf-8")
    return influence([source], "top", {}, ["data_i"])


def test_data_goes_through_registers_and_stays_out_of_control(tmp_path: Path) -> None:
    body = "logic data_q, valid_q; always_ff @(posedge clk_i) begin data_q <= data_i; valid_q <= control_i[0];"
    found = cone(tmp_path, body + "data_o <= data_q ^ control_i[1]; valid_o <= valid_q; end")
    assert found.outputs == {"data_o"}
    assert {"data_q", "data_o"} <= found.registers
    assert {"valid_q", "valid_o"} <= found.other_registers


@pytest.mark.parametrize(
    "leak",
    [
        "logic q; always_ff @(posedge clk_i) if (data_i) q <= control_i[0]; assign valid_o = q;",  # an enable
        "logic q[2]; always_ff @(posedge clk_i) q[data_i] <= control_i[0]; assign valid_o = q[0];",  # an address
        "logic q; always_ff @(posedge clk_i or posedge data_i) if (data_i) q <= 0; else q <= 1; assign valid_o = q;",
        "assign valid_o = control_i == {1'b0, data_i};",
    ],
)
def test_every_way_into_control_is_found(tmp_path: Path, leak: str) -> None:
    assert cone(tmp_path, f"assign data_o = 1'b0; {leak}").outputs == {"valid_o"}


def test_one_bit_of_a_bundle_leaves_the_others_alone(tmp_path: Path) -> None:
    body = "logic [1:0] both_q; always_ff @(posedge clk_i) both_q <= {control_i[0], data_i};"
    assert cone(tmp_path, body + "assign {valid_o, data_o} = both_q;").outputs == {"data_o"}


def test_an_unknown_data_input_is_named(tmp_path: Path) -> None:
    source = tmp_path / "small.sv"
    source.write_text("module top(input logic a_i, output logic y_o); assign y_o = a_i; endmodule\n", encoding="utf-8")
    with pytest.raises(ValueError, match="top has no input y_o"):
        influence([source], "top", {}, ["y_o"])


@pytest.mark.long
def test_no_control_of_gemmini_depends_on_data() -> None:
    found = of_gemmini(list(Design.read("gemmini").sources))
    assert found.outputs == {"wr_req_data_o"}
    assert found.memory_control == set()
    # The control is all there: what the timing build keeps is never reached.
    timing = of_gemmini(list(Design.read("gemmini").sources), datapath=0)
    assert timing.registers == set()
    assert len(timing.other_registers) > 300
    assert found.registers.isdisjoint(timing.other_registers)


@pytest.mark.long
@pytest.mark.parametrize("where", LEAKY)
def test_a_seeded_leak_is_caught(where: str, tmp_path: Path) -> None:
    name, right, wrong = LEAKY[where]
    sources = []
    for source in Design.read("gemmini").sources:
        copy = tmp_path / source.name
        text = source.read_text(encoding="utf-8")
        assert source.name != name or text.count(right) == 1
        copy.write_text(text.replace(right, wrong) if source.name == name else text, encoding="utf-8")
        sources.append(copy)
    assert of_gemmini(sources).outputs > {"wr_req_data_o"}
