"""Gemmini as data: levels, sizes, and what a search may choose."""

from pipeline.hardware import ACCUMULATOR, SCRATCHPAD, Template
from pipeline.machine.space import MappingSpace, SizeGrid, four_level_slots
from pipeline.mapping import FOUR_LEVELS

TEMPLATE = Template("gemmini", FOUR_LEVELS, (SCRATCHPAD, ACCUMULATOR), buffers=2)

GRID = SizeGrid((4, 8, 16, 32, 64), (2, 4, 8, 16, 32, 64), 4.0, 2048.0, powers_of_two=True)
"""What the RTL is built at."""

DEFAULT = TEMPLATE.hardware(16, 256, 64)
"""Gemmini's default configuration."""

_SLOTS = four_level_slots()

SPACE = MappingSpace(
    FOUR_LEVELS,
    _SLOTS,
    # Inside a tile the hardware's own order rules, so a tile is L1 and the array.
    open=tuple(index for index, slot in enumerate(_SLOTS) if slot.level == 1 or slot.spatial),
    ordered_levels=(3,),
    fill_levels=(1,),
    move_shares=(0.4, 0.3, 0.1, 0.2),
)
