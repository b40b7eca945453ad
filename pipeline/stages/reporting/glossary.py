"""The words that the page uses: what they mean, and links to that where they occur."""

import re

from markupsafe import Markup, escape

GLOSSARY = {
    "EDP": "Energy-delay product: energy of one inference times its cycles, in microjoule-cycles. Lower is better.",
    "default": "The design's default hardware (Gemmini: 16x16, 256 KiB scratchpad, 64 KiB accumulator) with the "
    "mappings of its default tiler, on the same RTL and memory. Its tiler's own run time is not counted.",
    "simulated": "Counted by the generated SystemVerilog under Verilator, cycle by cycle.",
    "predicted": "What the model that searched expected before the simulation.",
    "mapping": "How the loops of a layer are cut into tiles, and in which order the tiles run.",
    "tile": "The part of a layer that is in the accelerator's memories at once.",
    "scratchpad": "Memory for inputs and weights (int8). Sizes here are physical; two tiles share them.",
    "accumulator": "Memory for sums (int32).",
    "shared": "One hardware for all networks, chosen by the weighted geometric mean of their objectives.",
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
"""Words that the page explains."""

ALSO = {
    "mappings": "mapping",
    "tiles": "tile",
    "rounds": "round",
    "seeds": "seed",
    "evaluations": "evaluation",
    "compute": "compute, load, store",
    "host": "fill and drain, host",
    "fill and drain": "fill and drain, host",
}
"""Other forms of them."""

_PATTERN = re.compile(
    r"(?<![\w-])(" + "|".join(sorted({*GLOSSARY, *ALSO} - {"searched"}, key=len, reverse=True)) + r")(?![\w-])", re.I
)


def anchor(word: str) -> str:
    """The id of a word's place on the page."""
    return "word-" + re.sub(r"\W+", "-", word.lower())


def linked(text: str) -> Markup:
    """``text`` with the first of each word as a link to what it means."""
    parts, seen, end = [], set(), 0
    known = {word.lower(): word for word in GLOSSARY} | ALSO
    for match in _PATTERN.finditer(text):
        word = known[match[1].lower()]
        if word in seen:
            continue
        seen.add(word)
        link = Markup('<a class="term" href="#{0}" title="{1}">{2}</a>').format(anchor(word), GLOSSARY[word], match[1])
        parts += [escape(text[end : match.start()]), link]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])
