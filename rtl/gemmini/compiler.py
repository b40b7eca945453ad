"""Programs of ``gemmini``: one command a tile, which the loop unrollers make single operations of.

Additions are single operations.
"""

from functools import partial

from pipeline.machine.system import HOST
from sim import elementwise
from sim.program import compile_program

compile_addition = partial(elementwise.compile_addition, host_cycles=HOST.command_cycles)

__all__ = ["compile_addition", "compile_program"]
