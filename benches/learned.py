"""Latency models on our own, on changed designs and on the public measurements: accuracy by rows learned from, speed.

Rows are split by layer shape: those judged are of shapes that no model has seen; searched mappings are in no training
rows at all. ``QUICK=1`` keeps one draw of 50 rows of the stored tables that the tests use, and speed.
"""

import time
from collections.abc import Iterator
from statistics import median

import torch

from benches import learned_plot
from benches.common import PUBLIC, Cell, quick, write
from benches.learned_tables import CHANGES, OWN, tables
from learned import model
from learned.data import Samples, read_samples
from learned.evaluate import HeldOut, cross_validate, predict, scores
from learned.model import Metadata, TrainedModel
from pipeline.choices import ModelKind
from pipeline.files import ROOT, reference_data
from pipeline.machine.latency import LatencyModel
from pipeline.machine.machine import MachineChoice
from pipeline.table import read_table

Row = dict[str, Cell]
SEED = 0
SIZES = (10, 25, 50, 100, 300, 600)
DRAWS = 5
KINDS: tuple[ModelKind, ...] = ("analytical", "calibrated", "default")
CONTRIBUTION_ROWS = 50 if quick() else 300
HELD_OUT = 4
"""One shape in so many is held out."""
SPEED_ROWS = 100_000
STORED = ROOT / "tests" / "learned" / "simulated.csv.gz"


def main() -> None:
    """Measure, print, write and plot; what is measured is written after every design."""
    torch.set_num_threads(1)
    rows = public()
    curves: list[Row] = []
    for design, drawn, found in _all():
        print(f"{design}: {len(drawn)} drawn rows, {len(found)} searched ones", flush=True)
        rows += speed(drawn) if not curves else []
        curves += learning_curve(design, drawn, found)
        rows += contributions(design, drawn, found)
        write("learned", curves + rows, seeds=[SEED])
        learned_plot.learning_curves(curves)


def _all() -> Iterator[tuple[str, Samples, Samples]]:
    """Every design with its drawn and searched rows."""
    if quick():
        stored = read_table(STORED)
        for design in ("gemmini", "single_buffer"):
            own = stored[stored["design"] == design]
            searched = own["sample.origin"] == "found"
            yield design, _samples(own[~searched]), _samples(own[searched])
        return
    for design in (*OWN, *CHANGES):
        drawn, found = tables(design)
        yield design, _samples(drawn), _samples(found)


def _samples(table: object) -> Samples:
    return read_samples(table, "sim.cycles", MachineChoice().find().template)[0]  # type: ignore[arg-type]


def learning_curve(design: str, drawn: Samples, found: Samples) -> list[Row]:
    """Median scores over the draws of each size, on held-out shapes and on searched mappings."""
    result = []
    for size in (50,) if quick() else SIZES:
        for kind in KINDS:
            draws = [_draw(drawn, found, kind, size, seed) for seed in range(1 if quick() else DRAWS)]
            values = {name: median(draw[name] for draw in draws) for name in draws[0]}
            result.append({"test": design, "model": kind, "rows": size} | values)
    return result


def contributions(design: str, drawn: Samples, found: Samples) -> list[Row]:
    """What each part adds: DOSA's analytical model, the timing as it starts, calibrated, corrected; their residual."""
    result: list[Row] = []
    for kind in ("dosa", *KINDS, "residual"):
        values = _draw(drawn, found, kind, CONTRIBUTION_ROWS, SEED)
        result.append({"test": f"contributions, {design}", "model": kind, "rows": CONTRIBUTION_ROWS} | values)
    return result


def _split(drawn: Samples, seed: int) -> tuple[Samples, Samples]:
    """Rows to learn from, shuffled, and those of held-out shapes."""
    generator = torch.Generator().manual_seed(seed)
    shapes = torch.randperm(int(drawn.shape_group.max()) + 1, generator=generator)
    held_out = torch.isin(drawn.shape_group, shapes[: len(shapes) // HELD_OUT])
    known = drawn[~held_out]
    return known[torch.randperm(len(known), generator=generator)], drawn[held_out]


def _draw(drawn: Samples, found: Samples, kind: ModelKind, size: int, seed: int) -> dict[str, float]:
    """Scores of a model of ``kind`` fitted to ``size`` rows."""
    known, held_out = _split(drawn, seed)
    known = known[torch.arange(min(size, len(known)))]
    start = time.process_time()
    fitted = model.fit(known, Metadata(kind, MachineChoice(), "from-table", seed))
    return {"fit_s": time.process_time() - start} | _judged(fitted, held_out, found)


def _judged(fitted: LatencyModel, held_out: Samples, found: Samples) -> dict[str, float]:
    """Scores on rows of held-out shapes and on searched ones."""
    values = {}
    for name, asked in (("", held_out), ("searched_", found)):
        values |= {name + score: value for score, value in _scores(fitted, asked).items()}
    return values


def _scores(fitted: LatencyModel, asked: Samples) -> dict[str, float]:
    latency = predict(fitted, asked)
    wanted = ("spearman", "median_error", "p90_error", "coverage_90")
    values = scores(HeldOut(latency.cycles, latency.cycles_std), asked)
    return {name: values[name] for name in wanted if name in values}


def public() -> list[Row]:
    """Five folds of the public FPGA measurements by layer shape."""
    path = reference_data() / "firesim_gemmini.csv.gz"
    if not path.is_file() or quick():
        print("public measurements: left out" + ("" if quick() else f", {path.name} is not there (set DOSA_HIL_DATA)"))
        return []
    samples, _ = read_samples(read_table(path), "target.cycle", PUBLIC.template, "from-mapping")
    result: list[Row] = []
    for kind in (*KINDS, "dnn", "residual"):

        def fit(part: Samples, kind: ModelKind = kind) -> TrainedModel:  # type: ignore[assignment]
            return model.fit(part, Metadata(kind, MachineChoice.of(PUBLIC), "from-mapping", SEED))

        held_out = cross_validate(samples, samples.shape_group, fit, SEED)
        result.append({"test": "public FPGA runs", "model": kind, "rows": len(samples)} | scores(held_out, samples))
    return result


def speed(samples: Samples) -> list[Row]:
    """Seconds of a fit, and predictions a second of a large batch."""
    result: list[Row] = []
    for kind in ("calibrated", "default"):
        start = time.perf_counter()
        fitted = model.fit(samples, Metadata(kind, MachineChoice(), "from-table", SEED))  # type: ignore[arg-type]
        seconds = time.perf_counter() - start
        many = samples[torch.arange(SPEED_ROWS) % len(samples)]
        start = time.perf_counter()
        predict(fitted, many)
        rate = SPEED_ROWS / (time.perf_counter() - start)
        result.append(
            {"test": "speed", "model": kind, "rows": len(samples), "fit_s": seconds, "predictions_per_s": rate}
        )
    return result


if __name__ == "__main__":
    main()
