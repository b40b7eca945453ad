"""Pictures of a mapping: its loops as nested boxes, and what one tile takes of each tensor."""

import math
import re
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.stages.reporting import words

TENSORS = {"W": "weights", "I": "inputs", "O": "outputs"}
PLACES = {"3": "DRAM", "2": "scratchpad", "1": "accumulator", "0": "array registers"}
WORDS = {
    "R": "filter column",
    "S": "filter row",
    "P": "output column",
    "Q": "output row",
    "C": "input channel",
    "K": "output channel",
    "N": "image",
}
LEVEL = re.compile(r"L(\d+)\[(\w*)\]\s*(.*)")
SIDE = 96


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a mapping's text."""

    number: str
    tensors: str
    loops: tuple[tuple[str, int, bool], ...]
    """Dimension, factor, whether it is spatial; outermost first."""


def levels(text: str) -> list[Level]:
    """The levels of a mapping's text, outermost first; a part that is no level is left out."""
    found = []
    for part in text.split(" - "):
        match = LEVEL.fullmatch(part.strip())
        if match is not None:
            loops = tuple((t[0], int(t[1:].rstrip("X")), t.endswith("X")) for t in match[3].split())
            found.append(Level(match[1], match[2], tuple(loop for loop in loops if loop[1] > 1)))
    return found


def nest(text: str) -> Markup:
    """The loops as nested boxes, one a level, outermost outside."""
    inside = Markup('<div class="mac">multiply and add</div>')
    for level in reversed(levels(text)):
        loops = Markup("").join(
            Markup('<span class="loop{2}" title="{3}">{0} <b>{1}</b></span>').format(
                dimension, factor, " spatial" if spatial else "",
                _loop_words(dimension, factor, spatial),
            )
            for dimension, factor, spatial in level.loops
        )  # fmt: skip
        kept = ", ".join(TENSORS[name] for name in level.tensors if name in TENSORS)
        head = Markup('<span class="place">{0}<small> keeps {1}</small></span>').format(
            PLACES.get(level.number, f"level {level.number}"), kept
        )
        inside = Markup('<div class="level">{0} {1}{2}</div>').format(
            head, loops or Markup('<span class="soft">no loop</span>'), inside
        )
    return Markup('<div class="nest">') + inside + Markup("</div>")


def _loop_words(dimension: str, factor: int, spatial: bool) -> str:
    when = "at once, in the array" if spatial else "one after another"
    return f"{factor} steps over {WORDS.get(dimension, dimension)}s, {when}"


def tiles(text: str, sizes: dict[str, int]) -> Markup:
    """What one tile takes of weights, inputs and outputs: a box in a box, both in proportion."""
    inner = [loop for level in levels(text)[1:] for loop in level.loops]
    extent = {
        name: min(size, math.prod(factor for dimension, factor, _ in inner if dimension == name))
        for name, size in sizes.items()
    }
    pictures = []
    for tensor, down, across in (("I", "PQN", "C"), ("W", "RSC", "K"), ("O", "PQN", "K")):
        whole = [math.prod(sizes[d] for d in dims) for dims in (down, across)]
        part = [math.prod(extent[d] for d in dims) for dims in (down, across)]
        pictures.append(_tile(TENSORS[tensor], words.colour(tensor), whole, part, (down, across)))
    return Markup('<div class="tiles">') + Markup("").join(pictures) + Markup("</div>")


def _tile(name: str, fill: str, whole: list[int], part: list[int], dims: tuple[str, str]) -> Markup:
    height, width = (max(1.5, SIDE * p / w) for p, w in zip(part, whole, strict=True))
    share = part[0] * part[1] / (whole[0] * whole[1])
    text = f"a tile takes {part[0]:,} x {part[1]:,} of {whole[0]:,} x {whole[1]:,} {name} ({words.percent(share)})"
    return Markup(
        '<figure class="tile"><svg viewBox="0 0 100 100" role="img" aria-label="{0}"><title>{0}</title>'
        '<rect x="2" y="2" width="96" height="96" fill="none" stroke="{1}"/>'
        '<rect x="2" y="2" width="{2:.1f}" height="{3:.1f}" fill="{1}" fill-opacity="0.55" stroke="{1}"/></svg>'
        "<figcaption><b>{4}</b><br>{5:,} x {6:,} of<br>{7:,} x {8:,}<br>"
        "<small>{9} down, {10} across</small></figcaption></figure>"
    ).format(
        text, fill, width, height, name, part[0], part[1], whole[0], whole[1], "·".join(dims[0]), "·".join(dims[1])
    )
