"""Inline SVG of small panels: axes with few labels, and marks that say what they are when pointed at.

A panel is 340 units wide and is never shown much larger or smaller, so its text stays legible on a phone and in print.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

WIDTH = 340
HEIGHT = 230
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 24, 38
CHARACTER = 6.2
"""Width of a character of a label."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values between ``low`` and ``high`` to positions between ``start`` and ``end``."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False
    is_whole: bool = False
    """Whether only whole numbers are labelled."""

    @classmethod
    def around(cls, values: Iterable[float], start: float, end: float, *, is_log: bool = False) -> "Axis":
        """An axis with a little room around ``values`` (finite; above 0 when logarithmic)."""
        kept = [v for v in values if math.isfinite(v) and (v > 0 or not is_log)]
        low, high = (min(kept), max(kept)) if kept else (1.0, 10.0)
        if is_log:
            room = max((high / low) ** 0.05, 1.02)
            return cls(low / room, high * room, start, end, True)
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        return cls(low - room, high + room, start, end)

    def __call__(self, value: float) -> float:
        """The position of a value; those outside are put at the end."""
        if self.is_log:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values inside with their labels, few enough not to overlap."""
        most = 6 if abs(self.end - self.start) > 250 else 5
        values = _log_ticks(self.low, self.high, most) if self.is_log else _linear_ticks(self.low, self.high, most)
        values = [value for value in values if not self.is_whole or float(value).is_integer()]
        return [(value, tick_label(value)) for value in values]


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Whole decades, every second or third of many; steps between them where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        values = [s * 10.0**p for p in range(first, last + 1) for s in steps if low <= s * 10.0**p <= high]
        if len(values) <= most:
            break
    if len(values) > most:
        values = values[:: -(-len(values) // most)]
    return values if len(values) > 1 else _linear_ticks(low, high, most - 1)


def tick_label(value: float) -> str:
    """A short label of an axis."""
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e6:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    power = math.floor(math.log10(abs(value)) + 1e-9)
    mantissa = f"{value / 10.0**power:.3g}"
    return f"1e{power}" if mantissa == "1" else f"{mantissa}e{power}"


class Panel:
    """One plot."""

    def __init__(self, x: Axis, y: Axis, *, title: str = "", x_label: str = "", y_label: str = "") -> None:
        self.x, self.y = x, y
        self._parts: list[Markup] = []
        self._frame(title, x_label, y_label)

    def _frame(self, title: str, x_label: str, y_label: str) -> None:
        for value, label in self.x.ticks():
            at = self.x(value)
            self._add('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>', at, TOP, HEIGHT - BOTTOM)
            self.text(at, HEIGHT - BOTTOM + 14, label, "middle")
        for value, label in self.y.ticks():
            at = self.y(value)
            self._add('<line class="grid" x1="{1}" x2="{2}" y1="{0:.1f}" y2="{0:.1f}"/>', at, LEFT, WIDTH - RIGHT)
            self.text(LEFT - 5, at + 3.5, label, "end")
        self.text(LEFT, 12, title, "start", "head")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x_label, "middle", "label")
        middle = (TOP + HEIGHT - BOTTOM) / 2
        self._add(
            '<text class="label" text-anchor="middle" transform="translate(10 {0:.0f}) rotate(-90)">{1}</text>',
            middle, y_label,
        )  # fmt: skip

    def _add(self, markup: str, *values: object) -> None:
        self._parts.append(Markup(markup).format(*values))

    def text(self, x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> None:
        """Text at a position of the panel."""
        if text:
            self._add(
                '<text class="{4}" x="{0:.1f}" y="{1:.1f}" text-anchor="{3}">{2}</text>', x, y, text, anchor, kind
            )

    def dot(self, x: float, y: float, fill: str, tip: str = "", radius: float = 3, *, hollow: bool = False) -> None:
        """A point at a value; ``tip`` is what it says."""
        style = f'fill="none" stroke="{fill}" stroke-width="1.5"' if hollow else f'fill="{fill}"'
        title = Markup("<title>{0}</title>").format(tip) if tip else ""
        self._add(
            '<circle cx="{0:.1f}" cy="{1:.1f}" r="{2}" {3}>{4}</circle>',
            self.x(x), self.y(y), radius, Markup(style), title,
        )  # fmt: skip

    def line(self, points: Sequence[tuple[float, float]], stroke: str, *, dashed: bool = False, tip: str = "") -> None:
        """A line through values."""
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        dash = Markup(' stroke-dasharray="4 3"') if dashed else ""
        title = Markup("<title>{0}</title>").format(tip) if tip else ""
        self._add(
            '<polyline fill="none" stroke="{0}" stroke-width="1.6"{2} points="{1}">{3}</polyline>',
            stroke, path, dash, title,
        )  # fmt: skip

    def steps(self, points: Sequence[tuple[float, float]], stroke: str, tip: str = "") -> None:
        """A line that keeps its value until the next point."""
        path = [points[0]]
        for (_, before), (x, y) in pairwise(points):
            path += [(x, before), (x, y)]
        self.line(path, stroke, tip=tip)

    def band(self, xs: Sequence[float], low: Sequence[float], high: Sequence[float], fill: str) -> None:
        """The area between two stepped curves."""
        upper, lower = _stepped(xs, high), _stepped(xs, low)
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in [*upper, *reversed(lower)])
        self._add('<polygon fill="{0}" fill-opacity="0.18" points="{1}"/>', fill, path)

    def label(self, x: float, y: float, text: str, fill: str) -> None:
        """Text beside a point, on the side where there is room."""
        at, width = self.x(x), CHARACTER * len(text)
        anchor, shift = ("end", -7) if at + 7 + width > WIDTH - RIGHT else ("start", 7)
        self._add(
            '<text class="mark" x="{0:.1f}" y="{1:.1f}" text-anchor="{2}" fill="{3}">{4}</text>',
            at + shift, self.y(y) - 5, anchor, fill, text,
        )  # fmt: skip

    def html(self, description: str) -> Markup:
        """The panel as an ``<svg>`` element; ``description`` is for those who cannot see it."""
        head = Markup('<svg class="panel" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">')
        return head.format(WIDTH, HEIGHT, description) + Markup("").join(self._parts) + Markup("</svg>")


def _stepped(xs: Sequence[float], ys: Sequence[float]) -> list[tuple[float, float]]:
    points = [(xs[0], ys[0])]
    for before, x, y in zip(ys, xs[1:], ys[1:], strict=False):
        points += [(x, before), (x, y)]
    return points


def panel_axes(
    xs: Iterable[float], ys: Iterable[float], *, log_x: bool = False, log_y: bool = False
) -> tuple[Axis, Axis]:
    """The axes of a panel that shows values ``xs`` and ``ys``."""
    x = Axis.around(xs, LEFT, WIDTH - RIGHT, is_log=log_x)
    return x, Axis.around(ys, HEIGHT - BOTTOM, TOP, is_log=log_y)


def legend(items: Iterable[tuple[str, str]]) -> Markup:
    """Names with their colours."""
    keys = [
        Markup('<span class="key"><i style="background:{0}"></i>{1}</span>').format(fill, name) for name, fill in items
    ]
    return Markup('<p class="legend">') + Markup(" ").join(keys) + Markup("</p>")


def panels(parts: Iterable[Markup]) -> Markup:
    """Panels side by side, as many as there is room for."""
    return Markup('<div class="panels">') + Markup("").join(parts) + Markup("</div>")
