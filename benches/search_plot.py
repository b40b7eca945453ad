"""Traces of searches: the best EDP so far against evaluations, a line and a band for each method."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

from pipeline.search.result import SearchResult

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"gradient": "C0", "published": "C1", "genetic": "C2", "random": "C3", "bayesian": "C4"}


def plot_traces(runs: dict[tuple[str, str], list[SearchResult]], folder: Path) -> None:
    """One figure a network: geometric mean over seeds, and the band from the best to the worst seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for workload in dict.fromkeys(name for name, _ in runs):
        figure, axes = plt.subplots(figsize=(6, 4))
        for (name, method), results in runs.items():
            if name != workload:
                continue
            grid = np.geomspace(10, max(result.evaluations for result in results), 200)
            values = np.array([best_so_far(result, grid) for result in results])
            colour = COLOURS[method]
            axes.plot(grid, np.exp(np.log(values).mean(0)), color=colour, label=method)
            axes.fill_between(grid, values.min(0), values.max(0), color=colour, alpha=0.2, linewidth=0)
        axes.set(xscale="log", yscale="log", xlabel="evaluations", ylabel="EDP (microjoule-cycles)", title=workload)
        axes.legend()
        figure.tight_layout()
        figure.savefig(folder / f"search-{workload}.png", dpi=130)
        plt.close(figure)


def best_so_far(result: SearchResult, grid: np.ndarray) -> np.ndarray:
    """EDP of the best design after each number of evaluations (not a number before the first)."""
    at = np.array([point.evaluations for point in result.trace])
    edp = np.array([point.edp for point in result.trace])
    index = np.searchsorted(at, grid, side="right") - 1
    return np.where(index >= 0, edp[np.maximum(index, 0)], np.nan)
