"""Timeloop's Gemmini-like hardware as data: levels, sizes, and what a search may choose."""

from pipeline.hardware import ACCUMULATOR, SCRATCHPAD, Template
from pipeline.machine.space import MappingSpace, SizeGrid, four_level_slots
from pipeline.mapping import FOUR_LEVELS

TEMPLATE = Template("timeloop", FOUR_LEVELS, (SCRATCHPAD, ACCUMULATOR), buffers=1)

GRID = SizeGrid((2, 4, 8, 16, 32, 64, 128), range(1, 129), 1.0, 2048.0, powers_of_two=False)
"""The published space: whole KiB."""

SPACE = MappingSpace(
    FOUR_LEVELS,
    four_level_slots(),
    open=tuple(range(len(four_level_slots()))),
    ordered_levels=(1, 2, 3),
    fill_levels=(1, 2),
    move_shares=(0.5, 0.15, 0.1, 0.25),
    own_tiles="WIO",
)
