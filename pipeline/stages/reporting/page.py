"""Turns tables and figures into one HTML page that needs nothing else."""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

TITLES = {
    "variant": "found by",
    "hardware": "hardware",
    "pred.cycles": "predicted cycles",
    "sim.cycles": "simulated cycles",
    "pred.energy_uj": "predicted energy (µJ)",
    "sim.energy_uj": "simulated energy (µJ)",
    "pred.edp": "predicted EDP (µJ·cycles)",
    "sim.edp": "simulated EDP (µJ·cycles)",
    "prediction_error": "prediction error",
    "area_mm2": "area (mm²)",
    "improvement": "EDP below default (times)",
    "layer.name": "layer",
    "layer.count": "count",
    "mapping.mapping": "mapping",
    "median_error": "median error",
    "p90_error": "90 % of errors below",
    "inside_90": "inside the 90 % interval",
    "memory_mb": "memory (MB)",
    "validation.agrees": "same cycles in validation",
    "exact.agrees": "bit-exact",
}
"""What columns are called on the page; others lose their underscores."""

PERCENT = {"prediction_error", "median_error", "p90_error", "inside_90", "utilisation"}


@dataclass(frozen=True, slots=True)
class Card:
    """One headline number."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A formatted cell or column head."""

    text: str
    is_text: bool

    @property
    def title(self) -> str:
        """The text of a column head."""
        return self.text


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table."""

    cells: list[Cell]
    best: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its CSV form."""

    name: str
    title: str
    columns: list[Cell]
    rows: list[Line]
    data_uri: str
    folded: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG element with its caption."""

    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    id: str
    title: str
    text: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = field(default_factory=list)


def table(name: str, frame: pd.DataFrame, *, title: str = "", best: Sequence[bool] = (), folded: bool = False) -> Table:
    """``frame`` as a table of the page; ``best`` marks rows."""
    texts = [not pd.api.types.is_numeric_dtype(frame[column]) for column in frame.columns]
    heads = [
        Cell(TITLES.get(str(column), str(column).replace("_", " ")), is_text)
        for column, is_text in zip(frame.columns, texts, strict=True)
    ]
    marks = list(best) or [False] * len(frame)
    rows = [
        Line([Cell(_text(str(c), v), t) for c, v, t in zip(frame.columns, values, texts, strict=True)], mark)
        for values, mark in zip(frame.itertuples(index=False), marks, strict=True)
    ]
    csv = base64.b64encode(frame.to_csv(index=False).encode()).decode()
    return Table(name, title, heads, rows, f"data:text/csv;charset=utf-8;base64,{csv}", folded)


def _text(column: str, value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if column in PERCENT:
        return f"{100 * value:+.1f} %" if column == "prediction_error" else f"{100 * value:.1f} %"
    return number(value) if isinstance(value, int | float) else str(value)


def number(value: float) -> str:
    """Four digits; large numbers with separators, very large or small ones with an exponent."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e7):
        return f"{int(value):,}" if abs(value) < 1e10 else f"{value:.4g}"
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e7 else f"{value:.4g}"


def render(title: str, subtitle: str, cards: Sequence[Card], sections: Sequence[Section]) -> str:
    """The page as HTML."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template("page.html.jinja")
    return page.render(title=title, subtitle=subtitle, cards=cards, sections=sections)
