"""The machines that tests ask for by name; Gemmini on the simple memory, which its tests were written for."""

from pipeline.machine.machine import machine_of

TIMELOOP = machine_of("timeloop")
GEMMINI = machine_of("gemmini", "simple")
PUBLIC = machine_of("gemmini", "soc", "drop")
"""As the public FPGA measurements ran."""

MACHINES = {"timeloop": TIMELOOP, "gemmini": GEMMINI}
