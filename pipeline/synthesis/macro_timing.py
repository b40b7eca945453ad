"""Memory macros for OpenSTA: each is a module of cells of one bit, one kind for inputs and one for data that is read.

Data of a read comes its access time after the clock. Set-up times are zero: CACTI counts what happens before a row is
chosen as part of the access.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.synthesis.memories import macro_model
from pipeline.synthesis.units import Macro, port_widths, verilog_head

_CLOCK = "clk_i"
_INPUT = "memory_input"
_PIN_PF = 0.01
"""Of every input: a few gates at 180 nm."""
_SLEW_NS = 0.1
_HEAD = """library (memories) {
  delay_model : table_lookup; nom_process : 1; nom_voltage : 1; nom_temperature : 25;
  time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1uA"; leakage_power_unit : "1nW"; capacitive_load_unit (1,pf);
  input_threshold_pct_rise : 50; output_threshold_pct_rise : 50;
  slew_lower_threshold_pct_rise : 20; slew_upper_threshold_pct_rise : 80;
  input_threshold_pct_fall : 50; output_threshold_pct_fall : 50;
  slew_lower_threshold_pct_fall : 20; slew_upper_threshold_pct_fall : 80;
"""


@dataclass(frozen=True, slots=True)
class MacroTiming:
    """What OpenSTA reads besides the units of a design."""

    liberty: str
    verilog: str


def macro_timing(macros: Iterable[Macro], boxes: Mapping[str, str], nanometres: float) -> MacroTiming:
    """Cells and modules of ``macros``; ``boxes`` are the ports of their kinds."""
    every = list(macros)
    zero = "".join(f'{edge}_constraint (scalar) {{ values ("0"); }} ' for edge in ("rise", "fall"))
    cells = _cell(_INPUT, f"pin (d) {{ direction : input; capacitance : {_PIN_PF}; {_arc('setup_rising', zero)} }}")
    for macro in every:
        access = macro_model(macro, nanometres).access_ns
        times = {"cell_rise": access, "cell_fall": access, "rise_transition": _SLEW_NS, "fall_transition": _SLEW_NS}
        tables = "".join(f'{table} (scalar) {{ values ("{ns:.6g}"); }} ' for table, ns in times.items())
        cells += _cell(_output(macro), f"pin (q) {{ direction : output; {_arc('rising_edge', tables)} }}")
    modules = "".join(_module(macro, port_widths(macro.ports(boxes[macro.kind]))) for macro in every)
    return MacroTiming(f"{_HEAD}{cells}}}\n", modules)


def _cell(name: str, pin: str) -> str:
    clock = f"pin (clk) {{ direction : input; clock : true; capacitance : {_PIN_PF}; }}"
    return f"  cell ({name}) {{\n    area : 0;\n    {clock}\n    {pin}\n  }}\n"


def _arc(kind: str, tables: str) -> str:
    return f'timing () {{ related_pin : "clk"; timing_type : {kind}; {tables}}}'


def _output(macro: Macro) -> str:
    return f"{macro.name}_output"


def _module(macro: Macro, ports: Mapping[str, tuple[str, int]]) -> str:
    lines = []
    for name, (way, bits) in ports.items():
        for bit in range(bits if name != _CLOCK else 0):
            net = f"{name}[{bit}]" if bits > 1 else name
            cell, pin = (_INPUT, "d") if way == "input" else (_output(macro), "q")
            lines.append(f"  {cell} {name}_{bit} (.clk({_CLOCK}), .{pin}({net}));")
    return verilog_head(macro.name, ports) + "\n".join([*lines, "endmodule", ""])
