"""The report's plots: bars as HTML, everything with axes as SVG panels."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from markupsafe import Markup

from pipeline.stages.reporting import words
from pipeline.stages.reporting.svg import Panel, legend, panel_axes, panels

MOST_DOTS = 500
"""Dots of a panel; of more, every n-th is drawn."""

LEAST_ERROR = 1e-4
"""Errors below are drawn there."""


def ratio_bars(gains: Mapping[str, float]) -> Markup:
    """What is left of each quantity, as a bar beside that of the default: shorter is better."""
    widest = max(1.0, *(1 / gain for gain in gains.values()))
    lines = []
    for name, gain in gains.items():
        worse = " worse" if gain < 0.995 else ""
        lines.append(
            Markup(
                '<div class="ratio{4}"><span>{0}</span><span class="bar" title="{0}: {1} of the default">'
                '<i style="width:{2:.1f}%"></i><b style="left:{3:.1f}%"></b></span><span>{5}</span></div>'
            ).format(name, words.percent(1 / gain), 100 / gain / widest, 100 / widest, worse, words.ratio(1 / gain))
        )
    return Markup('<div class="ratios">') + Markup("").join(lines) + Markup("</div>")


def stacked_bars(rows: Sequence[tuple[str, str, Mapping[str, float]]], unit: str) -> Markup:
    """One bar a row (label, note, parts by name), its length in proportion to the sum of its parts."""
    longest = max((sum(parts.values()) for _, _, parts in rows), default=1.0) or 1.0
    names = list(dict.fromkeys(name for _, _, parts in rows for name in parts))
    lines = []
    for label, note, parts in rows:
        total = sum(parts.values())
        pieces = Markup("").join(
            Markup('<i style="width:{0:.2f}%;background:{1}" title="{2}"></i>').format(
                100 * value / longest,
                words.colour(name),
                f"{label}, {words.title(name)}: {words.number(value)} {unit} ({words.percent(value / total)})",
            )
            for name, value in parts.items()
            if value > 0
        )
        lines.append(
            Markup('<div class="stack"><span>{0}</span><span class="bar">{1}</span><span>{2}</span></div>').format(
                label, pieces, note
            )
        )
    keys = legend((words.title(name), words.colour(name)) for name in names)
    return keys + Markup('<div class="stacks">') + Markup("").join(lines) + Markup("</div>")


def plain_bars(values: Mapping[str, float], notes: Mapping[str, str]) -> Markup:
    """One bar a name, with its note."""
    longest = max(values.values(), default=1.0) or 1.0
    lines = [
        Markup(
            '<div class="stack"><span>{0}</span><span class="bar"><i style="width:{1:.2f}%;background:#3577b5" '
            'title="{0}: {2}"></i></span><span>{2}</span></div>'
        ).format(name, 100 * value / longest, notes[name])
        for name, value in values.items()
    ]
    return Markup('<div class="stacks">') + Markup("").join(lines) + Markup("</div>")


def rounds_panels(rounds: pd.DataFrame, others: Mapping[str, Mapping[str, float]], objective: str) -> Markup:
    """Gain of the best simulated design after each round, a panel a network, other ways to search as lines."""
    parts = []
    for workload, group in rounds.groupby("workload", sort=False):
        known = others.get(str(workload), {})
        points = [(0.0, 1.0), *zip(group["round"].astype(float), group["improvement"], strict=True)]
        x, y = panel_axes([0.0, len(points) - 1.0], [1.0, *(y for _, y in points), *known.values()])
        x = replace(x, is_whole=True)
        below = f"{objective} below default (times)"
        panel = Panel(x, y, title=str(workload), x_label="round (0: the default)", y_label=below)
        for name, gain in known.items():
            tip = f"{name}: {words.ratio(gain)}"
            panel.line([(x.low, gain), (x.high, gain)], words.colour(name.split()[0]), dashed=True, tip=tip)
        panel.steps(points, words.colour("found"))
        for at, gain in points:
            panel.dot(at, gain, words.colour("found"), f"after round {at:.0f}: {words.ratio(gain)}")
        parts.append(panel.html(f"Gain in {objective} by round on {workload}"))
    names = list(dict.fromkeys(name for known in others.values() for name in known))
    keys = [("the loop", words.colour("found")), *((name, words.colour(name.split()[0])) for name in names)]
    return legend(keys) + panels(parts)


def trace_panels(traces: pd.DataFrame, names: Mapping[str, str], objective: str) -> Markup:
    """Best predicted objective (``best``) by evaluations: median and range over seeds, a panel a network."""
    parts = []
    for workload, group in traces.groupby("workload", sort=False):
        curves = {name: _band(group[group["variant"] == variant]) for variant, name in names.items()}
        curves = {name: curve for name, curve in curves.items() if len(curve[0])}
        xs = [x for curve in curves.values() for x in curve[0]]
        ys = [y for curve in curves.values() for y in (*curve[1], *curve[3])]
        panel = Panel(
            *panel_axes(xs, ys, log_x=True, log_y=True),
            title=str(workload), x_label="evaluations", y_label=f"best predicted {objective}",
        )  # fmt: skip
        for name, (x, low, middle, high) in curves.items():
            if high != low:
                panel.band(x, low, high, words.colour(name))
            panel.steps(list(zip(x, middle, strict=True)), words.colour(name), f"{name}: {words.number(middle[-1])}")
            panel.dot(x[-1], middle[-1], words.colour(name), f"{name}: {words.number(middle[-1])}")
        parts.append(panel.html(f"Best predicted {objective} by evaluations on {workload}"))
    return legend((name, words.colour(name)) for name in names.values()) + panels(parts)


def _band(rows: pd.DataFrame) -> tuple[list[float], list[float], list[float], list[float]]:
    """Evaluations, and the lowest, median and highest best value over seeds where every seed has one."""
    grid = np.unique(np.maximum(rows["evaluations"].to_numpy(float), 1))
    curves = []
    for _, trace in rows.groupby("seed"):
        ordered = trace.sort_values("evaluations")
        at = np.searchsorted(np.maximum(ordered["evaluations"].to_numpy(float), 1), grid, side="right") - 1
        best = np.minimum.accumulate(ordered["best"].to_numpy(float))
        curves.append(np.where(at >= 0, best[np.maximum(at, 0)], np.nan))
    if not curves:
        return [], [], [], []
    stack = np.array(curves)
    seen = ~np.isnan(stack).any(axis=0)
    stack = stack[:, seen]
    low, middle, high = stack.min(axis=0), np.median(stack, axis=0), stack.max(axis=0)
    changes = np.flatnonzero(np.diff(np.stack([low, middle, high]), axis=1).any(axis=0)) + 1
    kept = np.unique([0, *changes, int(seen.sum()) - 1])
    return grid[seen][kept].tolist(), low[kept].tolist(), middle[kept].tolist(), high[kept].tolist()


def error_panels(dataset: pd.DataFrame, kinds: Sequence[str]) -> Markup:
    """Size of the error over efficiency, of mappings that the models had not seen; a panel a model."""
    fresh = dataset[dataset["round"] > 0]
    peak = fresh["sim.cycles"] * fresh["arch.meshX"].astype(float) ** 2
    efficiency = fresh[[f"prob.{name}" for name in "RSPQCKN"]].astype(float).prod(axis=1) / peak
    searched = fresh["sample.origin"] == "found"
    x, _ = panel_axes([0.0, max(0.1, float(efficiency.max()))], [1.0, 2.0])
    errors = {kind: (fresh[f"pred.{kind}.cycles"] / fresh["sim.cycles"] - 1).abs() for kind in kinds}
    everything = [max(LEAST_ERROR, e) * 100 for values in errors.values() for e in values.dropna()]
    _, y = panel_axes([0.0, 1.0], everything, log_y=True)
    parts = []
    for kind, error in errors.items():
        panel = Panel(x, y, title=kind, x_label="utilisation of the array", y_label="error in cycles (%)")
        known = error.dropna().index
        for index in known[:: max(1, -(-len(known) // MOST_DOTS))]:
            size, fill = 100 * max(LEAST_ERROR, error[index]), "found" if searched[index] else "default"
            name = fresh["layer.name"].get(index, "") if "layer.name" in fresh else ""
            tip = f"{name} {words.number(fresh['sim.cycles'][index])} cycles, error {words.percent(error[index])}"
            panel.dot(efficiency[index], size, words.colour(fill), tip.strip(), 2.2, hollow=fill == "default")
        if len(known):
            middle = 100 * max(LEAST_ERROR, float(error[known].median()))
            panel.line([(x.low, middle), (x.high, middle)], "#111", dashed=True, tip=f"median {middle:.2g} %")
            panel.label(x.low, middle, f"median {middle:.2g} %", "#111")
        parts.append(panel.html(f"Errors of the {kind} model over utilisation"))
    keys = legend([("searched", words.colour("found")), ("other new mappings", words.colour("default"))])
    return keys + panels(parts)


def pareto_panels(points: pd.DataFrame, costs: tuple[str, str]) -> Markup:
    """Two ``costs`` of designs, the second relative to the default, a panel a network."""
    parts = []
    first, second = (words.title(cost) for cost in costs)
    for workload, group in points.groupby("workload", sort=False):
        base = float(group.loc[group["variant"] == "reference", costs[1]].iloc[0])
        relative = group[costs[1]] / base
        panel = Panel(
            *panel_axes(group[costs[0]], relative, log_y=True),
            title=str(workload), x_label=first, y_label=f"{second.split(' (')[0]}, relative to the default",
        )  # fmt: skip
        front = group[group["front"]].sort_values(costs[0])
        panel.steps(list(zip(front[costs[0]], front[costs[1]] / base, strict=True)), words.colour("found"))
        for row, share in zip(group.to_dict("records"), relative, strict=True):
            is_default, is_best = row["variant"] == "reference", row["result"]
            role = "default" if is_default else "found" if row["front"] else "random"
            values = ", ".join(f"{words.title(cost)} {words.cell(cost, row[cost])}" for cost in costs)
            tip = f"{row['found by']}: {row['sizes']}; {values}, {words.ratio(1 / share)} lower"
            panel.dot(row[costs[0]], share, words.colour(role), tip, 4.5 if is_default or is_best else 3)
            if is_best or is_default:
                name = "result" if is_best else "default"
                panel.label(row[costs[0]], share, name, words.colour("found" if is_best else "default"))
        parts.append(panel.html(f"{first} and {second} of designs for {workload}"))
    keys = [("not beaten in both", words.colour("found")), ("beaten", words.colour("random"))]
    return legend([*keys, ("default", words.colour("default"))]) + panels(parts)
