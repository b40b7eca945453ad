"""A small Liberty file for tests.

Every gate takes 0.1 ns at no load and 1 ns more a picofarad. Inside, a rise of an output takes ``RISE_PJ``, a fall
``FALL_PJ``, and so does the clock.
"""

from pathlib import Path

GATE_NS = 0.1
SETUP_NS = 0.05
RISE_PJ, FALL_PJ = 1.0, 3.0
VOLTS = 1.8
PIN_PF = 0.001
AREAS = {"INV": 2.0, "BUF": 3.0, "NAND2": 4.0, "NOR2": 5.0, "XOR2": 9.0, "DFF": 20.0, "DFFR": 25.0}
_FUNCTIONS = {"INV": "!A", "BUF": "A", "NAND2": "!(A B)", "NOR2": "!(A+B)", "XOR2": "A^B"}
_LOADS, _SLEWS = (0.0, 1.0), (0.0, 1.0)


def write_liberty(path: Path) -> Path:
    """Write the library to ``path``."""
    cells = [_gate(name, function) for name, function in _FUNCTIONS.items()]
    cells += [_register("DFF", ""), _register("DFFR", 'clear : "!R";')]
    path.write_text(
        f"""/* A small library. */
library(mini) {{
  delay_model : table_lookup;
  time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1uA"; pulling_resistance_unit : "1kohm";
  leakage_power_unit : "1nW"; capacitive_load_unit (1,pf);
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
  slew_lower_threshold_pct_rise : 20; slew_upper_threshold_pct_rise : 80;
  slew_lower_threshold_pct_fall : 20; slew_upper_threshold_pct_fall : 80;
  nom_process : 1; nom_voltage : {VOLTS}; nom_temperature : 25;
  operating_conditions(typical) {{ process : 1; voltage : {VOLTS}; temperature : 25; }}
  default_operating_conditions : typical;
  lu_table_template(delays) {{
    variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("0, 1"); index_2 ("0, 1");
  }}
  lu_table_template(limits) {{
    variable_1 : related_pin_transition; variable_2 : constrained_pin_transition;
    index_1 ("0, 1"); index_2 ("0, 1");
  }}
{"".join(cells)}}}
""",
        encoding="utf-8",
    )
    return path


def _delays(sense: str, related: str, kind: str = "") -> str:
    tables = "".join(
        f'        {table}(delays) {{ values("{low}, {low}", "{low + 1}, {low + 1}"); }}\n'
        for table, low in [("cell_rise", 0.1), ("cell_fall", 0.1), ("rise_transition", 0.01), ("fall_transition", 0.01)]
    )
    return f'      timing() {{\n        related_pin : "{related}"; {sense} {kind}\n{tables}      }}\n'


def _input(name: str, more: str = "") -> str:
    return f"    pin({name}) {{ direction : input; capacitance : {PIN_PF}; {more} }}\n"


def _power(related: str = "") -> str:
    pin = f'related_pin : "{related}"; ' if related else ""
    inside = f'rise_power(scalar) {{ values("{RISE_PJ}"); }} fall_power(scalar) {{ values("{FALL_PJ}"); }}'
    return f"      internal_power() {{ {pin}{inside} }}\n"


def _gate(name: str, function: str) -> str:
    inputs = [pin for pin in "AB" if pin in function]
    sense = {"BUF": "positive_unate", "XOR2": "non_unate"}.get(name, "negative_unate")
    arcs = "".join(_delays(f"timing_sense : {sense};", pin) + _power(pin) for pin in inputs)
    pins = "".join(_input(pin) for pin in inputs)
    output = f'    pin(Y) {{\n      direction : output; max_capacitance : 1; function : "{function}";\n{arcs}    }}\n'
    return f"  cell({name}) {{\n    area : {AREAS[name]}; cell_leakage_power : 0.5;\n{pins}{output}  }}\n"


def _register(name: str, clear: str) -> str:
    limit = "".join(
        f'      timing() {{\n        related_pin : "CK"; timing_type : {kind}_rising;\n'
        + "".join(
            f'        {edge}_constraint(limits) {{ values("{value}, {value}", "{value}, {value}"); }}\n'
            for edge in ("rise", "fall")
        )
        + "      }\n"
        for kind, value in (("setup", SETUP_NS), ("hold", 0.0))
    )
    pins = (
        _input("CK", f"clock : true;\n{_power()}    ") + _input("D", f"\n{limit}    ") + (_input("R") if clear else "")
    )
    arcs = _delays("timing_sense : non_unate;", "CK", "timing_type : rising_edge;") + _power("CK")
    output = f'    pin(Q) {{\n      direction : output; max_capacitance : 1; function : "IQ";\n{arcs}    }}\n'
    state = f'    ff (IQ, IQN) {{ clocked_on : "CK"; next_state : "D"; {clear} }}\n'
    return f"  cell({name}) {{\n    area : {AREAS[name]}; cell_leakage_power : 2;\n{state}{pins}{output}  }}\n"
