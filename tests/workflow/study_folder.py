"""The folder of a made-up study, to render the report from."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.config.study import SHARED, Study
from pipeline.files import write_json
from pipeline.hardware import Hardware
from pipeline.measurement import COUNTERS, CYCLE_COUNTERS
from pipeline.search.problem import join_workloads
from pipeline.stages.choose import designs_table
from pipeline.stages.reference import tiled_table
from pipeline.stages.totals import Goal
from pipeline.table import write_table
from pipeline.workload import load_workload
from tests.machines import GEMMINI

WORKLOADS = ("bert", "resnet50")
SHARES = dict(zip(CYCLE_COUNTERS, (0.6, 0.2, 0.1, 0.05, 0.05), strict=True))


def measured(workload: str, hardware: Hardware, factor: float, variant: str, candidate: str) -> pd.DataFrame:
    """Layers of a workload with cycles of a made-up machine that takes ``factor`` times the ideal."""
    names = WORKLOADS if workload == SHARED else (workload,)
    joined, networks = join_workloads([load_workload(name) for name in names], [1.0] * len(names))
    table = tiled_table(joined, GEMMINI, hardware)
    table["network"] = [network.name for network in networks for _ in range(network.layers)]
    table["network.weight"] = 1.0
    macs = table[[f"prob.{dim}" for dim in "RSPQCKN"]].prod(axis=1)
    cycles = (macs * factor / hardware.dim**2).astype(int) + 1000
    for name in COUNTERS:
        table[f"sim.{name}"] = (cycles * SHARES[name]).astype(int) if name in SHARES else macs // 10
    table["sim.cycles"] = table[[f"sim.{name}" for name in CYCLE_COUNTERS]].sum(axis=1)
    table["sim.energy_uj"] = macs * 1e-5 * factor
    table["sim.rtl_digest"] = "0123456789ab"
    table["pred.cycles"] = table["sim.cycles"] * 1.05
    table["pred.energy_uj"] = table["sim.energy_uj"]
    origin = "tiled" if variant == "reference" else "found"
    return table.assign(variant=variant, candidate=candidate, error="", **{"sample.origin": origin})


def make_study(
    folder: Path,
    *,
    random_factor: float = 1.9,
    objective: str = "edp",
    max_latency_ms: tuple[float | None, ...] = (),
) -> Path:
    """Write the results of a study with two workloads, alone and on shared hardware, and two rounds below ``folder``.

    Random search finds designs that take ``random_factor`` times the ideal.
    """
    search = {"objective": objective, "max_latency_ms": max_latency_ms}
    study = Study(name="made-up", workloads=WORKLOADS, rounds=2, search=search, baselines={"methods": ["random"]})
    limits = {name: ms * 500e3 for name, ms in zip(WORKLOADS, max_latency_ms, strict=False) if ms is not None}
    write_json(folder / "study.json", study.model_dump(mode="json"))
    parts = []
    for workload in (*WORKLOADS, SHARED):
        batches = {
            "reference": measured(workload, GEMMINI.template.hardware(16, 256, 64), 2.0, "reference", "default"),
            "r1": measured(workload, GEMMINI.template.hardware(16, 128, 64), 1.6, "r1", "s0"),
            "r2": measured(workload, GEMMINI.template.hardware(16, 512, 64), 1.4, "r2", "s0"),
            "random": measured(workload, GEMMINI.template.hardware(16, 512, 128), random_factor, "random", "s0"),
        }
        designs, best = designs_table(
            pd.concat(batches.values(), ignore_index=True), GEMMINI.template, Goal(objective, limits)
        )
        write_table(batches["reference"], folder / "sim" / "reference" / f"{workload}.parquet")
        write_table(designs, folder / "designs" / workload / "designs.csv")
        write_table(best.drop(columns="error"), folder / "designs" / workload / "mappings.csv")
        write_table(_validated(best), folder / "validation" / f"{workload}.parquet")
        for variant in ("r1", "r2", "random"):
            write_table(batches[variant], folder / "sim" / variant / f"{workload}.parquet")
        write_table(_timeline(best, ("default", "found")), folder / "timelines" / f"{workload}.parquet")
        write_table(_changed(best.head(2)), folder / "what_if" / f"{workload}.parquet")
        parts += [batches["reference"].assign(round=0), batches["r1"].assign(round=1), batches["r2"].assign(round=2)]
        for variant in ("r1", "r2", "random"):
            for seed in (0, 1):
                trace = {"evaluations": [1, 10, 100], "seconds": [0.1, 0.5, 2.0], "edp": [9e9 + seed, 4e9, 2e9]}
                trace |= {"cycles": [9e5, 4e5, 2e5], "energy_uj": [1e4, 1e4, 1e4]}
                write_table(pd.DataFrame(trace), folder / f"search/{variant}/{workload}/s{seed}/trace.csv")
    dataset = pd.concat(parts, ignore_index=True)
    noise = np.random.default_rng(0).normal(1, 0.05, len(dataset))
    fresh = dataset["round"] > 0
    dataset["pred.default.cycles"] = (dataset["sim.cycles"] * noise).where(fresh)
    dataset["pred.default.cycles_std"] = (dataset["sim.cycles"] * 0.05).where(fresh)
    write_table(dataset, folder / "rounds" / "r2" / "dataset.parquet")
    _benchmark(folder / "benchmarks" / "simulate" / "r0" / "a.tsv", "12.5")
    _benchmark(folder / "benchmarks" / "study.tsv", "0.5")
    return folder


def _timeline(layers: pd.DataFrame, designs: tuple[str, ...]) -> pd.DataFrame:
    """Two tiles a layer."""
    spans = [
        (design, name, tile, stage, 1000 * tile + 300 * at, 1000 * tile + 300 * at + 280)
        for design in designs
        for name in layers["layer.name"]
        for tile in range(2)
        for at, stage in enumerate(("load", "compute", "store"))
    ]
    return pd.DataFrame(spans, columns=["design", "layer.name", "tile", "stage", "start", "end"])


def _changed(layers: pd.DataFrame) -> pd.DataFrame:
    """Two changes that save 10 and 20 percent alone and 25 together; the second row could not be simulated."""
    cycles = layers["sim.cycles"].where([True, False])
    saved = {"alone.bus": 0.1, "alone.host": 0.2, "share.bus": 0.075, "share.host": 0.175}
    columns = {f"what_if.{name}": part * cycles for name, part in saved.items()}
    whole = {"what_if.cycles": cycles, "what_if.cycles_all": 0.75 * cycles}
    return layers.assign(**columns, **whole, error=["", "did not build"])


def _validated(best: pd.DataFrame) -> pd.DataFrame:
    table = best.assign(**{"validation.cycles": best["sim.cycles"], "validation.agrees": True})
    table["exact.cycles"] = best["sim.cycles"].where(table.index == 0)
    table["exact.agrees"] = pd.array([True] + [pd.NA] * (len(table) - 1), dtype="boolean")
    return table


def _benchmark(path: Path, seconds: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t100.0\n")
