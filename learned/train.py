"""Training: fit on all rows, score on held-out layer shapes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from learned import model, store
from learned.data import Samples, read_samples
from learned.evaluate import FOLDS, HeldOut, cross_validate, scores
from learned.kinds.kind import JudgesItself, kind_named
from learned.model import Metadata, TrainedModel
from pipeline.choices import DimRule, ModelKind
from pipeline.machine.machine import MachineChoice


def train(
    table: pd.DataFrame,
    out: Path | None,
    *,
    kind: ModelKind,
    target: str,
    machine: MachineChoice,
    dim_rule: DimRule,
    seed: int,
    observe: Callable[[int, int], None] = lambda done, total: None,
) -> TrainedModel:
    """Fit a model of ``kind`` on the rows of ``table``, with its held-out scores, and write it to ``out`` if given.

    ``observe`` is told how many fits are done and how many there are in all.
    """
    samples, source = read_samples(table, target, machine.find().template, dim_rule)
    about = Metadata(
        kind,
        machine,
        dim_rule,
        seed,
        source.target,
        source.rows,
        source.data_digest,
        source.rtl_digest,
    )
    found = kind_named(kind)
    if found.calibrates:
        about = dataclasses.replace(about, constants=tuple(constant.name for constant in machine.find().constants))
    if isinstance(found, JudgesItself):
        fitted = found.fit_and_judge(machine.find(), samples, seed)
        values = scores(HeldOut(fitted.cycles, fitted.cycles_std), fitted.rows)
        trained = TrainedModel(dataclasses.replace(about, scores=values), fitted.weights)
    else:
        fits = min(FOLDS, int(samples.shape_group.max()) + 1) + 1
        values = held_out_scores(samples, about, lambda done: observe(done, fits))
        trained = model.fit(samples, dataclasses.replace(about, scores=values))
    if out is not None:
        store.save(trained, out)
    return trained


def held_out_scores(
    samples: Samples, about: Metadata, observe: Callable[[int], None] = lambda done: None
) -> dict[str, float]:
    """Scores of models fitted like ``about`` on rows of layer shapes that they did not see.

    ``observe`` is told how many fits are done.
    """
    done = 0

    def fit(part: Samples) -> TrainedModel:
        nonlocal done
        fitted = model.fit(part, about)
        done += 1
        observe(done)
        return fitted

    return scores(cross_validate(samples, samples.shape_group, fit, about.seed), samples)
