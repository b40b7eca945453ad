"""``dosa-hil run``: the workflow of one study with quiet progress, then what was found and where to read it."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from rich.console import Console

from pipeline.config.plan import cpus
from pipeline.config.study import Study, load_study
from pipeline.files import ROOT
from pipeline.progress import duration
from pipeline.workflow.display import Display
from pipeline.workflow.stages import Run, warnings_of

MAX_SHOWN = 10
"""Most failures and warnings that are shown; the others are counted."""


def run_study(
    study: str, *, cores: int | None = None, design: str | None = None, dry_run: bool = False, console: Console
) -> bool:
    """Run a study given by name or file to its report; returns whether all of it succeeded.

    Raises ValueError that names what is wrong with the study before anything runs.
    """
    plan = load_study(study, design=design)
    log = Path("results") / plan.name / "logs" / "run.log"
    arguments = _arguments(study, plan, cores or cpus(), design, dry_run=dry_run)
    console.out(
        f"study {plan.name}: {len(plan.workloads)} workloads, {plan.rounds} rounds; log in {log}", highlight=False
    )
    run, clock = Run(time.monotonic), time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        status = _follow(arguments, stream, run, console)
    _conclude(run, status, log, console)
    if status == 0 and not dry_run:
        _results(Path("results") / plan.name, duration(time.monotonic() - clock), console)
    return status == 0


def _arguments(study: str, plan: Study, cores: int, design: str | None, *, dry_run: bool) -> list[str]:
    settings = [f"study={Path(study).resolve() if study.endswith(('.yaml', '.yml')) else study}"]
    settings += [f"design={design}"] if design is not None else []
    arguments = [
        f"results/{plan.name}/report/report.html",
        "--cores",
        str(cores),
        "--snakefile",
        str(ROOT / "Snakefile"),
    ]
    arguments += ["--workflow-profile", str(ROOT / "profiles" / "default"), *(["--dry-run"] if dry_run else [])]
    return [*arguments, "--config", *settings]


def _follow(arguments: list[str], log: IO[str], run: Run, console: Console) -> int:
    """Run Snakemake, show its events, and return its exit status."""
    read, write = os.pipe()
    command = [sys.executable, "-m", "pipeline.workflow.engine", str(write), *arguments]
    process = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, pass_fds=(write,)
    )
    os.close(write)
    try:
        with os.fdopen(read, "rb", buffering=0) as events, Display(run, console) as display:
            _show(events, run, display)
        return process.wait()
    except KeyboardInterrupt:
        console.out("stopping; the same command continues", highlight=False)
        process.wait()
        return 130


def _show(events: IO[bytes], run: Run, display: Display) -> None:
    """Show events until the other end is closed."""
    rest = b""
    while True:
        ready, _, _ = select.select([events], [], [], 1.0)
        if not ready:
            display.update()
            continue
        block = events.read(1 << 16)
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            display.update(run.take(json.loads(line)))


def _conclude(run: Run, status: int, log: Path, console: Console) -> None:
    """Warnings and failures in words."""
    for kind, lines in (("", warnings_of(run.logs)), ("", [failure.text() for failure in run.failures])):
        for line in lines[:MAX_SHOWN]:
            console.out(f"{kind}{line}", highlight=False)
        if len(lines) > MAX_SHOWN:
            console.out(f"and {len(lines) - MAX_SHOWN} more", highlight=False)
    if status not in (0, 130):
        if not run.failures:
            console.out(_engine_error(log), highlight=False)
        console.out(f"not finished; everything that was said is in {log}; the same command continues", highlight=False)


def _engine_error(log: Path) -> str:
    """The last thing that Snakemake said when no job failed."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return "\n".join(lines[-3:])


def _results(folder: Path, took: str, console: Console) -> None:
    from pipeline.stages.reporting.findings import summary_lines  # noqa: PLC0415 (loads pandas and torch)
    from pipeline.stages.reporting.results import load_results  # noqa: PLC0415

    console.out(f"finished in {took}", highlight=False)
    for line in summary_lines(load_results(folder)):
        console.out(line, highlight=False)
    console.out(f"report: {folder / 'report' / 'report.html'}", highlight=False)
