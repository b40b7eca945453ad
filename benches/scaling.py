"""What simulations cost at scale, from the timings of a finished study: ``python -m benches.scaling [STUDY_DIR]``.

Writes the two tables of docs/scaling.md: what was measured, and what follows from it. Run the study on a machine that
does nothing else: each job then has a CPU of its own, and its seconds are CPU seconds.
"""

import argparse
import math
import re
import statistics
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd

from benches import common
from pipeline.files import ROOT, write_text
from pipeline.stages.reporting.results import load_results

PAGE = ROOT / "docs" / "scaling.md"
START, END = "<!-- written by benches.scaling -->", "<!-- end -->"

SNAKEMAKE_S = 0.016
"""Seconds that Snakemake itself needs for a job."""

SCALES = ((1_000, 100), (100_000, 500), (10_000_000, 10_000))
"""(simulations, mappings of one shard)."""

LARGE = 200
"""CPUs of the cluster in the table."""


@dataclass(frozen=True, slots=True)
class Overheads:
    """Measured costs in CPU seconds and bytes."""

    start_s: float
    """One job that does next to nothing."""
    draw_s: float
    """Sampling of one mapping."""
    simulate_s: float
    """Simulation of one mapping."""
    disk_bytes: float
    """One mapping in tables and journal."""


NAMES = (
    "starting a job (Python and its libraries), s",
    "sampling one mapping, s",
    "simulating one mapping, builds included, s",
    "one mapping on disk, bytes",
)


def measure(folder: Path) -> Overheads:
    """The overheads of a finished study."""
    timings = load_results(folder).timings
    start = statistics.median(_seconds(timings, "generate"))
    tables = sorted(folder.glob("sim/r0/*.parquet"))
    rows = sum(len(pd.read_parquet(path, columns=["error"])) for path in tables)
    drawing = sum(_seconds(timings, "sample")) - start * len(tables)
    simulating = sum(pd.read_csv(path, sep="\t")["s"].iloc[0] for path in folder.glob("benchmarks/simulate/r0/*.tsv"))
    journal = list(folder.glob("work/journal/**/*.jsonl"))
    records = sum(path.read_bytes().count(b"\n") for path in journal)
    on_disk = sum(path.stat().st_size for path in tables) / rows
    on_disk += sum(path.stat().st_size for path in journal) / max(1, records)
    simulating -= start * len(tables)
    return Overheads(round(start, 1), round(drawing / rows, 3), round(simulating / rows, 3), round(on_disk, -1))


def _seconds(timings: pd.DataFrame, stage: str) -> list[float]:
    return [float(value) for value in timings.loc[timings["stage"] == stage, "seconds"]]


def project(overheads: Overheads) -> list[dict[str, common.Cell]]:
    """What follows for each of ``SCALES``: two jobs a shard, one to sample and one to simulate."""
    records: list[dict[str, common.Cell]] = []
    for simulations, shard in SCALES:
        shards = math.ceil(simulations / shard)
        per_shard = 2 * (overheads.start_s + SNAKEMAKE_S) + shard * (overheads.draw_s + overheads.simulate_s)
        rounds = math.ceil(shards / LARGE)
        records.append(
            {
                "simulations": f"{simulations:,}",
                "mappings a shard": f"{shard:,}",
                "shards": f"{shards:,}",
                "a shard": _time(per_shard),
                "CPU hours": f"{float(f'{per_shard * shards / 3600:.2g}'):,g}",
                "on 2 CPUs": _time(per_shard * math.ceil(shards / 2)),
                f"on {LARGE} CPUs": _time(per_shard * rounds),
                "disk": _size(simulations * overheads.disk_bytes),
            }
        )
    return records


def _time(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.0f} s"


def _size(count: float) -> str:
    unit, length = ("GB", 1e9) if count >= 1e9 else ("MB", 1e6)
    return f"{count / length:.2g} {unit}"


def tables(overheads: Overheads) -> str:
    """Both tables as Markdown."""
    measured = [{"measured": name, "": f"{value:g}"} for name, value in zip(NAMES, astuple(overheads), strict=True)]
    return f"{_markdown(measured)}\n\nFrom that follows, not measured:\n\n{_markdown(project(overheads))}"


def _markdown(rows: list[dict[str, common.Cell]]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(cell) for cell in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def read(page: str) -> Overheads:
    """The overheads that a page gives. Raises ValueError when one is missing."""
    values = []
    for name in NAMES:
        found = re.search(rf"^\| {re.escape(name)} \| ([0-9.]+) \|$", page, re.MULTILINE)
        if found is None:
            raise ValueError(f"{PAGE.name}: no row {name!r}")
        values.append(float(found[1]))
    return Overheads(*values)


def main() -> None:
    """Measure a study and rewrite the page's tables."""
    parser = argparse.ArgumentParser(description="What simulations cost at scale, from a finished study.")
    parser.add_argument("study", type=Path, nargs="?", default=ROOT / "results" / "default")
    overheads = measure(parser.parse_args().study)
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(START)
    write_text(PAGE, f"{head}{START}\n\n{tables(overheads)}\n\n{END}{rest.split(END)[1]}")
    common.write("scaling", project(overheads))


if __name__ == "__main__":
    main()
