"""Families side by side: cycles by what they went to, and energy, each as a part of the first family's."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from benches.common import Cell
from pipeline.measurement import CYCLE_COUNTERS

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = dict(zip(CYCLE_COUNTERS, ("C2", "C0", "C1", "0.75", "0.5"), strict=True))


def plot_families(rows: Sequence[Mapping[str, Cell]], folder: Path) -> Path:
    """Write ``families.png``: for each network and design, cycles (stacked by class) and energy of the default and of
    what the search found, over those of the first design's search."""
    networks = list(dict.fromkeys(str(row["network"]) for row in rows))
    figure, axes = plt.subplots(2, len(networks), figsize=(3.2 * len(networks) + 1.5, 6), squeeze=False, sharex="col")
    for column, network in enumerate(networks):
        chosen = [row for row in rows if row["network"] == network]
        base = next(row for row in chosen if row["mappings"] != "default")
        places = np.arange(len(chosen))
        cycles = np.array([_number(row, "cycles") for row in chosen]) / _number(base, "cycles")
        bottom = np.zeros(len(chosen))
        for name in (name for name in CYCLE_COUNTERS if all(row.get(name) is not None for row in chosen)):
            height = cycles * np.array([_number(row, name) for row in chosen])
            label = name.removesuffix("_cycles").replace("_", " and ")
            axes[0, column].bar(places, height, bottom=bottom, color=COLOURS[name], label=label)
            bottom += height
        axes[0, column].plot(places, cycles, "k_", markersize=14)
        energy = np.array([_number(row, "energy_uj") for row in chosen]) / _number(base, "energy_uj")
        axes[1, column].bar(places, energy, color="C4")
        names = [f"{row['design']}\n{'default' if row['mappings'] == 'default' else 'searched'}" for row in chosen]
        axes[1, column].set_xticks(places, names, rotation=60, ha="right", fontsize=8)
        axes[0, column].set_title(network)
    axes[0, 0].set_ylabel("cycles over the first search")
    axes[1, 0].set_ylabel("energy over the first search")
    axes[0, -1].legend(fontsize=7, bbox_to_anchor=(1.02, 1), loc="upper left")
    figure.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "families.png"
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path


def _number(row: Mapping[str, Cell], name: str) -> float:
    return float(row[name] or 0)
