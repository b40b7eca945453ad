"""``dosa-hil run``: the workflow of one study with quiet progress, then what was found and where to read it."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console

from pipeline.config.plan import cpus
from pipeline.config.study import Study, load_study
from pipeline.files import ROOT
from pipeline.progress import duration
from pipeline.stages.entry import run
from pipeline.stages.reporting.findings import summary_lines
from pipeline.stages.reporting.results import load_results
from pipeline.workflow.display import Display
from pipeline.workflow.stages import Run, warnings_of

MAX_SHOWN = 10
"""Most failures and warnings that are shown; the others are counted."""

INTERRUPTED = 130


def run_study(study: str, *, cores: int | None = None, design: str | None = None, console: Console) -> int:
    """Run a study given by name or file to its report; returns Snakemake's exit status.

    Raises ValueError that names what is wrong with the study before anything runs.
    """
    plan = load_study(study, design=design)
    folder = Path("results") / plan.name
    log, clock = folder / "logs" / "run.log", time.monotonic()
    say = Say(console)
    size = f"{_count(len(plan.workloads), 'network')}, {_count(plan.rounds, 'round')}, {_count(cores or cpus(), 'CPU')}"
    say(f"study {plan.name}: {size}; log: {log}")
    log.parent.mkdir(parents=True, exist_ok=True)
    progress = Run(time.monotonic)
    with log.open("w", encoding="utf-8") as stream:
        status = _follow(_arguments(study, plan, cores or cpus(), design), stream, progress, console)
    say.some(warnings_of(progress.logs))
    say.some([failure.text() for failure in progress.failures])
    if status == 0:
        took = duration(time.monotonic() - clock)
        say(f"finished in {took}" if progress.stages else "nothing to do: every result is up to date")
        for line in (*summary_lines(load_results(folder)), f"report: {folder / 'report' / 'report.html'}"):
            say(line)
    elif status == INTERRUPTED:
        say("stopped; the same command continues")
    else:
        if not progress.failures:
            say(_last_lines(log))
        say(f"not finished; the same command continues; everything that was said: {log}")
    return status


class Say:
    """Prints lines as they are."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, line: str) -> None:
        self._console.out(line, highlight=False)

    def some(self, lines: list[str]) -> None:
        """Print the first lines and how many there are besides."""
        for line in lines[:MAX_SHOWN]:
            self(line)
        if len(lines) > MAX_SHOWN:
            self(f"and {len(lines) - MAX_SHOWN} more")


def _count(amount: int, name: str) -> str:
    return f"{amount} {name}{'' if amount == 1 else 's'}"


def _arguments(study: str, plan: Study, cores: int, design: str | None) -> list[str]:
    arguments = [f"results/{plan.name}/report/report.html", "--cores", str(cores)]
    arguments += ["--snakefile", str(ROOT / "Snakefile"), "--workflow-profile", str(ROOT / "profiles" / "default")]
    return [*arguments, "--config", f"study={study}", *([f"design={design}"] if design is not None else [])]


def _follow(arguments: list[str], log: IO[str], progress: Run, console: Console) -> int:
    """Run Snakemake, show its events, and return its exit status."""
    read, write = os.pipe()
    command = [sys.executable, "-m", "pipeline.workflow.engine", str(write), *arguments]
    process = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, pass_fds=(write,)
    )
    os.close(write)
    try:
        with os.fdopen(read, "rb", buffering=0) as events, Display(progress, console) as display:
            _show(events, progress, display)
        return process.wait()
    except KeyboardInterrupt:  # the terminal has sent it to Snakemake too, which ends its jobs
        process.wait()
        return INTERRUPTED


def _show(events: IO[bytes], progress: Run, display: Display) -> None:
    """Show events until the other end is closed."""
    rest = b""
    while True:
        ready, _, _ = select.select([events], [], [], 0.5)
        if not ready:
            display.update()
            continue
        block = events.read(1 << 16)
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            display.update(progress.take(json.loads(line)))


def _last_lines(log: Path) -> str:
    """The last thing that Snakemake said, when no job failed."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return errors[-1] if errors else "\n".join(lines[-3:])


def main(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study, or its .yaml file.")] = "default",
    cores: Annotated[int | None, typer.Option(min=1, help="Most jobs at once; default: as many as CPUs.")] = None,
    design: Annotated[str | None, typer.Option(help="A design under rtl/ instead of the study's.")] = None,
) -> None:
    """Run a study to its report.

    Snakemake does the work; what it and the jobs print goes to results/<study>/logs/run.log. An interrupted run
    continues where it was.
    """
    status = run_study(study, cores=cores, design=design, console=Console())
    if status != 0:
        raise typer.Exit(status)


if __name__ == "__main__":
    run(main)
