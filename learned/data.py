"""Training rows: mappings with measured cycles, repeats merged, grouped by layer shape and by hardware."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from pipeline.choices import DimRule
from pipeline.files import digest
from pipeline.hardware import HardwareTensors, Template
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.table import Row, RowError, rows_of

MIN_ROWS = 10
"""Fewest usable rows that a model is fitted on."""

MIN_SHAPES = 2

TARGETS = ("sim.cycles", "target.cycle")
"""Columns of measured cycles, the first that a table has is the default."""

ARRAY_CYCLES = "sim.compute_cycles"
"""Column of the cycles in which the array was fed."""

DRAM_BYTES_PER_CYCLE = 16.0


@dataclass(frozen=True, slots=True)
class Samples:
    """Measured mappings, batched on [B]."""

    layers: LayerTensors
    mappings: MappingTensors
    hardware: HardwareTensors
    cycles: Float[Tensor, " b"]
    """Measured cycles, the median where one mapping was measured several times."""
    shape_group: Int[Tensor, " b"]
    """Number of the layer shape, 0-based in order of appearance."""
    hardware_group: Int[Tensor, " b"]
    """Number of the hardware, 0-based in order of appearance."""
    array_cycles: Float[Tensor, " b"] | None = None
    """Cycles in which the array was fed, where the table counts them; 0 in rows without."""

    def __len__(self) -> int:
        return len(self.cycles)

    def __getitem__(self, index: Int[Tensor, " k"] | Bool[Tensor, " b"]) -> "Samples":
        return Samples(
            self.layers[index],
            self.mappings[index],
            self.hardware[index],
            self.cycles[index],
            self.shape_group[index],
            self.hardware_group[index],
            None if self.array_cycles is None else self.array_cycles[index],
        )


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a training table was: names the rows and the design they were measured on."""

    target: str
    rows: int
    data_digest: str
    rtl_digest: str


def default_target(table: pd.DataFrame) -> str:
    """The first of ``TARGETS`` that the table has. Raises ValueError when there is none."""
    for column in TARGETS:
        if column in table.columns:
            return column
    raise ValueError(f"table has no column of measured cycles ({' or '.join(TARGETS)})")


def read_samples(
    table: pd.DataFrame, target: str, template: Template, dim_rule: DimRule = "from-table"
) -> tuple[Samples, Provenance]:
    """The usable rows of ``table``, repeats of one mapping merged to their median.

    Rows with an ``error``, without a legal mapping or without positive cycles are left out.
    Raises ValueError when the column is missing or fewer than ``MIN_ROWS`` rows of ``MIN_SHAPES`` shapes remain.
    """
    if target not in table.columns:
        raise ValueError(f"table has no column {target!r}")
    cycles, fed = _numbers_in(table, target), _numbers_in(table, ARRAY_CYCLES)
    failed = table["error"].fillna("").ne("").to_numpy() if "error" in table.columns else np.zeros(len(table), bool)
    measured: dict[Row, list[float]] = {}
    array_cycles: dict[Row, float] = {}
    reason = ""
    for row, value, error, busy in zip(rows_of(table, template, dim_rule), cycles, failed, fed, strict=True):
        if isinstance(row, RowError):
            reason = reason or row.message
        elif not error and math.isfinite(value) and value > 0:
            measured.setdefault(row, []).append(float(value))
            array_cycles[row] = float(busy) if 0 < busy <= value else 0.0
    if len(measured) < MIN_ROWS:
        detail = f"; the first refused row: {reason}" if reason else ""
        raise ValueError(f"table has {len(measured)} usable rows with {target}, at least {MIN_ROWS} are needed{detail}")
    if len({row.mapping.layer for row in measured}) < MIN_SHAPES:
        raise ValueError(
            f"table has usable rows of one layer shape only, at least {MIN_SHAPES} are needed to hold one out"
        )
    return _samples(measured, array_cycles), _provenance(measured, table, target)


def _numbers_in(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """The numbers of a column, NaN where it has none."""
    if column not in table.columns:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[column].astype(str), errors="coerce").to_numpy(dtype=np.float64)


def _samples(measured: dict[Row, list[float]], array_cycles: dict[Row, float]) -> Samples:
    mappings = [row.mapping for row in measured]
    hardware = [row.hardware for row in measured]
    return Samples(
        LayerTensors.stack([mapping.layer for mapping in mappings]),
        MappingTensors.stack(mappings),
        HardwareTensors.stack(hardware),
        torch.tensor([float(np.median(values)) for values in measured.values()], dtype=torch.float64),
        _numbers([mapping.layer for mapping in mappings]),
        _numbers(hardware),
        torch.tensor([array_cycles[row] for row in measured], dtype=torch.float64)
        if any(array_cycles.values())
        else None,
    )


def _provenance(measured: dict[Row, list[float]], table: pd.DataFrame, target: str) -> Provenance:
    parts = sorted(
        [str(row.mapping.layer), str(row.mapping), row.hardware.id, sorted(values)] for row, values in measured.items()
    )
    designs = sorted(table["sim.rtl_digest"].dropna().astype(str).unique()) if "sim.rtl_digest" in table else []
    rtl = designs[0] if len(designs) == 1 else digest(*designs) if designs else ""
    return Provenance(target, len(measured), digest(*parts), rtl)


def _numbers(items: list[object] | list) -> Int[Tensor, " b"]:  # type: ignore[type-arg]
    seen: dict[object, int] = {}
    return torch.tensor([seen.setdefault(item, len(seen)) for item in items], dtype=torch.int64)


def group_folds(groups: Int[Tensor, " b"], folds: int, seed: int) -> Int[Tensor, " b"]:
    """Fold [B] of each row, 0 to folds-1: whole groups only, the largest dealt first so that folds are even."""
    generator = torch.Generator().manual_seed(seed)
    count = int(groups.max()) + 1
    sizes = torch.bincount(groups, minlength=count)
    order = torch.randperm(count, generator=generator)
    order = order[sizes[order].argsort(descending=True, stable=True)]
    fold = torch.zeros(count, dtype=torch.int64)
    filled = torch.zeros(min(folds, count), dtype=torch.int64)
    for group in order.tolist():
        fold[group] = filled.argmin()
        filled[fold[group]] += sizes[group]
    return fold[groups]


def efficiency(samples: Samples) -> Float[Tensor, " b"]:
    """Least possible cycles over measured cycles [B]."""
    return least_cycles(samples.layers, samples.hardware) / samples.cycles


def least_cycles(layers: LayerTensors, hardware: HardwareTensors) -> Float[Tensor, "*b"]:
    """Cycles that no mapping stays below: a full array, or DRAM moving every word once, whichever is more."""
    r, s, p, q, c, k, n = layers.size.unbind(-1)
    inputs = n * c * (p * layers.stride[..., 0]) * (q * layers.stride[..., 1])
    moved = (inputs + r * s * c * k + n * p * q * k) / DRAM_BYTES_PER_CYCLE
    return torch.maximum(layers.size.prod(-1) / hardware.dim.square(), moved)
