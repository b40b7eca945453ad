"""Training: fit on all rows, score on held-out layer shapes."""

import dataclasses
from pathlib import Path

import pandas as pd

from learned import model, store
from learned.data import Samples, read_samples
from learned.evaluate import cross_validate, scores
from learned.model import Kind, Metadata, TrainedModel
from pipeline.hardware import Platform
from pipeline.model.analytical import PartialSums
from pipeline.table import DimRule


def train(
    table: pd.DataFrame,
    out: Path,
    *,
    kind: Kind,
    target: str,
    platform: Platform,
    dim_rule: DimRule,
    partial_sums: PartialSums,
    seed: int,
) -> TrainedModel:
    """Fit a model of ``kind`` on the rows of ``table`` and write it to ``out`` with its held-out scores."""
    samples, source = read_samples(table, target, platform, dim_rule)
    about = Metadata(
        kind,
        platform,
        partial_sums,
        dim_rule,
        seed,
        source.target,
        source.rows,
        source.data_digest,
        source.rtl_digest,
    )
    about = dataclasses.replace(about, scores=held_out_scores(samples, about))
    trained = model.fit(samples, about)
    store.save(trained, out)
    return trained


def held_out_scores(samples: Samples, about: Metadata) -> dict[str, float]:
    """Scores of models fitted like ``about`` on rows of layer shapes that they did not see."""
    held_out = cross_validate(samples, samples.shape_group, lambda part: model.fit(part, about), about.seed)
    return scores(held_out, samples)
