"""A map of areas: boxes in proportion, grouped, as inline SVG that is legible on a phone.

The layout is that of M. Bruls, K. Huizing, J. J. van Wijk, Squarified Treemaps, 2000: rows along the shorter side, each
as long as its boxes get more square.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.stages.reporting import words
from pipeline.stages.reporting.svg import WIDTH

HEIGHT = 300
HEAD = 20
"""Height of the title."""
LINE = 13
CHARACTER = 5.5
"""Width of a character of a label."""
OTHER = "other"
SMALL = 0.006
"""Boxes of a smaller share of the whole are drawn as one."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


def squarify(sizes: Sequence[float], box: Box) -> list[Box]:
    """Boxes that fill ``box``, their areas in proportion to ``sizes`` (above 0, falling)."""
    if not sizes:
        return []
    scale = box.width * box.height / sum(sizes)
    short = min(box.width, box.height)
    count = 1
    while count < len(sizes) and _worst(sizes[: count + 1], scale, short) <= _worst(sizes[:count], scale, short):
        count += 1
    row, depth = sizes[:count], sum(sizes[:count]) * scale / short
    boxes, at = [], 0.0
    for size in row:
        length = size * scale / depth
        if box.width >= box.height:
            boxes.append(Box(box.x, box.y + at, depth, length))
        else:
            boxes.append(Box(box.x + at, box.y, length, depth))
        at += length
    if box.width >= box.height:
        rest = Box(box.x + depth, box.y, box.width - depth, box.height)
    else:
        rest = Box(box.x, box.y + depth, box.width, box.height - depth)
    return boxes + squarify(sizes[count:], rest)


def _worst(row: Sequence[float], scale: float, short: float) -> float:
    """The longest of a row's boxes against its width."""
    depth = sum(row) * scale / short
    return max(max(depth**2 / (size * scale), size * scale / depth**2) for size in row)


def treemap(title: str, groups: Mapping[str, Mapping[str, float]], unit: str) -> Markup:
    """One picture: a colour a group, a box for each of its parts; a box says what it is where there is room."""
    whole = sum(sum(parts.values()) for parts in groups.values())
    kept = _ordered({name: _merged(parts, SMALL * whole) for name, parts in groups.items() if sum(parts.values()) > 0})
    picture = [Markup('<text class="head" x="0" y="13">{0}</text>').format(title)]
    outer = squarify([sum(parts.values()) for parts in kept.values()], Box(0, HEAD, WIDTH, HEIGHT - HEAD))
    for (group, parts), area in zip(kept.items(), outer, strict=True):
        for (name, size), box in zip(parts.items(), squarify(list(parts.values()), area), strict=True):
            tip = f"{group}, {name}: {words.number(size)} {unit} ({words.percent(size / whole)})"
            picture.append(_box(box, words.colour(group), name, words.percent(size / whole), tip))
    head = Markup('<svg class="panel" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">')
    return head.format(WIDTH, HEIGHT, f"Area by module: {title}") + Markup("").join(picture) + Markup("</svg>")


def _ordered(groups: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    return dict(sorted(groups.items(), key=lambda item: -sum(item[1].values())))


def _merged(parts: Mapping[str, float], small: float) -> dict[str, float]:
    """``parts`` by falling size, those below ``small`` as one."""
    falling = dict(sorted(parts.items(), key=lambda item: -item[1]))
    large = {name: size for name, size in falling.items() if size >= small}
    rest = sum(falling.values()) - sum(large.values())
    return dict(sorted((large | ({OTHER: rest} if rest > 0 else {})).items(), key=lambda item: -item[1]))


def _box(box: Box, fill: str, name: str, share: str, tip: str) -> Markup:
    room = int((box.width - 6) / CHARACTER)
    lines = [line for line in (name, share) if len(line) <= room][: int((box.height - 4) / LINE)]
    text = Markup('<text class="inside" x="{0:.1f}" y="{1:.1f}">{2}</text>')
    texts = Markup("").join(text.format(box.x + 4, box.y + LINE * (at + 1), line) for at, line in enumerate(lines))
    return Markup(
        '<g><title>{0}</title><rect x="{1:.2f}" y="{2:.2f}" width="{3:.2f}" height="{4:.2f}" fill="{5}" stroke="#fff"/>'
        "{6}</g>"
    ).format(tip, box.x, box.y, box.width, box.height, fill, texts)
