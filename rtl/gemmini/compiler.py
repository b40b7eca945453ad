"""Programs of ``gemmini``: one command a tile, which the loop unrollers make single operations of."""

from sim.program import compile_program

__all__ = ["compile_program"]
