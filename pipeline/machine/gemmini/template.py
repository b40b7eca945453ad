"""Gemmini as data: levels, sizes, and what a search may choose."""

from pipeline.hardware import ACCUMULATOR, SCRATCHPAD, Axis, Template
from pipeline.machine.space import MappingSpace, SizeGrid, four_level_slots
from pipeline.mapping import FOUR_LEVELS

BUS_BYTES = Axis("bus_bytes", 16)
SCRATCHPAD_BANKS = Axis("scratchpad_banks", 4)
ACCUMULATOR_BANKS = Axis("accumulator_banks", 2)
READS_IN_FLIGHT = Axis("reads_in_flight", 16)
WRITES_IN_FLIGHT = Axis("writes_in_flight", 16)
LOAD_ENTRIES = Axis("load_entries", 8)
EXECUTE_ENTRIES = Axis("execute_entries", 16)
STORE_ENTRIES = Axis("store_entries", 4)
"""Operations of each class that the reservation station holds."""
ARRAY_SLOTS = Axis("array_slots", 6)
"""Slots that have entered the array, one of them the next one's tag."""
TILES_IN_FLIGHT = Axis("tiles_in_flight", 2)

STRUCTURE = (
    BUS_BYTES,
    SCRATCHPAD_BANKS,
    ACCUMULATOR_BANKS,
    READS_IN_FLIGHT,
    WRITES_IN_FLIGHT,
    LOAD_ENTRIES,
    EXECUTE_ENTRIES,
    STORE_ENTRIES,
    # Operations that wait at the controllers; they keep their entries.
    Axis("load_queue", 8),
    Axis("execute_queue", 8),
    Axis("store_queue", 2),
    ARRAY_SLOTS,
    TILES_IN_FLIGHT,
)
"""What of the RTL's structure may be chosen; cycle counts are those of the public Gemmini with the defaults."""

TEMPLATE = Template("gemmini", FOUR_LEVELS, (SCRATCHPAD, ACCUMULATOR), buffers=2, structure=STRUCTURE)

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
