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
    marks: dict[str, int]
    """Tensors with a boundary of their own here: how many of the loops are outside it."""


def levels(text: str) -> list[Level]:
    """The levels of a mapping's text, outermost first; a part that is no level is left out."""
    found = []
    for part in text.split(" - "):
        match = LEVEL.fullmatch(part.strip())
        if match is not None:
            loops: list[tuple[str, int, bool]] = []
            marks: dict[str, int] = {}
            for token in match[3].split():
                if token.startswith("["):
                    marks[token[1]] = len(loops)
                elif (factor := int(token[1:].rstrip("X"))) > 1:
                    loops.append((token[0], factor, token.endswith("X")))
            found.append(Level(match[1], match[2], tuple(loops), marks))
    return found


def nest(text: str) -> Markup:
    """The loops as nested boxes, one a level, outermost outside."""
    inside = Markup('<div class="mac">multiply and add</div>')
    for level in reversed(levels(text)):
        loops = Markup("").join(
            _marks(level, place)
            + Markup('<span class="loop{2}" title="{3}">{0} <b>{1}</b></span>').format(
                dimension, factor, " spatial" if spatial else "",
                _loop_words(dimension, factor, spatial),
            )
            for place, (dimension, factor, spatial) in enumerate(level.loops)
        )  # fmt: skip
        kept = ", ".join(TENSORS[name] for name in level.tensors if name in TENSORS)
        head = Markup('<span class="place">{0}<small> keeps {1}</small></span>').format(
            PLACES.get(level.number, f"level {level.number}"), kept
        )
        inside = Markup('<div class="level">{0} {1}{2}</div>').format(
            head, loops or Markup('<span class="soft">no loop</span>'), inside
        )
    return Markup('<div class="nest">') + inside + Markup("</div>")


def _marks(level: Level, place: int) -> Markup:
    names = [TENSORS[tensor] for tensor, outside in level.marks.items() if outside == place]
    title = "these stay in the memory inside over the loops that follow"
    return Markup("").join(Markup('<span class="soft" title="{1}">[{0}]</span> ').format(n, title) for n in names)


def _loop_words(dimension: str, factor: int, spatial: bool) -> str:
    when = "at once, in the array" if spatial else "one after another"
    return f"{factor} steps over {WORDS.get(dimension, dimension)}s, {when}"


def tiles(text: str, sizes: dict[str, int]) -> Markup:
    """What one tile takes of weights, inputs and outputs: a box in a box, both in proportion."""
    outer, *inner = levels(text)
    pictures = []
    for tensor, down, across in (("I", "PQN", "C"), ("W", "RSC", "K"), ("O", "PQN", "K")):
        own = outer.loops[outer.marks.get(tensor, len(outer.loops)) :]
        loops = [loop for level in inner for loop in level.loops] + list(own)
        extent = {
            name: min(size, math.prod(factor for dimension, factor, _ in loops if dimension == name))
            for name, size in sizes.items()
        }
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
