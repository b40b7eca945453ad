"""Learned latency models: accuracy on held-out shapes, on efficient mappings, by number of rows; speed; our own RTL.

``QUICK=1`` keeps the accuracy of the default model on held-out shapes, and speed.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from benches import learned_plot, learned_rtl
from benches.common import GEMMINI, PUBLIC, Cell, quick, write
from benches.learned_designs import TimeloopCycles
from learned import model
from learned.acquire import most_diverse
from learned.data import Samples, efficiency, group_folds, read_samples
from learned.evaluate import FOLDS, HeldOut, cross_validate, predict, scores
from learned.features import features
from learned.model import Metadata
from pipeline.choices import MODEL_KINDS, ModelKind
from pipeline.files import reference_data
from pipeline.machine.latency import Latency, LatencyModel
from pipeline.machine.machine import MachineChoice
from pipeline.table import read_table

Row = dict[str, Cell]
SEED = 0
SIZES = (50, 100, 200, 600)
SPEED_ROWS = 100_000
TOP_SHARE = 0.2

FIGURES: tuple[Row, ...] = (
    {"test": "public figures, random mappings", "model": "analytical", "rows": 1567, "spearman": 0.873},
    {"test": "public figures, random mappings", "model": "residual", "rows": 1567, "spearman": 0.962},
    {
        "test": "public figures, random mappings",
        "model": "plain GP",
        "rows": 1567,
        "spearman": 0.961,
        "median_error": 0.257,
    },
    {"test": "public figures, searched mappings", "model": "analytical", "spearman": 0.973, "median_error": 0.20},
    {"test": "public figures, searched mappings", "model": "residual", "spearman": 0.945, "median_ratio": 1.8},
)
"""What the public data of DOSA (MICRO 2023, figures 10 to 12) gives for its own models; it has more rows than ours."""


def main() -> None:
    """Measure, print, write and plot."""
    torch.manual_seed(SEED)
    rows: list[Row] = list(FIGURES)
    path = reference_data() / "firesim_gemmini.csv.gz"
    curve: list[Row] = []
    if path.is_file():
        public, _ = read_samples(read_table(path), "target.cycle", GEMMINI.template, "from-mapping")
        rows += held_out_shapes(public) + speed(public)
        if not quick():
            curve = learning_curve(public)
            rows += efficient_rows(public) + curve
    else:
        print(f"left out: {path.name} is not there (set DOSA_HIL_DATA)")
    if not quick():
        rows += learned_rtl.rows(SEED)
    write("learned", rows, seeds=[SEED])
    if curve:
        learned_plot.learning_curve(curve)


def fits() -> dict[str, Callable[[Samples], LatencyModel]]:
    """What is compared: how to fit each on the public rows."""

    def of(kind: ModelKind) -> Callable[[Samples], LatencyModel]:
        return lambda part: model.fit(part, Metadata(kind, MachineChoice(partial_sums="drop"), "from-mapping", SEED))

    kinds = ("analytical", "default") if quick() else MODEL_KINDS
    return {"timeloop": lambda _: TimeloopCycles()} | {kind: of(kind) for kind in kinds}


def held_out_shapes(samples: Samples) -> list[Row]:
    """Five folds grouped by layer shape."""
    result = []
    for name, fit in fits().items():
        held_out = cross_validate(samples, samples.shape_group, fit, SEED)
        result.append(_row("held-out shapes", name, len(samples), scores(held_out, samples)))
    return result


def efficient_rows(samples: Samples) -> list[Row]:
    """The most efficient rows of held-out shapes, by models that saw no efficient row of any shape.

    Searched mappings are more efficient than any that a model was trained on: this asks for the same.
    """
    top = most_efficient(samples, TOP_SHARE)
    fold = group_folds(samples.shape_group, FOLDS, SEED)
    result = []
    for name, fit in fits().items():
        parts = []
        for number in range(FOLDS):
            fitted = fit(samples[(fold != number) & ~top])
            parts.append(predict(fitted, samples[(fold == number) & top]))
        order = torch.cat([torch.where((fold == number) & top)[0] for number in range(FOLDS)])
        result.append(_row("efficient rows, trained without", name, len(order), scores(joined(parts), samples[order])))
    return result


def most_efficient(samples: Samples, share: float) -> Tensor:
    """Whether each row [n] is among the ``share`` most efficient of its shape."""
    value = efficiency(samples)
    least = torch.zeros_like(value)
    for group in range(int(samples.shape_group.max()) + 1):
        inside = samples.shape_group == group
        least[inside] = value[inside].quantile(1 - share)
    return value >= least


def joined(parts: list[Latency]) -> HeldOut:
    """Predictions of several parts, one after the other."""
    stds = [part.cycles_std for part in parts if part.cycles_std is not None]
    return HeldOut(torch.cat([part.cycles for part in parts]), torch.cat(stds) if len(stds) == len(parts) else None)


def learning_curve(samples: Samples) -> list[Row]:
    """Held-out accuracy of the default model against rows trained on, chosen at random or for diversity."""
    result = []
    values = features(samples.layers, samples.mappings, samples.hardware, PUBLIC).values
    for size in SIZES:
        for how in ("random", "diverse"):

            def fit(part: Samples, size: int = size, how: str = how) -> LatencyModel:
                if how == "random":
                    chosen = torch.randperm(len(part), generator=torch.Generator().manual_seed(SEED))[:size]
                else:
                    own = features(part.layers, part.mappings, part.hardware, PUBLIC).values
                    chosen = most_diverse(own, values[:0], size)
                return model.fit(
                    part[chosen], Metadata("default", MachineChoice(partial_sums="drop"), "from-mapping", SEED)
                )

            held_out = cross_validate(samples, samples.shape_group, fit, SEED)
            result.append(_row(f"trained on {how} rows", "default", size, scores(held_out, samples)))
    return result


def speed(samples: Samples) -> list[Row]:
    """Seconds to train the default model, and predictions a second of a large batch, features included."""
    start = time.perf_counter()
    fitted = model.fit(samples, Metadata("default", MachineChoice(partial_sums="drop"), "from-mapping", SEED))
    seconds = time.perf_counter() - start
    many = samples[torch.arange(SPEED_ROWS) % len(samples)]
    predict(fitted, many)
    start = time.perf_counter()
    predict(fitted, many)
    rate = SPEED_ROWS / (time.perf_counter() - start)
    return [{"test": "speed", "model": "default", "rows": len(samples), "train_s": seconds, "predictions_per_s": rate}]


def _row(test: str, name: str, rows: int, values: dict[str, float]) -> Row:
    record: Row = {"test": test, "model": name, "rows": rows}
    return record | values


if __name__ == "__main__":
    main()
