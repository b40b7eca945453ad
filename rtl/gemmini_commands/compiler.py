"""Programs of ``gemmini_commands``: one command a load, preload, compute and store."""

from pipeline.choices import PartialSums
from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim import program
from sim.elementwise import compile_addition
from sim.pooling import compile_max_pool
from sim.program_memory import Room
from sim.scaling import Quantised
from sim.unroll import unroll

__all__ = ["compile_addition", "compile_max_pool", "compile_program"]


def compile_program(
    layer: Layer,
    mapping: Mapping,
    hardware: Hardware,
    *,
    partial_sums: PartialSums = "spill",
    quantised: Quantised | None = None,
    room: Room | None = None,
) -> program.Program:
    """The single operations of a mapping's tiles. Raises ValueError naming what is not possible."""
    tiles = program.compile_program(layer, mapping, hardware, partial_sums=partial_sums, quantised=quantised, room=room)
    return unroll(tiles, hardware.scratchpad_rows, hardware.accumulator_rows)
