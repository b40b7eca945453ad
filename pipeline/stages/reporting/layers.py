"""The layers of each network: where their time goes, their mappings as pictures, and their tiles over time."""

from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline.measurement import known_classes
from pipeline.stages.reporting import charts, tables, words
from pipeline.stages.reporting.mapping_picture import nest, tiles
from pipeline.stages.reporting.page import Section, folded, heading, table, text
from pipeline.stages.reporting.results import StudyResults
from pipeline.stages.reporting.timeline_picture import timeline
from pipeline.workload import DIMS

MOST_BARS = 12
"""Layers that are drawn as bars, those with the most cycles; the table has all."""

MOST_PICTURES = 24
"""Layers whose mappings are drawn."""


def layer_sections(results: StudyResults) -> list[Section]:
    """One section a network."""
    return [_section(results, name) for name in results.workloads]


def _section(results: StudyResults, workload: str) -> Section:
    found = results.finals[results.finals["workload"] == workload]
    default = results.references[results.references["workload"] == workload]
    both = tables.layers_table(found, default)
    order = both["sim.cycles"].mul(both["layer.count"]).sort_values(ascending=False).index
    names = [str(both["layer.name"][index]) for index in order]
    parts = {"default": _by_name(default), "found": _by_name(found)}
    more = f" Shown are the {MOST_BARS} with the most cycles of {len(names)}." if len(names) > MOST_BARS else ""
    content = text(f"Cycles of a layer times how often it occurs, default above found.{more}")
    content += charts.stacked_bars(_bars(names[:MOST_BARS], parts), "cycles")
    content += heading("Layers of the design found")
    content += text("Cycles and energy are those of one occurrence; 'count' says how often the layer occurs.")
    content += table(f"{workload}_layers", both)
    content += heading("Mappings and tiles")
    for name in names[:MOST_PICTURES]:
        content += _pictures(results.timelines, workload, name, parts, is_open=name == names[0])
    if len(names) > MOST_PICTURES:
        content += text(f"The other {len(names) - MOST_PICTURES} layers take fewer cycles and are not drawn.")
    return Section(f"network-{workload}", workload, content)


def _by_name(layers: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {str(row["layer.name"]): {str(k): v for k, v in row.items()} for row in layers.to_dict("records")}


def _bars(names: list[str], parts: dict[str, dict[str, dict[str, Any]]]) -> list[tuple[str, str, dict[str, float]]]:
    bars = []
    for name in names:
        for design, layers in parts.items():
            row = layers.get(name)
            if row is not None:
                values = {counter: float(row[f"sim.{counter}"] * row["layer.count"]) for counter in known_classes(row)}
                label = name if design == "default" else "- found"
                bars.append((label, words.number(sum(values.values())), values))
    return bars


def _pictures(
    spans: pd.DataFrame, workload: str, name: str, parts: dict[str, dict[str, dict[str, Any]]], *, is_open: bool
) -> Markup:
    """Mapping, tile and timeline of one layer by default and as found."""
    shown = []
    layer = parts["found"][name]
    sizes = {dimension: int(layer[f"prob.{dimension}"]) for dimension in DIMS}
    for design, layers in parts.items():
        row = layers.get(name)
        if row is None:
            continue
        mapping = str(row["mapping.mapping"])
        head = heading(f"{design}: {words.number(float(row['sim.cycles']))} cycles")
        shown.append(Markup("<div>{0}{1}{2}</div>").format(head, nest(mapping), tiles(mapping, sizes)))
    content = Markup('<div class="pair">') + Markup("").join(shown) + Markup("</div>")
    for design, layers in parts.items():
        if spans.empty or name not in layers:
            continue
        mine = spans[(spans["workload"] == workload) & (spans["layer.name"] == name) & (spans["design"] == design)]
        if len(mine):
            content += text(f"{design}, from the simulation:") + timeline(
                ({str(k): v for k, v in span.items()} for span in mine.to_dict("records")),
                float(layers[name]["sim.cycles"]),
            )
    size = ", ".join(f"{dimension} {value}" for dimension, value in sizes.items() if value > 1)
    return folded(f"{name} ({size})", content, is_open=is_open)
