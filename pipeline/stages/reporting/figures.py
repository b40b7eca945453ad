"""The report's figures as inline SVG: text stays text, nothing is loaded from elsewhere."""

import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

COLOURS = ("#1f6f8b", "#d1603d", "#5b8c5a", "#8e6c8a", "#c9a227", "#555b6e", "#b0413e", "#3d5a80")

mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "report",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "axes.prop_cycle": cycler(color=COLOURS),
    }
)


def svg(figure: Figure) -> str:
    """The figure as an ``<svg>`` element."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def improvement_bars(summary: pd.DataFrame) -> str:
    """How many times the EDP of each variant is below that of the default, by workload."""
    table = summary[summary["variant"] != "reference"].pivot_table(
        index="workload", columns="variant", values="improvement", sort=False
    )
    figure = Figure(figsize=(7, 2.8))
    axes = figure.subplots()
    _grouped_bars(axes, table)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_ylabel("EDP below the default (times)")
    return svg(figure)


def _grouped_bars(axes: Axes, table: pd.DataFrame) -> None:
    width = 0.8 / max(1, len(table.columns))
    for index, column in enumerate(table.columns):
        axes.bar(np.arange(len(table)) + index * width, table[column], width, label=str(column))
    axes.set_xticks(np.arange(len(table)) + 0.4 - width / 2, [str(name) for name in table.index])
    axes.legend(frameon=False, ncols=3, fontsize=8, loc="upper left", bbox_to_anchor=(0, 1.25))


def stacked_bars(table: pd.DataFrame, parts: Sequence[str], unit: str) -> str:
    """One bar a row of ``table`` (``workload`` and ``design``), split into ``parts`` as shares of its sum."""
    shares = table[list(parts)].div(table[list(parts)].sum(axis=1), axis=0) * 100
    labels = [f"{workload}, {design}" for workload, design in zip(table["workload"], table["design"], strict=True)]
    figure = Figure(figsize=(7, 0.5 + 0.3 * len(table)))
    axes = figure.subplots()
    left = np.zeros(len(table))
    for part in parts:
        axes.barh(labels, shares[part], left=left, label=part.removesuffix("_cycles").replace("_", " "))
        left += shares[part].to_numpy()
    axes.invert_yaxis()
    axes.set_xlabel(f"% of {unit}")
    axes.set_xlim(0, 100)
    axes.legend(frameon=False, ncols=5, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))
    return svg(figure)


def prediction_scatter(dataset: pd.DataFrame, kinds: Sequence[str]) -> str:
    """Predicted against simulated cycles of mappings that the models had not seen, a panel a model."""
    figure = Figure(figsize=(7, 2.6 * -(-len(kinds) // 2)))
    grid = figure.subplots(-(-len(kinds) // 2), 2, squeeze=False)
    fresh = dataset[dataset["round"] > 0]
    for axes, kind in zip(grid.flat, kinds, strict=False):
        for number, rows in fresh.groupby("round"):
            axes.scatter(rows["sim.cycles"], rows[f"pred.{kind}.cycles"], s=6, alpha=0.6, label=f"round {number}")
        ends = [fresh["sim.cycles"].min(), fresh["sim.cycles"].max()]
        axes.plot(ends, ends, color="black", linewidth=0.7)
        axes.set(xscale="log", yscale="log", title=kind, xlabel="simulated cycles", ylabel="predicted cycles")
    grid.flat[0].legend(frameon=False, fontsize=8)
    for axes in list(grid.flat)[len(kinds) :]:
        axes.set_visible(False)
    figure.tight_layout()
    return svg(figure)


def search_traces(traces: pd.DataFrame, names: dict[str, str]) -> str:
    """Best predicted EDP against evaluations: median and range over seeds of the variants in ``names``."""
    workloads = list(dict.fromkeys(traces["workload"]))
    figure = Figure(figsize=(7, 2.6 * -(-len(workloads) // 2)))
    grid = figure.subplots(-(-len(workloads) // 2), 2, squeeze=False)
    for axes, workload in zip(grid.flat, workloads, strict=False):
        for variant, label in names.items():
            rows = traces[(traces["workload"] == workload) & (traces["variant"] == variant)]
            if len(rows):
                _band(axes, rows, label)
        axes.set(xscale="log", yscale="log", title=workload, xlabel="evaluations", ylabel="best predicted EDP")
        few_ticks(axes)
    grid.flat[0].legend(frameon=False, fontsize=8)
    for axes in list(grid.flat)[len(workloads) :]:
        axes.set_visible(False)
    figure.tight_layout()
    return svg(figure)


def _band(axes: Axes, rows: pd.DataFrame, label: str) -> None:
    grid = np.unique(rows["evaluations"].to_numpy(float))
    curves = []
    for _, trace in rows.groupby("seed"):
        ordered = trace.sort_values("evaluations")
        at = np.searchsorted(ordered["evaluations"].to_numpy(float), grid, side="right") - 1
        edp = np.minimum.accumulate(ordered["edp"].to_numpy(float))
        curves.append(np.where(at >= 0, edp[np.maximum(at, 0)], np.nan))
    stack = np.array(curves)
    seen = ~np.isnan(stack).any(axis=0)
    grid, stack = np.maximum(grid[seen], 1), stack[:, seen]
    line = axes.plot(grid, np.median(stack, axis=0), drawstyle="steps-post", label=label)[0]
    axes.fill_between(grid, stack.min(axis=0), stack.max(axis=0), step="post", alpha=0.2, color=line.get_color())


def few_ticks(axes: Axes) -> None:
    """Labels the logarithmic axes at whole decades, and between them where there are less than two."""
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if axis.get_scale() == "log":
            _label(axis, high / low)


def _label(axis: Axis, ratio: float) -> None:
    steps = (1,) if ratio > 100 else (1, 2, 5) if ratio > 5 else (1, 1.5, 2, 3, 4, 5, 6, 8)
    axis.set_major_locator(LogLocator(subs=steps) if ratio > 1.7 else MaxNLocator(4))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if 1e3 <= value < 1e5 else f"{value:.3g}"))
    axis.set_minor_formatter(NullFormatter())


def pareto_plot(table: pd.DataFrame) -> str:
    """Area against EDP of all simulated designs, relative to the default; the front of each workload is joined."""
    figure = Figure(figsize=(7, 3))
    axes = figure.subplots()
    for workload, group in table.groupby("workload", sort=False):
        reference = float(group.loc[group["variant"] == "reference", "sim.edp"].iloc[0])
        points = axes.scatter(group["area_mm2"], group["sim.edp"] / reference, s=14, alpha=0.6, label=str(workload))
        front = group[group["front"]].sort_values("area_mm2")
        axes.plot(
            front["area_mm2"], front["sim.edp"] / reference, drawstyle="steps-post", color=points.get_facecolor()[0]
        )
    axes.set(xlabel="area (mm²)", ylabel="EDP relative to the default", yscale="log")
    few_ticks(axes)
    axes.legend(frameon=False, fontsize=8, ncols=4, loc="upper left", bbox_to_anchor=(0, 1.15))
    return svg(figure)
