"""Search hardware and mappings of a workload: design.json, mappings.csv and trace.csv in one folder."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer

from pipeline.hardware import Hardware, Platform
from pipeline.machine.experts import experts
from pipeline.machine.latency import LatencyModel
from pipeline.progress import Line, time_left
from pipeline.search.bayesian import Bayesian
from pipeline.search.constraints import Constraints
from pipeline.search.default import (
    GEMMINI_ACCUMULATOR_KIB,
    GEMMINI_DIM,
    GEMMINI_SCRATCHPAD_KIB,
    Default,
)
from pipeline.search.driver import Method, search
from pipeline.search.genetic import Genetic
from pipeline.search.gradient import PUBLISHED, Gradient
from pipeline.search.problem import Objective, Problem, Recorder
from pipeline.search.random_search import RandomSearch
from pipeline.search.result import SearchResult
from pipeline.stages.command import ModelOption, PlatformOption, check_out_folder
from pipeline.stages.entry import run
from pipeline.stages.models import load_latency_model
from pipeline.workload import Workload, load_workload

MethodName = Literal["gradient", "published", "random", "bayesian", "genetic", "default"]

METHODS: dict[str, Callable[[], Method]] = {
    "gradient": Gradient,
    "published": lambda: Gradient(PUBLISHED),
    "random": RandomSearch,
    "bayesian": Bayesian,
    "genetic": Genetic,
    "default": Default,
}


def run_search(
    workload: Workload,
    *,
    method: str,
    evaluations: int,
    model: LatencyModel,
    seed: int,
    out: Path | None = None,
    objective: Objective = "edp",
    fix_dim: int | None = None,
    fix_hardware: tuple[int, float, float] | None = None,
    max_area_mm2: float | None = None,
    max_dim: int | None = None,
    max_scratchpad_kib: float | None = None,
    max_accumulator_kib: float | None = None,
    stream: TextIO | None = None,
) -> SearchResult:
    """Search ``workload`` on the platform of ``model`` with about ``evaluations`` evaluations.

    ``fix_hardware`` is (DIM, scratchpad KiB, accumulator KiB), physical. With ``out`` the result is written there and
    an interrupted search goes on from the checkpoint in it. Progress is shown on ``stream``. Raises ValueError that
    names what is wrong.
    """
    if method not in METHODS:
        raise ValueError(f"unknown search method {method!r}; known: {', '.join(METHODS)}")
    platform: Platform = model.platform
    if method == "default" and fix_hardware is None:
        fix_hardware = (GEMMINI_DIM, GEMMINI_SCRATCHPAD_KIB, GEMMINI_ACCUMULATOR_KIB)
        if fix_dim not in (None, GEMMINI_DIM):
            raise ValueError(f"method default: Gemmini's default hardware has dim {GEMMINI_DIM}, not {fix_dim}")
        fix_dim = None
    constraints = Constraints(
        platform,
        fix_dim=fix_dim,
        fixed=None if fix_hardware is None else Hardware(*fix_hardware, platform),
        max_dim=max_dim,
        max_scratchpad_kib=max_scratchpad_kib,
        max_accumulator_kib=max_accumulator_kib,
        max_area_mm2=max_area_mm2,
    )
    problem = Problem(workload, model, constraints, objective)
    checkpoint = None if out is None else out / "checkpoint.pt"
    progress = Progress(stream, f"{method} on {workload.name}")
    result = search(
        problem,
        METHODS[method](),
        method,
        evaluations=evaluations,
        seed=seed,
        checkpoint=checkpoint,
        observe=progress.observe,
    )
    progress.end()
    if out is not None:
        result.write(out)
    return result


class Progress:
    """Shows how far a search is: evaluations, the best design so far and the time left."""

    def __init__(self, stream: TextIO | None, name: str) -> None:
        self._line = Line(stream)
        self._name = name
        self._before: float | None = None
        self._text = ""

    def observe(self, recorder: Recorder) -> None:
        """Take note of a step."""
        if self._before is None:
            self._before = recorder.evaluations  # those of an earlier run that was interrupted, or of the first step
        done, total = recorder.evaluations, recorder.budget
        self._text = f"{self._name}: {done:,.0f} of {total:,} evaluations"
        if recorder.trace:
            *_, cycles, energy_uj = recorder.trace[-1]
            self._text += f", best EDP {cycles * energy_uj:.4g}"
        self._line.show(self._text + time_left(done - self._before, total - self._before, self._line.seconds))

    def end(self) -> None:
        """Show how it ended."""
        self._line.end(self._text)


def main(
    workload: Annotated[list[str], typer.Option(help="Name of a workload, or a .yaml file.")],
    method: Annotated[MethodName, typer.Option(help="Search method.")],
    evaluations: Annotated[int, typer.Option(min=1, max=10_000_000, help="Evaluations to spend.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed.")],
    out: Annotated[Path, typer.Option(help="Folder for design.json, mappings.csv and trace.csv.")],
    model: ModelOption = "analytical",
    platform: PlatformOption = None,
    objective: Annotated[Objective, typer.Option(help="What to minimise.")] = "edp",
    fix_dim: Annotated[int | None, typer.Option(help="Fix the array to DIM x DIM.")] = None,
    fix_hardware: Annotated[
        str | None,
        typer.Option(metavar="DIM,SPAD_KIB,ACC_KIB|NAME", help="Fix the whole hardware: search mappings only."),
    ] = None,
    max_area: Annotated[float | None, typer.Option(metavar="MM2", help="Largest area in mm2.")] = None,
    max_dim: Annotated[int | None, typer.Option(help="Largest array side.")] = None,
    max_scratchpad: Annotated[float | None, typer.Option(metavar="KIB", help="Largest scratchpad.")] = None,
    max_accumulator: Annotated[float | None, typer.Option(metavar="KIB", help="Largest accumulator.")] = None,
) -> None:
    """Search hardware and mappings of a workload for the lowest EDP."""
    if len(workload) > 1:
        raise ValueError(f"--workload {' --workload '.join(workload)}: one workload a search can be given so far")
    check_out_folder(out)
    result = run_search(
        load_workload(workload[0]),
        method=method,
        evaluations=evaluations,
        model=load_latency_model(model, platform, "spill"),
        seed=seed,
        out=out,
        objective=objective,
        fix_dim=fix_dim,
        fix_hardware=_hardware_sizes(fix_hardware),
        max_area_mm2=max_area,
        max_dim=max_dim,
        max_scratchpad_kib=max_scratchpad,
        max_accumulator_kib=max_accumulator,
        stream=sys.stderr,
    )
    typer.echo(result.summary())


def _hardware_sizes(text: str | None) -> tuple[int, float, float] | None:
    if text is None:
        return None
    if text in experts():
        expert = experts()[text]
        return expert.dim, expert.scratchpad_kib, expert.accumulator_kib
    try:
        dim, scratchpad, accumulator = text.split(",")
        return int(dim), float(scratchpad), float(accumulator)
    except ValueError:
        known = ", ".join(experts())
        expected = f"DIM,SCRATCHPAD_KIB,ACCUMULATOR_KIB such as 16,128,32, or one of {known}"
        raise ValueError(f"--fix-hardware {text!r}: expected {expected}") from None


if __name__ == "__main__":
    run(main)
