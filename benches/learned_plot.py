"""Learning curves as a picture."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib import pyplot as plt

from benches.common import FOLDER, Cell

SCORES = {"median_error": "median error, unseen shapes", "searched_median_error": "median error, searched"}


def learning_curves(rows: Sequence[dict[str, Cell]]) -> None:
    """Median errors by rows learned from: a column a design, a line a model."""
    mpl.use("Agg")
    designs = list(dict.fromkeys(row["test"] for row in rows))
    figure, axes = plt.subplots(
        len(SCORES), len(designs), figsize=(2.6 * len(designs), 5), layout="constrained", squeeze=False
    )
    for column, design in enumerate(designs):
        for line, (score, title) in enumerate(SCORES.items()):
            axis = axes[line][column]
            for model in dict.fromkeys(row["model"] for row in rows):
                curve = [row for row in rows if row["test"] == design and row["model"] == model]
                axis.plot([row["rows"] for row in curve], [row[score] for row in curve], marker="o", label=model)
            axis.set(xscale="log", yscale="log", xlabel="rows", ylabel=title if column == 0 else "", title=design)
            axis.grid(alpha=0.3)
    axes[0][0].legend()
    figure.savefig(FOLDER / "learned.png", dpi=120)
    plt.close(figure)
    print("wrote results/bench/learned.png")
