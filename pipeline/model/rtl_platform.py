"""What surrounds the accelerator: constants of its pipelines and of the memory below it."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict


Memory = Literal["simple", "soc"]
PartialSums = Literal["spill", "drop"]

PATH = Path(__file__).with_name("rtl_coefficients.yaml")


class Array(BaseModel):
    """Execution constants, in cycles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_slot_cycles: float
    in_flight_slots: float
    in_flight_extra_cycles: float


class Dma(BaseModel):
    """Constants of the engine that moves rows between DRAM and the local memories."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reads_in_flight: float
    command_rows: float


class Overheads(BaseModel):
    """Fixed delays of the loop unrollers and the host, in cycles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    load_to_compute_cycles: float
    compute_to_store_cycles: float
    store_to_load_cycles: float
    host_cycles: float


class MemoryTiming(BaseModel):
    """The memory below the accelerator. ``cache_kib`` = 0 means none: every access costs the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_cycles: float
    bytes_per_cycle: float
    store_row_cycles: float
    cache_kib: float = 0.0
    miss_line_cycles: float = 0.0
    evict_line_cycles: float = 0.0


class RtlPlatform(BaseModel):
    """All constants of one memory setting."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    array: Array
    dma: Dma
    overheads: Overheads
    memory: dict[Memory, MemoryTiming]


@cache
def rtl_platform(path: Path = PATH) -> RtlPlatform:
    """The constants in ``rtl_coefficients.yaml``, which holds their sources."""
    return RtlPlatform.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
