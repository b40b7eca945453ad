"""``machine.yaml``: what a design's folder says of its machine, a pipeline of tiles. All of it may be left out."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.choices import Memory
from pipeline.files import check_inside
from pipeline.hardware import MAX_DIM
from pipeline.machine.constants import Constant
from pipeline.machine.system import MEMORY_SYSTEMS
from pipeline.plain import problems

FILE = "machine.yaml"


class Sizes(BaseModel):
    """Sizes of one hardware."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dim: int = 16
    scratchpad_kib: float = 256
    accumulator_kib: float = 16


class Description(BaseModel):
    """What differs from one tile pipeline to the next."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dims: tuple[int, ...] = Field((4, 8, 16, 32), min_length=1, description="Array sizes that are built, ascending.")
    bus_bytes: Literal[4, 8, 16] = Field(16, description="Bytes of the memory bus, which move in a cycle.")
    buffers: int = Field(2, ge=1, le=2, description="Tiles that share the scratchpad.")
    default: Sizes = Field(Sizes(), description="What its designers build when nothing is asked.")
    start: dict[Memory, dict[str, float]] = Field({}, description="Starting values of timing constants by memory.")

    @field_validator("dims")
    @classmethod
    def _can_share_memories(cls, dims: tuple[int, ...]) -> tuple[int, ...]:
        if list(dims) != sorted(set(dims)) or not 1 <= dims[0] <= dims[-1] <= MAX_DIM:
            raise ValueError(f"{list(dims)}: must be ascending numbers from 1 to {MAX_DIM}")
        if len({odd_part(dim) for dim in dims}) > 1:
            raise ValueError(f"{list(dims)}: must be one odd number times powers of two, so that all have whole rows")
        return dims


def odd_part(dim: int) -> int:
    """``dim`` without its factors of two."""
    return dim // (dim & -dim)


def read_description(folder: Path) -> Description:
    """The description in ``folder``, or the default. Raises ValueError that names the file and the field."""
    path = folder / FILE
    try:
        check_inside(path, folder)
        if not path.exists():
            return Description()
        return Description.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except ValidationError as error:
        found = "; ".join(problems(error, Description)[:3])
        raise ValueError(f"{folder.name}/{FILE}: {found}") from error
    except (ValueError, OSError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(f"{folder.name}/{FILE}: {' '.join(str(error).split())[:300]}") from error


def constants_of(description: Description, memory: Memory) -> tuple[Constant, ...]:
    """The constants of the timing, with the starting values of ``description``.

    Raises ValueError that names a value of an unknown constant, or one out of bounds.
    """
    known = CONSTANTS if MEMORY_SYSTEMS[memory].cache is None else CONSTANTS + CACHE_CONSTANTS
    given = {"bytes_per_cycle": float(description.bus_bytes)} | description.start.get(memory, {})
    if unknown := sorted(set(given) - {constant.name for constant in known}):
        raise ValueError(f"{FILE}: start: {unknown[0]} is no constant of a tile pipeline on {memory}")
    return tuple(
        Constant(c.name, c.unit, c.low, c.high, given.get(c.name, c.start), c.meaning, c.source) for c in known
    )


_GUESS = "a guess for designs that nothing is known of; fitted to simulations"

CONSTANTS = (
    Constant("host_layer_cycles", "cycles", 0.0, 10_000.0, 600.0, "once a layer, before the first command", _GUESS),
    Constant("first_tile_cycles", "cycles", 0.0, 10_000.0, 280.0, "commands of the first tile", _GUESS),
    Constant("host_tile_cycles", "cycles", 0.0, 10_000.0, 56.0, "commands of a tile, while others run", _GUESS),
    Constant("host_tap_cycles", "cycles", 0.0, 10_000.0, 24.0, "more, where a tile is of other filter taps", _GUESS),
    Constant("host_resize_cycles", "cycles", 0.0, 10_000.0, 32.0, "more, for each extent that changes", _GUESS),
    Constant("round_trip_cycles", "cycles", 1.0, 1000.0, 44.0, "from a read to its last beat", _GUESS),
    Constant("reads_in_flight", "bursts", 1.0, 256.0, 16.0, "bursts of a line that are under way at once", _GUESS),
    Constant("bytes_per_cycle", "bytes/cycle", 0.5, 256.0, 16.0, "of the bus, reads and writes together", _GUESS),
    Constant("load_tile_cycles", "cycles", 0.0, 1000.0, 2.0, "between the loads of two tiles", _GUESS),
    Constant("buffer_cycles", "cycles", 0.0, 2000.0, 50.0, "from a free buffer to its first row in the array", _GUESS),
    Constant("compute_tile_cycles", "cycles", 0.0, 1000.0, 2.0, "between the reductions of two tiles", _GUESS),
    Constant("block_cycles", "cycles", 0.0, 200.0, 2.0, "between two blocks of results on their way out", _GUESS),
    Constant("drain_cycles", "cycles", 0.0, 2000.0, 45.0, "from the last result to the end", _GUESS),
)
"""Constants of a tile pipeline and where they begin."""

CACHE_CONSTANTS = (
    Constant("miss_cycles", "cycles", 0.0, 200.0, 9.0, "for a line that the cache lacks", _GUESS),
    Constant(
        "dram_line_cycles", "cycles", 0.0, 200.0, 10.0, "more, for a line that the last-level cache lacks", _GUESS
    ),
    Constant("write_back_cycles", "cycles", 0.0, 200.0, 9.0, "for a line of results that leaves the cache", _GUESS),
)
"""Those that there are besides where a cache is below the bus."""
