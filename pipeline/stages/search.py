"""Search hardware and mappings of a workload: design.json, mappings.csv and trace.csv in one folder."""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TextIO

import typer

from pipeline.choices import METHODS, MOVES_STRUCTURE, Area, Objective
from pipeline.files import check_out_folder
from pipeline.hardware import Hardware, Template
from pipeline.machine.experts import expert_hardware, experts
from pipeline.machine.latency import LatencyModel
from pipeline.machine.machine import with_area
from pipeline.progress import Line, time_left
from pipeline.search.constraints import Constraints
from pipeline.search.driver import search
from pipeline.search.named import method_named
from pipeline.search.problem import Problem, Recorder, join_workloads
from pipeline.search.result import CLOCK_MHZ, SearchResult
from pipeline.stages.command import ModelOption, hardware
from pipeline.stages.entry import run
from pipeline.stages.machines import DesignOption, MemoryOption, PlatformOption
from pipeline.stages.models import model_asked
from pipeline.workload import Workload, load_workload

MethodOption = Annotated[
    str,
    typer.Option(
        metavar="NAME|MODULE:CLASS",
        help=f"Search method: {', '.join(METHODS)}, or a class of your own.",
        autocompletion=lambda: list(METHODS),
    ),
]

ObjectiveOption = Annotated[Objective, typer.Option(help="What to minimise.")]
LatencyOption = Annotated[
    list[str] | None,
    typer.Option(metavar="[NAME=]MS", help="Longest time of every workload, or of one. Repeatable."),
]
ClockOption = Annotated[float, typer.Option(min=1e-3, help="Clock, for times and rates.")]


def run_search(
    workload: Workload | Sequence[Workload],
    *,
    weights: Sequence[float] = (),
    max_ms: Sequence[float] = (),
    clock_mhz: float = CLOCK_MHZ,
    method: str,
    evaluations: int,
    model: LatencyModel,
    seed: int,
    out: Path | None = None,
    objective: Objective = "edp",
    fix_dim: int | None = None,
    fix_hardware: Hardware | tuple[float, ...] | None = None,
    structure: Mapping[str, tuple[int, ...]] | None = None,
    max_area_mm2: float | None = None,
    area: Area = "published",
    max_dim: int | None = None,
    max_kib: Mapping[str, float] | None = None,
    best_effort: bool = False,
    one_tile: bool = False,
    stream: TextIO | None = None,
) -> SearchResult:
    """Search ``workload``, or hardware that several share, on the machine of ``model`` with about ``evaluations``.

    ``weights`` and ``max_ms`` (longest time at ``clock_mhz``) go with the workloads; empty: all 1, no limits.
    ``fix_hardware`` is hardware, or the sizes of its template, memories in physical KiB; ``max_kib`` limits some of
    them; ``structure`` has the numbers that parts of it may have. With ``out`` the result is written there and an
    interrupted search goes on from the checkpoint in it. Progress is shown on ``stream``. Raises ValueError that names
    what is wrong, and the network for which nothing within its latency limit was found; with ``best_effort`` such a
    result is given all the same. ``one_tile`` keeps to one tile a level for all tensors.
    """
    chosen = method_named(method)
    machine = with_area(model.machine, area)
    if structure and method not in MOVES_STRUCTURE:
        raise ValueError(f"method {method}: only {', '.join(MOVES_STRUCTURE)} searches the structure")
    fixed = machine.template.hardware(*fix_hardware) if isinstance(fix_hardware, tuple) else fix_hardware
    if method == "default" and fixed is None:
        fixed = machine.default_hardware
        if fix_dim not in (None, fixed.dim):
            raise ValueError(f"method default: the default hardware has dim {fixed.dim}, not {fix_dim}")
        fix_dim = None
    constraints = Constraints(
        machine,
        fix_dim=fix_dim,
        fixed=fixed,
        max_dim=max_dim,
        max_kib=max_kib or {},
        max_area_mm2=max_area_mm2,
        structure=structure or {},
    )
    every = [workload] if isinstance(workload, Workload) else list(workload)
    joined, networks = join_workloads(every, weights or [1.0] * len(every))
    if max_ms:
        limits = [ms * clock_mhz * 1e3 for ms in max_ms]
        networks = tuple(replace(n, max_cycles=limit) for n, limit in zip(networks, limits, strict=True))
    problem = Problem(joined, model, constraints, objective, networks, one_tile)
    checkpoint = None if out is None else out / "checkpoint.pt"
    progress = Progress(stream, f"{method} on {joined.name}")
    result = search(
        problem,
        chosen,
        method,
        evaluations=evaluations,
        seed=seed,
        checkpoint=checkpoint,
        observe=progress.observe,
    )
    progress.end()
    for one in () if best_effort else result.over_limit:
        raise ValueError(
            f"search {method}: no design keeps the latency limit of {one.network.name}: the best found takes "
            f"{one.cycles:.4g} cycles, {one.network.max_cycles:.4g} are allowed"
        )
    result = replace(result, clock_mhz=clock_mhz)
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
        self._text = f"{self._name}: {recorder.progress or f'{done:,.0f} of {total:,} evaluations'}"
        if recorder.trace:
            *_, cycles, energy_uj = recorder.trace[-1]
            self._text += f", best EDP {cycles * energy_uj:.4g}"
        left = "" if recorder.progress else time_left(done - self._before, total - self._before, self._line.seconds)
        self._line.show(self._text + left)

    def end(self) -> None:
        """Show how it ended."""
        self._line.end(self._text)


