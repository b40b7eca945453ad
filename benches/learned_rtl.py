"""The learned model on our own RTL: held-out shapes and hardware, searched mappings, by number of simulated points.

Rows are those that the default study has simulated, where it has; else a small table is simulated (``learned_loop``).
"""

import pandas as pd
import torch
from torch import Tensor

from benches import learned_designs
from benches.common import GEMMINI, Cell
from benches.learned_loop import small_table
from learned import model
from learned.data import Samples, read_samples
from learned.evaluate import HeldOut, cross_validate, predict, scores, top1_regret
from learned.model import Metadata
from pipeline.choices import ModelKind
from pipeline.files import ROOT
from pipeline.machine.latency import AnalyticalModel, LatencyModel
from pipeline.machine.machine import MachineChoice
from pipeline.table import read_table

Record = dict[str, Cell]
STUDY = ROOT / "results" / "default"
SIZES = (50, 100, 300, 600, 2000)
"""Simulated points to learn from; as many as there are, where there are fewer."""

SEARCHED = ("searched", "found")
"""Origins of mappings that some search chose."""


def rows(seed: int) -> list[Record]:
    """Everything measured on our RTL."""
    table = study_table()
    table = small_table(seed) if table is None else table
    result = held_out(table, seed) + searched_rows(table, seed)
    for number in sorted(set(table["round"]) - {0}):
        result += found_rows(table, int(number), seed)
    return result + learning_curve(table, seed) + learned_designs.rows(table[table["round"] == 0], seed)


def study_table() -> pd.DataFrame | None:
    """What the default study has simulated up to its last round; None where it was not run."""
    datasets = [STUDY / "dataset.parquet", *sorted(STUDY.glob("rounds/r*/dataset.parquet"))]
    present = [path for path in datasets if path.is_file()]
    return read_table(present[-1]) if present else None


def fitted(part: Samples, kind: ModelKind, seed: int) -> LatencyModel:
    """A model of ``kind`` on simulated rows."""
    return model.fit(part, Metadata(kind, MachineChoice("gemmini", "simple"), "from-table", seed))


def held_out(table: pd.DataFrame, seed: int) -> list[Record]:
    """Accuracy on shapes, and on hardware, that the model did not see."""
    samples, _ = read_samples(table, "sim.cycles", GEMMINI.template)
    result = []
    for name, groups in (("shapes", samples.shape_group), ("hardware", samples.hardware_group)):
        for kind in ("analytical", "default"):

            def fit(part: Samples, kind: ModelKind = kind) -> LatencyModel:
                return fitted(part, kind, seed)

            values = scores(cross_validate(samples, groups, fit, seed), samples)
            result.append(_record(f"held-out {name}", kind, len(samples), values))
    return result


def searched_rows(table: pd.DataFrame, seed: int) -> list[Record]:
    """Accuracy on all searched mappings of a model that saw none."""
    searched = table["sample.origin"].isin(SEARCHED)
    return _judged(_of(table[~searched], seed), {"searched, trained without": table[searched]})


def found_rows(table: pd.DataFrame, number: int, seed: int) -> list[Record]:
    """Accuracy on the designs found in a round of a model fitted before; what choosing by it costs."""
    now = table[table["round"] == number]
    asked = {f"found in round {number}": now[now["sample.origin"] == "found"], f"all of round {number}": now}
    return _judged(_of(table[table["round"] < number], seed), asked)


def _of(known: pd.DataFrame, seed: int) -> LatencyModel:
    return fitted(read_samples(known, "sim.cycles", GEMMINI.template)[0], "default", seed)


def _judged(learned: LatencyModel, asked: dict[str, pd.DataFrame]) -> list[Record]:
    records = []
    for test, rows_asked in asked.items():
        samples, _ = read_samples(rows_asked, "sim.cycles", GEMMINI.template)
        for name, judge in (("analytical", AnalyticalModel(GEMMINI)), ("default", learned)):
            latency = predict(judge, samples)
            values = scores(HeldOut(latency.cycles, latency.cycles_std), samples)
            values["top1_regret"] = top1_regret(latency.cycles, samples.cycles, problem_groups(samples))
            records.append(_record(test, name, len(samples), values))
    return records


def problem_groups(samples: Samples) -> Tensor:
    """Number of the layer and hardware of each row."""
    pairs = torch.stack((samples.shape_group, samples.hardware_group), -1)
    groups: Tensor = torch.unique(pairs, dim=0, return_inverse=True)[1]
    return groups


def learning_curve(table: pd.DataFrame, seed: int) -> list[Record]:
    """Held-out accuracy against simulated points, the published residual fitted on the same ones beside ours."""
    samples, _ = read_samples(table, "sim.cycles", GEMMINI.template)
    most = len(samples) * 4 // 5
    result = []
    for size in [size for size in SIZES if size < most] + [most]:
        for kind in ("default", "residual"):

            def fit(part: Samples, size: int = size, kind: ModelKind = kind) -> LatencyModel:
                order = torch.randperm(len(part), generator=torch.Generator().manual_seed(seed))
                return fitted(part[order[:size]], kind, seed)

            values = scores(cross_validate(samples, samples.shape_group, fit, seed), samples)
            result.append(_record("points to learn from", kind, size, values))
    return result


def _record(test: str, name: str, rows: int, values: dict[str, float]) -> Record:
    record: Record = {"test": f"our RTL, {test}", "model": name, "rows": rows}
    return record | values
