"""Turns sections into one HTML page that needs nothing else: styles, script and tables are inside."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup

from pipeline.stages.reporting import words
from pipeline.stages.reporting.glossary import GLOSSARY, anchor, linked

HERE = Path(__file__).parent


class MissingError(Exception):
    """What a section needs is not in the study's folder; the message says what."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    id: str
    title: str
    content: Markup


def text(*lines: str) -> Markup:
    """Paragraphs, in which the first of each word that the page explains is a link to what it means."""
    return Markup("").join(Markup("<p>{0}</p>").format(linked(line)) for line in lines)


def heading(title: str) -> Markup:
    """A heading inside a section."""
    return Markup("<h3>{0}</h3>").format(title)


def figure(picture: Markup, caption: str) -> Markup:
    """A picture with what it shows."""
    return Markup("<figure>{0}<figcaption>{1}</figcaption></figure>").format(picture, linked(caption))


def folded(title: str, content: Markup, *, is_open: bool = False) -> Markup:
    """Content that is shown on demand, and always in print."""
    state = Markup(" open") if is_open else ""
    return Markup("<details{0}><summary>{1}</summary>{2}</details>").format(state, title, content)


def table(name: str, frame: pd.DataFrame, *, best: Sequence[bool] = ()) -> Markup:
    """``frame`` as a table with its CSV; ``best`` marks rows. Columns can be sorted, long tables filtered."""
    texts = [not pd.api.types.is_numeric_dtype(frame[column]) for column in frame.columns]
    heads = Markup("").join(
        Markup('<th scope="col"{0}>{1}</th>').format(_kind(is_text), words.title(str(column)))
        for column, is_text in zip(frame.columns, texts, strict=True)
    )
    marks = list(best) or [False] * len(frame)
    rows = Markup("").join(
        _row([str(c) for c in frame.columns], values, texts, is_best=mark)
        for values, mark in zip(frame.itertuples(index=False), marks, strict=True)
    )
    csv = base64.b64encode(frame.to_csv(index=False).encode()).decode()
    return Markup(
        '<div class="table"><div class="scroll"><table><thead><tr>{0}</tr></thead><tbody>{1}</tbody></table></div>'
        '<p class="download"><a download="{2}.csv" href="data:text/csv;charset=utf-8;base64,{3}">{2}.csv</a></p></div>'
    ).format(heads, rows, name, csv)


def _kind(is_text: bool) -> Markup:
    return Markup(' class="text"') if is_text else Markup("")


def _row(columns: Sequence[str], values: Sequence[object], texts: Sequence[bool], *, is_best: bool) -> Markup:
    cells = Markup("").join(
        Markup("<td{0}{1}>{2}</td>").format(
            Markup(' class="code"') if column == "mapping.mapping" else _kind(is_text),
            "" if is_text else Markup(' data-value="{0}"').format(value),
            words.cell(column, value),
        )
        for column, value, is_text in zip(columns, values, texts, strict=True)
    )
    return Markup("<tr{0}>{1}</tr>\n").format(Markup(' class="best"') if is_best else "", cells)


def render(title: str, lead: Markup, sections: Sequence[Section], missing: Sequence[str]) -> str:
    """The page as HTML; ``lead`` is its first screen, ``missing`` says what the report has no data for."""
    loader = jinja2.FileSystemLoader(HERE)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    styles, script = ((HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return environment.get_template("page.html.jinja").render(
        title=title,
        lead=lead,
        sections=sections,
        missing=missing,
        glossary=GLOSSARY,
        anchor=anchor,
        styles=Markup(styles),
        script=Markup(script),
    )
