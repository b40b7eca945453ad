"""Constants of the accelerator view: pipelines of the accelerator and the memory below it."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

Memory = Literal["simple", "soc"]
PartialSums = Literal["spill", "drop"]

PATH = Path(__file__).with_name("rtl_coefficients.yaml")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Array(_Model):
    """Execution, in cycles."""

    min_slot_cycles: PositiveFloat
    """Shortest slot of a compute that keeps its weights."""
    in_flight_slots: PositiveFloat
    """As many consecutive slots take at least 2 * DIM + ``in_flight_extra_cycles``."""
    in_flight_extra_cycles: NonNegativeFloat


class Dma(_Model):
    """Reads and writes between DRAM and the local memories."""

    read_latency_cycles: PositiveFloat
    """From a request to its data in the local memory, when nothing else is in the way."""
    command_cycles: NonNegativeFloat
    """From the end of a load command until the next one may start in its place."""
    write_latency_cycles: PositiveFloat
    """From a write to its acknowledgement."""
    in_flight: PositiveFloat
    """Reads, and as many writes, that may be under way."""
    bytes_per_cycle: PositiveFloat


class Cache(_Model):
    """A cache below the accelerator, random replacement, warm."""

    kib: PositiveFloat
    ways: PositiveInt
    miss_cycles: NonNegativeFloat
    """Extra cycles of a line that is read and not there."""
    write_miss_cycles: NonNegativeFloat
    """Extra cycles of a line that is written and not there: fetched, and another one evicted."""


class Overheads(_Model):
    """Fixed delays of the loop unrollers and the host, in cycles."""

    load_to_compute_cycles: NonNegativeFloat
    """From a tile's last load request to its first row in the array."""
    compute_to_store_cycles: NonNegativeFloat
    """From a tile's last row in the array to its first row in memory, and the end of the layer after the last."""
    store_to_load_cycles: NonNegativeFloat
    """What a tile's way through load, compute and store takes beyond these."""
    refill_cycles: NonNegativeFloat
    """From the last store's end to the first partial sum that comes back, and on to the array."""
    host_cycles: NonNegativeFloat
    """Once a layer."""
    host_convolution_tile_cycles: NonNegativeFloat
    """Time in which the host issues the commands of a tile."""
    host_matmul_tile_cycles: NonNegativeFloat


class RtlPlatform(_Model):
    """All constants of one system."""

    array: Array
    dma: Dma
    cache: Cache | None = None
    overheads: Overheads


@cache
def rtl_platform(memory: Memory) -> RtlPlatform:
    """The constants in ``rtl_coefficients.yaml``, which holds their sources."""
    content = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return RtlPlatform.model_validate(content[memory])


def memory_of(partial_sums: PartialSums) -> Memory:
    """The memory that goes with a rule: partial sums are dropped only in the public measurements, made on an SoC."""
    return "soc" if partial_sums == "drop" else "simple"
