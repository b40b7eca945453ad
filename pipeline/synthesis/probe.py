"""How the OpenSTA at hand counts energy, by a gate whose energy is known."""

import re
import tempfile
from functools import cache
from pathlib import Path

from pipeline.synthesis.tools import sta

PERIOD_NS = 10.0
GROUP = re.compile(r"^(Sequential|Combinational) +(\S+) +(\S+) +\S+ +\S+ +\S+$", re.MULTILINE)
"""Kind of cell, watts inside the cells and on their nets, in a report of OpenSTA."""
_LIBRARY = Path(__file__).with_name("probe.lib")
_MEAN_PJ = 2.0
"""A rise of the gate takes 1 pJ inside, a fall 3 pJ."""


@cache
def changes_counted() -> int:
    """How often what a cell uses inside for a change is counted: once, or twice as release 2.0 does.

    Raises RuntimeError when it is neither.
    """
    with tempfile.TemporaryDirectory(prefix="probe-") as name:
        folder = Path(name)
        (folder / "probe.lib").symlink_to(_LIBRARY)
        (folder / "probe.v").write_text("module probe (a, y); input a; output y; GATE g (.A(a), .Y(y)); endmodule\n")
        said = sta(
            "read_liberty probe.lib\nread_verilog probe.v\nlink_design probe\n"
            f"create_clock -name clock -period {PERIOD_NS}\nset_input_delay 0 -clock clock [get_ports a]\n"
            "sta::set_power_input_port_activity [get_ports a] 1.0 0.5\nreport_power -digits 6\n",
            folder,
        )
    watts = next((float(inside) for kind, inside, _ in GROUP.findall(said) if kind == "Combinational"), 0.0)
    times = watts * PERIOD_NS * 1e3 / _MEAN_PJ
    if round(times) not in (1, 2) or abs(times - round(times)) > 1e-3:
        raise RuntimeError(f"sta: counts the energy of a change {times:g} times")
    return round(times)
