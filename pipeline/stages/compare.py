"""Two studies or two designs side by side, on the terminal and as a page."""

import json
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import pandas as pd
import typer
from markupsafe import Markup

from pipeline.config.study import SHARED
from pipeline.files import check_out, write_text
from pipeline.hardware import HardwareTensors
from pipeline.machine.machine import Machine, machine_of
from pipeline.measurement import known_classes
from pipeline.stages.entry import run
from pipeline.stages.export import found_mappings
from pipeline.stages.machines import machine_choice
from pipeline.stages.reporting import charts, words
from pipeline.stages.reporting.findings import findings
from pipeline.stages.reporting.page import Section, render, table, text
from pipeline.stages.reporting.results import load_results
from pipeline.table import hardware_of, read_table

HEAD = 11
"""Width to which heads of columns are wrapped."""

MOST_COLUMNS = 110
"""Widest table on a terminal."""

WHOLE = "whole network"
"""Name of the row with the sums over all layers."""


def compare(first: Path, second: Path) -> tuple[pd.DataFrame, list[str]]:
    """A row a network (two studies) or a layer (two designs) with both values and the second over the first.

    Also what makes the comparison unfair, in words. Raises ValueError when one is a study and the other a design.
    """
    studies = [(folder / "study.json").is_file() for folder in (first, second)]
    if studies[0] != studies[1]:
        raise ValueError(f"{first} and {second}: one is a study, the other a design; compare two of a kind")
    return _studies(first, second) if studies[0] else _designs(first, second)


def _studies(first: Path, second: Path) -> tuple[pd.DataFrame, list[str]]:
    results = [load_results(folder) for folder in (first, second)]
    found = [{item.workload: item for item in findings(result)} for result in results]
    common = [name for name in found[0] if name in found[1]]
    if not common:
        raise ValueError(f"{first} and {second} have no network in common")
    records = []
    for name in common:
        pair = {side: designs[name] for side, designs in zip("AB", found, strict=True)}
        record: dict[str, object] = {"network": name}
        record |= {f"hardware, {side}": item.sizes for side, item in pair.items()}
        record |= {f"EDP below default, {side}": item.edp_gain for side, item in pair.items()}
        records.append(record | _both({side: item.design for side, item in pair.items()}, "sim"))
    notes = [
        f"{field}: A {one}, B {other}"
        for field, one, other in _differences(results[0].study, results[1].study)
        if field != "name" and (field != "workloads" or SHARED in common)
    ]
    return pd.DataFrame(records), notes


def _differences(first: dict, second: dict, prefix: str = "") -> list[tuple[str, object, object]]:  # type: ignore[type-arg]
    """Fields in which two studies differ."""
    found: list[tuple[str, object, object]] = []
    for key in dict.fromkeys([*first, *second]):
        one, other = first.get(key), second.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found += _differences(one, other, f"{prefix}{key}.")
        elif one != other:
            short = [f"{len(v)} entries" if isinstance(v, list) and len(v) > 4 else v for v in (one, other)]
            found.append((f"{prefix}{key}", short[0], short[1]))
    return found


def _designs(first: Path, second: Path) -> tuple[pd.DataFrame, list[str]]:
    tables = [read_table(found_mappings(design)) for design in (first, second)]
    measured = next((p for p in ("sim", "pred") if all(f"{p}.cycles" in t for t in tables)), None)
    if measured is None:
        raise ValueError(f"{first} and {second}: both need sim.cycles or pred.cycles; run simulate or estimate first")
    keyed = [table.drop_duplicates("layer.name").set_index("layer.name") for table in tables]
    common = [name for name in keyed[0].index if name in keyed[1].index]
    if not common:
        raise ValueError(f"{first} and {second} have no layer in common")
    records = []
    for name in common:
        rows = {side: {str(k): v for k, v in t.loc[name].items()} for side, t in zip("AB", keyed, strict=True)}
        record: dict[str, object] = {"layer.name": name}
        records.append(record | _both(rows, measured))
    if len(common) > 1:
        whole = {side: _whole(t.loc[common], measured) for side, t in zip("AB", keyed, strict=True)}
        records.insert(0, {"layer.name": WHOLE, **_both(whole, measured)})
    notes = []
    for side, design, own, one in zip("AB", (first, second), tables, keyed, strict=True):
        notes.append(f"{side}: {_sizes(design, own)}")
        notes += [f"{side}: of its cycles {text}" for text in _classes(one.loc[common])]
    alone = len(set(keyed[0].index) ^ set(keyed[1].index))
    if alone:
        notes.append(f"{alone} layers are in one of them only")
    return pd.DataFrame(records), notes


