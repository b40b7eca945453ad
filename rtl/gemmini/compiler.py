"""Programs of ``gemmini``: one command a tile, which the loop unrollers make single operations of.

Additions and poolings are single operations.
"""

from functools import partial

from pipeline.machine.system import HOST
from sim import elementwise, pooling
from sim.program import compile_program

compile_addition = partial(elementwise.compile_addition, host_cycles=HOST.command_cycles)
compile_max_pool = partial(pooling.compile_max_pool, host_cycles=HOST.command_cycles)

__all__ = ["compile_addition", "compile_max_pool", "compile_program"]
