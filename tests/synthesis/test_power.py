"""Energy of small designs with a small library, against sums by hand."""

import importlib.util
from pathlib import Path

import pytest

from pipeline.synthesis import tools
from pipeline.synthesis.activity import Activity, Bit
from pipeline.synthesis.design import synthesise_design
from pipeline.synthesis.liberty import read_liberty
from pipeline.synthesis.memories import macro_model
from pipeline.synthesis.netlist import LOAD_FF, Options
from pipeline.synthesis.power import DesignEnergy, Energy, PowerModel
from pipeline.synthesis.result import Synthesis
from pipeline.synthesis.units import Macro
from tests.synthesis.cells import FALL_PJ, PIN_PF, RISE_PJ, VOLTS, write_liberty

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("pyosys") is None, reason="pyosys is not installed"),
    pytest.mark.skipif(tools.find_sta() is None, reason="OpenSTA is not installed"),
]
SOURCE = Path(__file__).with_name("tiny.sv")
INVERTER = """module inverter(input logic clk_i, input logic a_i, output logic y_o);
  logic a_q;
  always_ff @(posedge clk_i) a_q <= a_i;
  assign y_o = ~a_q;
endmodule
module pair(input logic clk_i, input logic a_i, input logic b_i, output logic y_o, output logic z_o);
  inverter u_a(.clk_i, .a_i, .y_o);
  inverter u_b(.clk_i, .a_i(b_i), .y_o(z_o));
endmodule
"""
INSIDE = (RISE_PJ + FALL_PJ) / 2
"""A change, on average."""


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Options:
    folder = tmp_path_factory.mktemp("power")
    return Options(read_liberty(write_liberty(folder / "mini.lib")), period_ns=5.0, cache=folder / "cache")


@pytest.fixture(scope="module")
def pair(options: Options, tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    source = tmp_path_factory.mktemp("pair") / "pair.sv"
    source.write_text(INVERTER, encoding="utf-8")
    return synthesise_design([source], "pair", {}, options, 180, lambda _: None)


def energy(result: Synthesis, bits: dict[str, float]) -> DesignEnergy:
    """Under an activity of changes a cycle; each bit is 1 half of the time."""
    activity = Activity(100, {f"tb.u_{name}": Bit(changes, 0.5) for name, changes in bits.items()})
    return PowerModel.of(result).energy(activity)


def net_pj(femtofarad: float) -> float:
    """Of a change of a net."""
    return femtofarad * 1e-3 * VOLTS**2 / 2


def test_energy_is_what_the_library_says_for_each_change(pair: Synthesis) -> None:
    changes = {"pair.a_i": 0.4, "pair.b_i": 0.1}
    inner = {"pair.u_a.a_i": 0.4, "pair.u_a.a_q": 0.4, "pair.u_b.a_i": 0.1, "pair.u_b.a_q": 0.1}
    found = energy(pair, changes | inner).by_module(pair)["inverter"]
    pin_ff = PIN_PF * 1e3
    cells = next(netlist for netlist in pair.netlists.values() if netlist.unit.module == "inverter").cells
    assert cells == {"DFF": 1, "INV": 1, "BUF": 1}
    assert found.clock_pj == pytest.approx(2 * (RISE_PJ + FALL_PJ + 2 * net_pj(pin_ff)), rel=1e-4)
    assert found.registers_pj == pytest.approx(0.5 * (INSIDE + net_pj(pin_ff)), rel=1e-4)
    assert PowerModel.of(pair).clock_pj == pytest.approx(found.clock_pj)
    assert found.logic_pj == pytest.approx(0.5 * (2 * INSIDE + net_pj(pin_ff) + net_pj(LOAD_FF)), rel=1e-4)


def test_what_the_simulation_does_not_name_changes_as_the_rest_of_its_kind(pair: Synthesis) -> None:
    ports = {"pair.a_i": 0.4, "pair.b_i": 0.1, "pair.u_a.a_i": 0.4, "pair.u_b.a_i": 0.1}
    both = energy(pair, ports | {"pair.u_a.a_q": 0.4, "pair.u_b.a_q": 0.1})
    one = energy(pair, ports | {"pair.u_a.a_q": 0.4})
    assert one.known < both.known < 1  # nobody names the outputs of the children in their parent
    halves = [found.by_module(pair)["inverter"].logic_pj for found in (both, one)]
    assert halves[1] == pytest.approx(0.8 * halves[0], rel=1e-4)


def test_an_activity_of_another_design_is_named(pair: Synthesis) -> None:
    with pytest.raises(ValueError, match="no instance u_pair"):
        energy(pair, {"other.a_i": 1.0})


def test_memories_take_what_their_reads_and_writes_take(options: Options) -> None:
    result = synthesise_design([SOURCE], "tiny", {"Rows": 256}, options, 180, lambda _: None)
    bits = {"tb.u_tiny.u_memory.read_i": Bit(0.2, 0.25), "tb.u_tiny.u_memory.write_i": Bit(0.2, 0.125)}
    macro = Macro("sram_1rw", 256, 2)
    model = macro_model(macro, 180)
    found = PowerModel.of(result).energy(Activity(100, bits)).by_module(result)
    assert found[macro.label] == Energy(memory_pj=pytest.approx(0.25 * model.read_pj + 0.125 * model.write_pj))
    with pytest.raises(ValueError, match=r"no bit tb\.u_tiny\.u_memory\.read_i"):
        energy(result, {"tiny.a_i[0]": 0.5})
