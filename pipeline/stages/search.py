"""Search hardware and mappings of a workload: design.json, mappings.csv and trace.csv in one folder."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TextIO

import typer

from pipeline.choices import METHODS, Method, Objective, load
from pipeline.hardware import Template
from pipeline.machine.experts import expert_hardware, experts
from pipeline.machine.latency import LatencyModel
from pipeline.progress import Line, time_left
from pipeline.search.constraints import Constraints
from pipeline.search.driver import search
from pipeline.search.problem import Problem, Recorder
from pipeline.search.result import SearchResult
from pipeline.stages.command import ModelOption, check_out_folder, hardware
from pipeline.stages.entry import run
from pipeline.stages.machines import DesignOption, MemoryOption, PlatformOption
from pipeline.stages.models import model_asked
from pipeline.workload import Workload, load_workload


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
    fix_hardware: tuple[float, ...] | None = None,
    max_area_mm2: float | None = None,
    max_dim: int | None = None,
    max_kib: Mapping[str, float] | None = None,
    stream: TextIO | None = None,
) -> SearchResult:
    """Search ``workload`` on the machine of ``model`` with about ``evaluations`` evaluations.

    ``fix_hardware`` are the sizes of its template, memories in physical KiB; ``max_kib`` limits some of them. With
    ``out`` the result is written there and an interrupted search goes on from the checkpoint in it. Progress is shown
    on ``stream``. Raises ValueError that names what is wrong.
    """
    if method not in METHODS:
        raise ValueError(f"unknown search method {method!r}; known: {', '.join(METHODS)}")
    machine = model.machine
    if method == "default" and fix_hardware is None:
        fix_hardware = machine.default_hardware.values
        if fix_dim not in (None, machine.default_hardware.dim):
            raise ValueError(f"method default: the default hardware has dim {fix_hardware[0]}, not {fix_dim}")
        fix_dim = None
    constraints = Constraints(
        machine,
        fix_dim=fix_dim,
        fixed=None if fix_hardware is None else machine.template.hardware(*fix_hardware),
        max_dim=max_dim,
        max_kib=max_kib or {},
        max_area_mm2=max_area_mm2,
    )
    problem = Problem(workload, model, constraints, objective)
    checkpoint = None if out is None else out / "checkpoint.pt"
    progress = Progress(stream, f"{method} on {workload.name}")
    result = search(
        problem,
        load(METHODS[method])(),
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
    method: Annotated[Method, typer.Option(help="Search method.")],
    evaluations: Annotated[int, typer.Option(min=1, max=10_000_000, help="Evaluations to spend.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed.")],
    out: Annotated[Path, typer.Option(help="Folder for design.json, mappings.csv and trace.csv.")],
    model: ModelOption = "analytical",
    platform: PlatformOption = None,
    design: DesignOption = None,
    memory: MemoryOption = None,
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
    latency = model_asked(model, platform, design, memory)
    limits = {"scratchpad_kib": max_scratchpad, "accumulator_kib": max_accumulator}
    result = run_search(
        load_workload(workload[0]),
        method=method,
        evaluations=evaluations,
        model=latency,
        seed=seed,
        out=out,
        objective=objective,
        fix_dim=fix_dim,
        fix_hardware=_hardware_sizes(fix_hardware, latency.machine.template),
        max_area_mm2=max_area,
        max_dim=max_dim,
        max_kib={name: limit for name, limit in limits.items() if limit is not None},
        stream=sys.stderr,
    )
    typer.echo(result.summary())


def _hardware_sizes(text: str | None, template: Template) -> tuple[float, ...] | None:
    if text is None:
        return None
    if text in experts():
        return expert_hardware(text, template).values
    try:
        return hardware(text, template, *experts()).values
    except ValueError as error:
        raise ValueError(f"--fix-{error}") from None


if __name__ == "__main__":
    run(main)
