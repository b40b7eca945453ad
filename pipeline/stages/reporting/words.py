"""What things are called on the page and on the terminal, how numbers look, and which colour means what."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.choices import AREA, MAPPINGS

TITLES = {
    "variant": "found by",
    "candidate": "seed",
    "kind": "kind",
    "hardware": "hardware",
    "simulated": "chosen from (simulated mappings)",
    "improvement": "below default",
    "cycles_gain": "cycles below default",
    "energy_gain": "energy below default",
    "area_ratio": "area over default",
    "over_own": "over own",
    "over_limit": "time over limit",
    "limit_ms": "limit (ms)",
    "inferences_per_s": "inferences/s",
    "tops_per_w": "TOPS/W",
    "pred.cycles": "predicted cycles",
    "sim.cycles": "simulated cycles",
    "pred.energy_uj": "predicted energy (µJ)",
    "sim.energy_uj": "simulated energy (µJ)",
    "pred.edp": "predicted EDP (µJ·cycles)",
    "sim.edp": "simulated EDP (µJ·cycles)",
    "prediction_error": "prediction error",
    "area_mm2": "area (mm²)",
    "area_synthesized_mm2": "area by synthesis (mm²)",
    "critical_ns": "critical path (ns)",
    "layer.name": "layer",
    "layer.count": "count",
    "mapping.mapping": "mapping",
    "median_error": "median error",
    "p90_error": "90 % of errors below",
    "inside_90": "inside the 90 % interval",
    "spearman": "rank correlation",
    "memory_mb": "memory (MB)",
    "seconds": "CPU time (s)",
    "validation.agrees": "same cycles again",
    "exact.agrees": "bit-exact",
    "alone": "saves alone",
    "share": "its share",
    "default_cycles": "cycles, default",
    "default_energy_uj": "energy, default (µJ)",
    "fill_drain_cycles": "fill and drain",
}
"""Heads of columns; others lose their underscores and the ending ``_cycles``."""

PERCENT = {"prediction_error", "median_error", "p90_error", "inside_90", "utilisation", "alone", "share"}
RATIO = {
    "below default, published rule",
    "below default, caches apart",
    "over_limit",
    "improvement",
    "cycles_gain",
    "energy_gain",
    "area_ratio",
    "gain",
    "over_own",
}

DIGITS = {"area_mm2": 2, "area_synthesized_mm2": 2, "spearman": 3}
"""Columns of numbers of one size, with their digits after the point."""

OBJECTIVES = {"edp": "EDP", "latency": "latency", "energy": "energy", "ed2p": "ED2P (energy times cycles squared)"}
"""What is minimised, in words."""

COLOURS = {
    "default": "#7b8494",
    "found": "#1f6f8b",
    "gradient": "#1f6f8b",
    "random": "#c9a227",
    "genetic": "#8e6c8a",
    "bayesian": "#5b8c5a",
    "exhaustive": "#3f4a5a",
    "analytical": "#d1603d",
    "compute_cycles": "#4f8a58",
    "load_cycles": "#3577b5",
    "store_cycles": "#d1603d",
    "fill_drain_cycles": "#8e6c8a",
    "host_cycles": "#9aa1ad",
    "load": "#3577b5",
    "compute": "#4f8a58",
    "store": "#d1603d",
    "bus": "#3577b5",
    "banks": "#8e6c8a",
    "queues": "#c9a227",
    "host": "#9aa1ad",
    "memory": "#d1603d",
    "what remains": "#4f8a58",
    "mac": "#4f8a58",
    "register": "#8e6c8a",
    "accumulator": "#c9a227",
    "scratchpad": "#3577b5",
    "dram": "#d1603d",
    "execute": "#4f8a58",
    "front": "#8e6c8a",
    "station": "#6b8e9f",
    "counters": "#b0413e",
    "completions": "#a56336",
    "watchdog": "#9aa1ad",
    "W": "#8e6c8a",
    "I": "#3577b5",
    "O": "#c9a227",
}
"""One meaning a colour, in every report."""

SPARE = ("#b0413e", "#3d5a80", "#6b8e9f", "#a56336")


def colour(name: str) -> str:
    """The colour of a thing; things without their own get one that depends only on their name."""
    return COLOURS.get(name) or SPARE[sum(name.encode()) % len(SPARE)]


def title(column: str) -> str:
    """The head of a column."""
    return TITLES.get(column, column.removesuffix("_cycles").replace("_", " "))


def cell(column: str, value: Any) -> str:
    """A value as the page shows it in ``column``."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if column in PERCENT:
        return percent(float(value), signed=column == "prediction_error")
    if column in DIGITS:
        return f"{float(value):,.{DIGITS[column]}f}"
    return ratio(float(value)) if column in RATIO else number(float(value))


def percent(value: float, *, signed: bool = False) -> str:
    """``4.1 %``; two digits where one would hide the value."""
    digits = 2 if 0 < abs(value) < 0.0095 else 1 if abs(value) < 9.995 else 0
    return f"{100 * value:{'+' if signed else ''},.{digits}f} %"


def ratio(value: float) -> str:
    """``1.65x``."""
    return f"{value:.2f}x" if abs(value) < 99.95 else f"{value:,.0f}x"


def number(value: float) -> str:
    """Whole numbers below 10 million with separators, others with three or four digits, powers of ten in words."""
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    if size >= 1e7:
        power = math.floor(math.log10(size))
        return f"{value / 10**power:.3f}e{power}"
    if size >= 1000 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.3g}" if size >= 1e-3 or size == 0 else f"{value:.2e}"


def hardware(row: Mapping[Any, Any]) -> str:
    """``16x16, 128 + 256 KiB``: array, scratchpad and accumulator of a design's row; then a structure of its own."""
    sizes = f"{row['dim']:.0f}x{row['dim']:.0f}, {row['scratchpad_kib']:g} + {row['accumulator_kib']:g} KiB"
    return sizes + _structure(row)


def hardware_words(row: Mapping[Any, Any]) -> str:
    """``16x16 array, 128 KiB scratchpad, 256 KiB accumulator``."""
    memories = ", ".join(f"{row[f'{name}_kib']:g} KiB {name}" for name in ("scratchpad", "accumulator"))
    return f"{row['dim']:.0f}x{row['dim']:.0f} array, {memories}{_structure(row)}"


def _structure(row: Mapping[Any, Any]) -> str:
    words = row.get("structure")
    return f", {words.replace('_', ' ')}" if isinstance(words, str) else ""


def finder(variant: str, method: str) -> str:
    """Who found the designs of a search variant; ``method`` is that of the rounds."""
    if variant == "reference":
        return "default"
    if variant == MAPPINGS:
        return f"{method} search of mappings on the default hardware"
    if variant == AREA:
        return f"{method} search within the default's area"
    if variant == "analytical":
        return f"{method} search, analytical model alone"
    if variant[:1] == "r" and variant[1:].isdigit():
        return f"{method} search, round {variant[1:]}"
    return f"{variant} search"


def more_or_less(gain: float, thing: str) -> str:
    """``1.64x less energy`` or ``1.64x fewer cycles`` for a gain of 1.64, ``1.07x more area`` for 0.93.

    Near 1 it is ``the same cycles``.
    """
    if abs(gain - 1) < 0.005:
        return f"the same {thing}"
    less = "fewer" if thing.endswith("s") else "less"
    return f"{ratio(gain)} {less} {thing}" if gain > 1 else f"{ratio(1 / gain)} more {thing}"