def _both(rows: dict[str, dict[str, object]], prefix: str) -> dict[str, object]:
    record: dict[str, object] = {}
    for quantity in ("cycles", "energy_uj"):
        values = {side: float(str(row[f"{prefix}.{quantity}"])) for side, row in rows.items()}
        record |= {f"{words.title(f'{prefix}.{quantity}')}, {side}": value for side, value in values.items()}
        record[f"{quantity.removesuffix('_uj')} B/A"] = values["B"] / values["A"]
    edp = {
        side: float(str(row[f"{prefix}.cycles"])) * float(str(row[f"{prefix}.energy_uj"])) for side, row in rows.items()
    }
    return record | {"EDP B/A": edp["B"] / edp["A"]}


def _times(table: pd.DataFrame) -> "pd.Series[float]":
    """How often a network runs each layer."""
    return table["layer.count"] if "layer.count" in table else pd.Series(1.0, index=table.index)


def _whole(table: pd.DataFrame, prefix: str) -> dict[str, object]:
    """Sums over layers, each as often as the network runs it."""
    names = [f"{prefix}.cycles", f"{prefix}.energy_uj"]
    return {name: float((table[name] * _times(table)).sum()) for name in names}


def _classes(table: pd.DataFrame) -> list[str]:
    """What the cycles of the simulated network went to, one text where it is known."""
    sums = {name: float((table[f"sim.{name}"] * _times(table)).sum()) for name in known_classes(table.columns)}
    total = sum(sums.values())
    shares = [f"{100 * value / total:.0f} % {words.title(name)}" for name, value in sums.items() if value]
    return [", ".join(shares)] if shares else []


def _sizes(design: Path, table: pd.DataFrame) -> str:
    """Sizes and area of the hardware; of a design that a search wrote, on the machine that it names."""
    machine = _machine(design)
    points = dict.fromkeys(
        hardware_of({str(k): v for k, v in row.items()}, machine.template) for row in table.to_dict("records")
    )
    area = machine.area_mm2(HardwareTensors.stack(list(points))).tolist()
    texts = [words.hardware(p.sizes | ({"structure": p.structure_words} if p.changed else {})) for p in points]
    return ", ".join(f"{text}, {mm2:.2f} mm2" for text, mm2 in zip(texts, area, strict=True))


def _machine(design: Path) -> Machine:
    path = design / "design.json"
    if not path.is_file():
        return machine_choice().find()
    content = json.loads(path.read_text(encoding="utf-8"))
    return machine_of(content.get("machine", machine_choice().machine), content.get("memory", "soc"))


def comparison_page(first: Path, second: Path, rows: pd.DataFrame, notes: list[str]) -> str:
    """The comparison as a page that needs nothing else."""
    lead = Markup('<p class="lead">A is {0}, B is {1}.</p>').format(str(first), str(second))
    name = str(rows.columns[0])
    ratios = dict(zip(rows[name].astype(str), rows["EDP B/A"], strict=True))
    said = {label: words.ratio(value) for label, value in ratios.items()}
    content = text("EDP of B over that of A; below 1.00x B is better.") + charts.plain_bars(ratios, said)
    content += table("comparison", rows)
    return render(f"{first.name} and {second.name}", lead, [
        Section("comparison", "Side by side", content),
        Section("differences", "What differs", text(*(notes or ["Nothing but the results."]))),
    ], [])  # fmt: skip


def comparison_text(rows: pd.DataFrame) -> str:
    """The rows as a table for a terminal, or below each other where that would be too wide."""
    cells = [
        [words.cell("improvement" if "B/A" in str(c) or "below" in str(c) else str(c), v) for c, v in record.items()]
        for record in rows.to_dict("records")
    ]
    names = [words.title(str(column)) for column in rows.columns]
    heads = [wrap(name, HEAD) for name in names]
    heads = [[""] * (max(map(len, heads)) - len(lines)) + lines for lines in heads]
    grid = [*zip(*heads, strict=True), *cells]
    widths = [max(len(row[at]) for row in grid) for at in range(len(names))]
    if sum(widths) + 2 * len(widths) > MOST_COLUMNS:
        lines = []
        for name, *rest in cells:
            lines += [name, *(f"  {column:36} {value}" for column, value in zip(names[1:], rest, strict=True))]
        return "\n".join(lines)
    aligned = [
        [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))] for row in grid
    ]
    return "\n".join("  ".join(line).rstrip() for line in aligned)


def main(
    first: Annotated[Path, typer.Argument(metavar="A", help="Folder of a study, or of a design, or a table.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    page: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write the comparison as a page too.")] = None,
) -> None:
    """Show two studies or two designs side by side."""
    if page is not None:
        check_out(page)
    rows, notes = compare(first, second)
    typer.echo(f"A: {first}\nB: {second}")
    typer.echo(comparison_text(rows))
    for note in notes:
        typer.echo(f"differs: {note}")
    if page is not None:
        write_text(page, comparison_page(first, second, rows, notes))
        typer.echo(str(page))


if __name__ == "__main__":
    run(main)
