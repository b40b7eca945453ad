"""A picture of when tiles load, compute and store, from spans that the simulation recorded."""

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from pipeline.stages.reporting import words
from pipeline.stages.reporting.svg import Axis

WIDTH, LEFT, RIGHT, TOP, LANE, GAP = 700, 62, 30, 8, 26, 6
STAGES = ("load", "compute", "store")


def timeline(spans: Iterable[Mapping[str, Any]], cycles: float) -> Markup:
    """Three lanes of tiles over time; each box names its tile and cycles. ``cycles`` are those of the whole layer."""
    shown = list(spans)
    end = max(float(span["end"]) for span in shown)
    axis = Axis(0.0, end, LEFT, WIDTH - RIGHT)
    bottom = TOP + len(STAGES) * (LANE + GAP)
    parts = [
        Markup(
            '<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>'
            '<text x="{0:.1f}" y="{3}" text-anchor="middle">{4}</text>'
        ).format(axis(value), TOP, bottom, bottom + 13, label)
        for value, label in axis.ticks()
    ]
    parts += [_lane(stage, at) for at, stage in enumerate(STAGES)]
    parts += [_box(span, axis) for span in shown]
    count = len({span["tile"] for span in shown})
    text = f"the first {count} tiles: {words.number(end)} of {words.number(cycles)} cycles"
    head = Markup('<svg class="timeline" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">')
    svg = head.format(WIDTH, bottom + 20, text) + Markup("").join(parts) + Markup("</svg>")
    return Markup('<figure><div class="scroll">{0}</div><figcaption>{1}</figcaption></figure>').format(
        svg, f"Tiles over time in cycles, {text}; even and odd tiles use the two halves of the memories."
    )


def _lane(stage: str, at: int) -> Markup:
    y = TOP + at * (LANE + GAP)
    return Markup('<text x="{0}" y="{1:.1f}" text-anchor="end">{2}</text>').format(LEFT - 6, y + LANE / 2 + 4, stage)


def _box(span: Mapping[str, Any], axis: Axis) -> Markup:
    start, end = float(span["start"]), float(span["end"])
    y = TOP + STAGES.index(str(span["stage"])) * (LANE + GAP)
    width = max(1.0, axis(end) - axis(start))
    label = str(int(span["tile"])) if width > 14 else ""
    tip = f"tile {int(span['tile'])} {span['stage']}: {words.number(end - start)} cycles, from {words.number(start)}"
    return Markup(
        '<g><title>{0}</title><rect x="{1:.1f}" y="{2}" width="{3:.1f}" height="{4}" rx="2" fill="{5}" '
        'fill-opacity="{6}"/><text class="inside" x="{7:.1f}" y="{8:.1f}" text-anchor="middle">{9}</text></g>'
    ).format(
        tip, axis(start), y, width, LANE, words.colour(str(span["stage"])), 0.6 if int(span["tile"]) % 2 else 0.95,
        axis(start) + width / 2, y + LANE / 2 + 4, label,
    )  # fmt: skip
