"""What things are called on the page and on the terminal, how numbers look, and which colour means what."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

TITLES = {
    "variant": "found by",
    "candidate": "seed",
    "kind": "kind",
    "hardware": "hardware",
    "improvement": "EDP below default",
    "cycles_gain": "cycles below default",
    "energy_gain": "energy below default",
    "area_ratio": "area over default",
    "over_own": "EDP over own",
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
    "default_cycles": "cycles, default",
    "default_energy_uj": "energy, default (µJ)",
    "fill_drain_cycles": "fill and drain",
}
"""Heads of columns; others lose their underscores and the ending ``_cycles``."""

PERCENT = {"prediction_error", "median_error", "p90_error", "inside_90", "utilisation"}
RATIO = {"improvement", "cycles_gain", "energy_gain", "area_ratio", "gain", "over_own"}

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
    "mac": "#4f8a58",
    "register": "#8e6c8a",
    "accumulator": "#c9a227",
    "scratchpad": "#3577b5",
    "dram": "#d1603d",
    "W": "#8e6c8a",
    "I": "#3577b5",
    "O": "#c9a227",
}
"""One meaning a colour, in every report."""

SPARE = ("#b0413e", "#3d5a80", "#6b8e9f", "#a56336")

GLOSSARY = {
    "EDP": "Energy-delay product: energy of one inference times its cycles, in microjoule-cycles. Lower is better.",
    "default": "Gemmini's default hardware (16x16 array, 256 KiB scratchpad, 64 KiB accumulator) with the mappings of "
    "its default tiler, on the same RTL and memory. Its tiler's own run time is not counted.",
    "simulated": "Counted by the generated SystemVerilog under Verilator, cycle by cycle.",
    "predicted": "What the model that searched expected before the simulation.",
    "mapping": "How the loops of a layer are cut into tiles, and in which order the tiles run.",
    "tile": "The part of a layer that is in the accelerator's memories at once.",
    "scratchpad": "Memory for inputs and weights (int8). Sizes here are physical; two tiles share them.",
    "accumulator": "Memory for sums (int32).",
    "shared": "One hardware for all networks, chosen by the weighted geometric mean of their EDPs.",
    "round": "One turn of search, simulation and refit of the model.",
    "seed": "Searches that differ only in their random numbers. Their spread says how much is luck.",
    "evaluation": "One mapping for every unique layer on one hardware, judged by the model.",
    "put together": "The best simulated mapping of each layer on one hardware, taken from everything simulated there.",
    "searched": "Mappings of designs that a search found: where a model must be right.",
    "utilisation": "Multiply-accumulates done, over those that the array could have done in the same cycles.",
    "rank correlation": "Spearman's: 1 when the model puts all mappings in the right order.",
    "compute, load, store": "Cycles in which the array works, waits for operands, or waits for stores.",
    "fill and drain, host": "Cycles at the array's start and end, and cycles in which it waits for commands.",
    "simple, soc": "Memory below the accelerator: fixed latency and one bus; or bus, two caches and DRAM.",
    "bit-exact": "Every output byte of the layer was compared with a golden model.",
}
"""Words that the page uses."""


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
    return ratio(float(value)) if column in RATIO else number(float(value))


def percent(value: float, *, signed: bool = False) -> str:
    """``4.1 %``; two digits where one would hide the value."""
    digits = 2 if 0 < abs(value) < 0.0095 else 1 if abs(value) < 9.995 else 0
    return f"{100 * value:{'+' if signed else ''}.{digits}f} %"


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
    """``16x16, 128 + 256 KiB``: array, scratchpad and accumulator of a design's row."""
    return f"{row['dim']:.0f}x{row['dim']:.0f}, {row['scratchpad_kib']:g} + {row['accumulator_kib']:g} KiB"


def finder(variant: str, method: str) -> str:
    """Who found the designs of a search variant; ``method`` is that of the rounds."""
    if variant == "reference":
        return "default"
    if variant == "analytical":
        return f"{method} search, analytical model alone"
    if variant[:1] == "r" and variant[1:].isdigit():
        return f"{method} search, round {variant[1:]}"
    return f"{variant} search"


def more_or_less(gain: float, thing: str) -> str:
    """``1.64x less energy`` for a gain of 1.64, ``1.07x more area`` for 0.93, ``the same cycles`` near 1."""
    if abs(gain - 1) < 0.005:
        return f"the same {thing}"
    return f"{ratio(gain)} less {thing}" if gain > 1 else f"{ratio(1 / gain)} more {thing}"