def main(
    workload: Annotated[
        list[str],
        typer.Option(
            metavar="NAME|FILE[=WEIGHT]", help="A workload and its weight; several share the hardware. Repeatable."
        ),
    ],
    method: MethodOption,
    evaluations: Annotated[int, typer.Option(min=1, max=10_000_000, help="Evaluations to spend.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed.")],
    out: Annotated[Path, typer.Option(help="Folder for design.json, mappings.csv and trace.csv.")],
    model: ModelOption = "analytical",
    platform: PlatformOption = None,
    design: DesignOption = None,
    memory: MemoryOption = None,
    objective: ObjectiveOption = "edp",
    fix_dim: Annotated[int | None, typer.Option(help="Fix the array to DIM x DIM.")] = None,
    fix_hardware: Annotated[
        str | None,
        typer.Option(metavar="DIM,SPAD_KIB,ACC_KIB|NAME", help="Fix the whole hardware: search mappings only."),
    ] = None,
    structure: Annotated[
        list[str] | None,
        typer.Option(metavar="AXIS=N,N,...", help="Numbers that a part of the structure may have. Repeatable."),
    ] = None,
    max_area: Annotated[float | None, typer.Option(metavar="MM2", help="Largest area in mm2.")] = None,
    area: Annotated[Area, typer.Option(help="Area by the published tables, or by synthesis of the RTL.")] = "published",
    max_dim: Annotated[int | None, typer.Option(help="Largest array side.")] = None,
    max_scratchpad: Annotated[float | None, typer.Option(metavar="KIB", help="Largest scratchpad.")] = None,
    max_accumulator: Annotated[float | None, typer.Option(metavar="KIB", help="Largest accumulator.")] = None,
    max_latency: LatencyOption = None,
    clock_mhz: ClockOption = CLOCK_MHZ,
    best_effort: Annotated[
        bool, typer.Option("--best-effort", help="Write the best found even where it breaks a latency limit.")
    ] = False,
    one_tile: Annotated[
        bool, typer.Option("--one-tile", help="Keep to one tile a level for all tensors, as Timeloop's files do.")
    ] = False,
) -> None:
    """Search hardware and mappings of one or several workloads.

    Several share the hardware. The lowest EDP wins unless --objective says otherwise.
    """
    check_out_folder(out)
    workloads, weights = weighted(workload)
    max_ms = latency_limits(max_latency or [], [one.name for one in workloads])
    latency = model_asked(model, platform, design, memory)
    limits = {"scratchpad_kib": max_scratchpad, "accumulator_kib": max_accumulator}
    result = run_search(
        workloads,
        weights=weights,
        max_ms=max_ms,
        clock_mhz=clock_mhz,
        method=method,
        evaluations=evaluations,
        model=latency,
        seed=seed,
        out=out,
        objective=objective,
        fix_dim=fix_dim,
        fix_hardware=_fixed(fix_hardware, latency.machine.template),
        structure=structures(structure or []),
        max_area_mm2=max_area,
        area=area,
        max_dim=max_dim,
        max_kib={name: limit for name, limit in limits.items() if limit is not None},
        best_effort=best_effort,
        one_tile=one_tile,
        stream=sys.stderr,
    )
    typer.echo(result.summary())
    typer.echo(result.networks_text())


def weighted(texts: Sequence[str]) -> tuple[list[Workload], list[float]]:
    """Workloads and weights from ``NAME`` or ``NAME=WEIGHT``. Raises ValueError that names a bad one."""
    workloads, weights = [], []
    for text in texts:
        name, equals, weight = text.rpartition("=")
        try:
            weights.append(float(weight) if equals else 1.0)
        except ValueError:
            raise ValueError(f"--workload {text!r}: weight {weight!r} is not a number") from None
        workloads.append(load_workload(name if equals else text))
    return workloads, weights


def latency_limits(texts: Sequence[str], names: Sequence[str]) -> list[float]:
    """Milliseconds for each of ``names`` from ``MS`` (all of them) and ``NAME=MS``; empty where none is given."""
    limits = dict.fromkeys(names, math.inf)
    for text in texts:
        name, equals, value = text.rpartition("=")
        if equals and name not in limits:
            raise ValueError(f"--max-latency {text!r}: {name!r} is not one of {', '.join(names)}")
        try:
            ms = float(value)
        except ValueError:
            raise ValueError(f"--max-latency {text!r}: {value!r} is not a number of milliseconds") from None
        if not ms > 0:
            raise ValueError(f"--max-latency {text!r}: must be above 0")
        limits |= {name: ms} if equals else dict.fromkeys(names, ms)
    return list(limits.values()) if texts else []


def structures(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Numbers of parts of the structure from ``AXIS=N,N,...``. Raises ValueError that names a bad one."""
    found: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, _, numbers = text.partition("=")
        try:
            found |= {name: tuple(int(number) for number in numbers.split(","))}
        except ValueError:
            raise ValueError(f"--structure {text}: expected AXIS=N,N,... such as reads_in_flight=8,16,32") from None
    return found


def _fixed(text: str | None, template: Template) -> Hardware | None:
    if text is None:
        return None
    if text in experts():
        return expert_hardware(text, template)
    try:
        return hardware(text, template, *experts())
    except ValueError as error:
        raise ValueError(f"--fix-{error}") from None


if __name__ == "__main__":
    run(main)
