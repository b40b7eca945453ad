"""The learning curve as a picture."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib import pyplot as plt

from benches.common import FOLDER, Cell


def learning_curve(rows: Sequence[dict[str, Cell]]) -> None:
    """Median error and rank correlation by rows trained on, one line for each way of choosing them."""
    mpl.use("Agg")
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for axis, score, title in zip(axes, ("median_error", "spearman"), ("median error", "Spearman"), strict=True):
        for test in dict.fromkeys(row["test"] for row in rows):
            line = [row for row in rows if row["test"] == test]
            axis.plot([row["rows"] for row in line], [row[score] for row in line], marker="o", label=test)
        axis.set(xscale="log", xlabel="rows", ylabel=title)
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(FOLDER / "learned.png", dpi=120)
    plt.close(figure)
    print("wrote results/bench/learned.png")
