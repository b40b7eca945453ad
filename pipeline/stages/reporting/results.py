"""What the report reads from the folder of a study."""

import glob
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.config.study import Study
from pipeline.machine.machine import Machine
from pipeline.stages.machines import machine_choice
from pipeline.stages.totals import Goal
from pipeline.table import read_table
from pipeline.workload import load_workload

JUDGED = ("over_limit", "objective")
"""Columns of designs that they are chosen by, the first one first."""

IDENTITY = ("prob.", "arch.", "mapping.mapping")


@dataclass(frozen=True, slots=True)
class StudyResults:
    """The results of one study; every table has a column ``workload`` where it spans several."""

    study: dict[str, Any]
    """The study's fields."""
    dataset: pd.DataFrame
    """All measurements with their round and the predictions made before it."""
    designs: pd.DataFrame
    """Designs that were simulated in full, one row each."""
    finals: pd.DataFrame
    """Layers of the final designs with simulated and predicted cycles and what validation found."""
    references: pd.DataFrame
    """Layers on the default hardware with the default tiler."""
    traces: pd.DataFrame
    """Best EDP against evaluations: workload, variant, seed, evaluations, seconds, edp."""
    timings: pd.DataFrame
    """Wall-clock seconds and memory of every job."""
    requested: int
    """Mappings that were to be measured for the first model."""
    measured: pd.DataFrame
    """Every mapping that was simulated for a network, designs, tiled and uncertain ones."""
    timelines: pd.DataFrame
    """Stages of the first tiles of each layer; empty where they were not recorded."""
    what_if: pd.DataFrame
    """Layers of the final designs with what changes of their surroundings save; empty where none was simulated."""
    folder: Path
    """Folder of the study, for sections that read tables of their own."""

    @property
    def machine(self) -> Machine:
        """The machine that was searched and simulated."""
        return machine_choice(design=self.study["design"], memory=self.study["simulation"]["memory"]).find()

    @property
    def goal(self) -> Goal:
        """What its designs are chosen by."""
        search = self.study["search"]
        limits = {
            load_workload(spec).name: ms * search["clock_mhz"] * 1e3
            for spec, ms in zip(self.study["workloads"], search["max_latency_ms"], strict=False)
            if ms is not None
        }
        return Goal(search["objective"], limits)

    @property
    def workloads(self) -> list[str]:
        """Names of the workloads in the study's order."""
        return list(dict.fromkeys(self.designs["workload"]))

    @property
    def rounds(self) -> list[str]:
        """Names of the rounds, first to last."""
        return [f"r{number + 1}" for number in range(int(self.study["rounds"]))]


def best_of(designs: pd.DataFrame) -> pd.Series:
    """The row of the best design: within its limits first, then by the objective."""
    return designs.sort_values(list(JUDGED), kind="stable").iloc[0]


def load_results(folder: Path) -> StudyResults:
    """Read a finished study. Raises ValueError that names a file which is missing."""
    study_file = folder / "study.json"
    if not study_file.is_file():
        raise ValueError(f"{folder} is not the folder of a finished study: study.json is missing")
    study = _filled(json.loads(study_file.read_text(encoding="utf-8")), Study.model_construct().model_dump(mode="json"))
    names = sorted(path.parent.name for path in folder.glob("designs/*/designs.csv"))
    names.sort(key=lambda name: _position(name, study["workloads"]))
    if not names:
        raise ValueError(f"{folder}: no designs; the study has not finished")
    return StudyResults(
        study=study,
        dataset=read_table(folder / "rounds" / f"r{study['rounds']}" / "dataset.parquet"),
        designs=_judged(_by_workload(folder, "designs/{}/designs.csv", names)),
        finals=_by_workload(folder, "validation/{}.parquet", names),
        references=_by_workload(folder, "sim/reference/{}.parquet", names),
        traces=_traces(folder),
        timings=_timings(folder / "benchmarks"),
        requested=int(study["sampling"]["points"]),
        measured=_every(folder, "sim/*/{}.parquet", names),
        timelines=_every(folder, "timelines/{}.parquet", names),
        what_if=_every(folder, "what_if/{}.parquet", names),
        folder=folder,
    )


def _filled(study: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """``study`` with the fields that it lacks, those that were added since it was run, at their defaults."""
    nested = {
        name: _filled(study[name], default)
        for name, default in defaults.items()
        if isinstance(default, dict) and isinstance(study.get(name), dict)
    }
    return defaults | study | nested


def _position(name: str, specs: list[str]) -> int:
    return next((at for at, spec in enumerate(specs) if Path(spec).stem == name), len(specs))


def _judged(designs: pd.DataFrame) -> pd.DataFrame:
    """``designs`` with what they are judged by; a study of before there was a choice is judged by EDP alone."""
    if set(JUDGED) <= set(designs):
        return designs
    return designs.assign(over_limit=1.0, objective=designs["sim.edp"])


def _by_workload(folder: Path, pattern: str, names: list[str]) -> pd.DataFrame:
    tables = [read_table(folder / pattern.format(name)).assign(workload=name) for name in names]
    return pd.concat(tables, ignore_index=True)


def _every(folder: Path, pattern: str, names: list[str]) -> pd.DataFrame:
    """The tables that there are; an empty one where there is none."""
    found = [(name, path) for name in names for path in sorted(folder.glob(pattern.format(glob.escape(name))))]
    tables = [read_table(path).assign(workload=name) for name, path in found]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _traces(folder: Path) -> pd.DataFrame:
    parts = []
    for path in sorted(folder.glob("search/*/*/s*/trace.csv")):
        variant, workload, seed = path.parts[-4:-1]
        parts.append(read_table(path).assign(variant=variant, workload=workload, seed=int(seed[1:])))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _timings(folder: Path) -> pd.DataFrame:
    records = []
    for path in sorted(folder.rglob("*.tsv")):
        row = pd.read_csv(path, sep="\t").iloc[0]
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        records.append({"stage": rule, "seconds": float(row["s"]), "memory_mb": row.get("max_rss")})
    table = pd.DataFrame(records, columns=["stage", "seconds", "memory_mb"])
    table["memory_mb"] = pd.to_numeric(table["memory_mb"], errors="coerce")
    return table
