"""Designs of one's own: copy a template, and check a folder."""

import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
import yaml

from pipeline.files import check_out_folder, write_text
from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.measurement import COUNTERS, CYCLE_COUNTERS
from pipeline.stages import command
from pipeline.stages.machines import machine_choice
from pipeline.stages.simulate import DESIGNS
from rtl.design import FILE, Design
from rtl.generate import generate
from rtl.lint.design import findings
from sim.build import DATAPATHS, BuildError, Datapath
from sim.compiler import CompilerError, ProgramError, compile_with, load
from sim.design import Design as Generated
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.random_programs import random_layer, random_mapping
from sim.task import Record, Task, conclude, prepare
from sim.worker import run

TEMPLATE = "output_stationary"
STALL_PERMILLE = 400
BUDGET_KILOCYCLES = 2000
SEED = 1
DRAWS = 10
"""Random layers that are tried for each program."""

app = typer.Typer(help="Copy a template design, check one's own.", no_args_is_help=True)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to make.")],
    template: Annotated[str, typer.Option("--from", metavar="NAME|FOLDER", help="Design to copy.")] = TEMPLATE,
) -> None:
    """Copy a design with all its sources to a folder of its own."""
    design = copy_design(template, folder)
    typer.echo(f"{folder}: {len(design.sources)} sources, compiler.py and {FILE}; next: dosa-hil design check {folder}")


def copy_design(template: str, folder: Path) -> Design:
    """The design ``template`` copied to a new ``folder``. Raises ValueError when there is such a folder."""
    design = Design.read(template)
    if folder.exists():
        raise ValueError(f"{folder}: exists already; name a new folder")
    check_out_folder(folder.parent)
    folder.mkdir(parents=True)
    for path in sorted(design.folder.iterdir()):
        if path.is_file() and path.name != FILE:
            shutil.copy2(path, folder / path.name)
    for path in design.sources:
        shutil.copy2(path, folder / path.name)
    write_text(folder / FILE, _own_sources(design))
    return design


def _own_sources(design: Design) -> str:
    """``design.yaml`` with every source in its folder; the rest of the text stays."""
    text = (design.folder / FILE).read_text(encoding="utf-8")
    for source in yaml.safe_load(text)["sources"]:
        text = text.replace(f"- {source}\n", f"- {Path(source).name}\n")
    return text


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a check."""

    name: str
    problems: list[str]
    advice: str


@app.command()
def check(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The design: its folder, or a name.")],
    hardware: Annotated[str, typer.Option(metavar="DIM,SPAD_KIB,ACC_KIB", help="Sizes to check.")] = "4,32,1",
    programs: Annotated[int, typer.Option(min=1, max=100_000, help="Random programs to run.")] = 30,
) -> None:
    """Lint and build a design, run random programs on both builds with and without stalls; say what to mend first."""
    point = command.hardware(hardware, machine_choice(design=folder).find().template)
    for step in _steps(folder, point, programs):
        typer.echo(f"{'FAILED' if step.problems else 'ok    '} {step.name}")
        for problem in step.problems[:5]:
            typer.echo(f"       {problem}")
        if step.problems:
            typer.echo(f"       -> {step.advice}")
            raise typer.Exit(1)


def _steps(folder: str, point: Hardware, programs: int) -> Iterator[Step]:
    """The steps in the order in which to mend what they find; each needs those before it."""
    design = Design.read(folder)
    yield Step(f"{FILE}: {len(design.sources)} sources, ports {design.file.ports}", [], "")
    yield Step("compiler.py loads", _caught(lambda: load(str(design.compiler))), "see sim/compiler.py for the protocol")
    yield Step(
        "sources pass the linter", findings(design, [point.dim]), "mend the RTL, or write a waiver with its reason"
    )
    yield Step(f"sizes of {point.id} are legal", _caught(lambda: design.values(point)), "give others by --hardware")
    generated = Generated.load(generate(point, DESIGNS, design=str(design.folder)))
    simulations, problems = _built(generated)
    yield Step("both builds elaborate and compile", problems, "mend what Verilator says")
    tasks, problems = tasks_for(generated, point, programs)
    yield Step(
        f"compiler.py has programs for {programs} random mappings", problems, "see what it does with small tiles"
    )
    bench = _Bench(generated, simulations)
    full = [bench.run(task) for task in tasks]
    yield Step("results are right, every byte", _errors(tasks, full), "compare arithmetic, addresses and layout")
    yield Step("cycle counters add up to the cycles", _sums(tasks, full), "every busy cycle is of one class")
    timing = [bench.run(replace(task, datapath="timing")) for task in tasks]
    yield Step(
        "the timing build has the same cycles and counters", _differences(tasks, full, timing), "no data in control"
    )
    stalled = [replace(task, memory=replace(task.memory, stall_permille=STALL_PERMILLE)) for task in tasks]
    answers = [bench.run(task) for task in stalled]
    yield Step("results are right while memory stalls", _errors(stalled, answers), "hold requests until they are taken")
    missing = [name for name in COUNTERS if name not in (*generated.counters, "host_cycles")]
    said = f"counters not there (optional): {', '.join(missing)}" if missing else "all counters are there"
    yield Step(said, [], "")


def _built(design: Generated) -> tuple[dict[Datapath, Simulation], list[str]]:
    """The builds, and why one is missing."""
    simulations: dict[Datapath, Simulation] = {}
    for datapath in DATAPATHS:
        try:
            simulations[datapath] = Simulation.build(design, datapath)
        except BuildError as error:
            return simulations, [str(error)]
    return simulations, []


@dataclass(frozen=True, slots=True)
class _Bench:
    """The two builds of a design."""

    design: Generated
    simulations: dict[Datapath, Simulation]

    def run(self, task: Task) -> Record:
        """The record of a task."""
        try:
            prepared = prepare(task)
        except ProgramError as error:
            return Record("", error=str(error))
        return conclude("", prepared, self.design.counters, run(self.simulations[task.datapath], prepared))


def tasks_for(design: Generated, point: Hardware, count: int) -> tuple[list[Task], list[str]]:
    """Tasks for ``count`` random mappings that the compiler takes, and why there are fewer."""
    generator, refused = random.Random(SEED), ""
    tasks: list[Task] = []

    def takes(mapping: Mapping) -> None:
        nonlocal refused
        try:
            compile_with(design.compiler, mapping.layer, mapping, point)
        except ProgramError as error:
            refused = f"; it said: {error}"
            raise

    for drawn in range(DRAWS * count):
        layer = random_layer(generator, point.dim)
        try:
            mapping = random_mapping(generator, layer, point, takes)
        except CompilerError as error:
            return tasks, [str(error)]
        if mapping is None:
            continue
        memory = replace(MemorySettings.of("soc" if drawn % 4 == 3 else "simple"), budget_kilocycles=BUDGET_KILOCYCLES)
        tasks.append(Task(mapping, point, "full", memory, seed=drawn, compiler=design.compiler))
        if len(tasks) == count:
            return tasks, []
    return tasks, [f"the compiler took {len(tasks)} of {DRAWS * count} random mappings{refused}"]


def _caught(action: Callable[[], object]) -> list[str]:
    try:
        action()
    except ValueError as error:
        return [str(error)]
    return []


def _errors(tasks: Iterable[Task], records: Iterable[Record]) -> list[str]:
    return [
        f"{task.mapping.layer}: {record.error}" for task, record in zip(tasks, records, strict=True) if record.error
    ]


def _sums(tasks: Iterable[Task], records: Iterable[Record]) -> list[str]:
    """Runs whose cycle classes are all there and do not add up."""
    problems = []
    for task, record in zip(tasks, records, strict=True):
        classes = [record.counters[name] for name in CYCLE_COUNTERS if name in record.counters]
        if len(classes) == len(CYCLE_COUNTERS) and sum(classes) != record.cycles:
            problems.append(f"{task.mapping.layer}: cycle classes add up to {sum(classes)}, not {record.cycles}")
    return problems


def _differences(tasks: Iterable[Task], full: Iterable[Record], timing: Iterable[Record]) -> list[str]:
    problems = []
    for task, one, other in zip(tasks, full, timing, strict=True):
        if one.cycles != other.cycles:
            problems.append(f"{task.mapping.layer}: {one.cycles} cycles in the full build, {other.cycles} in timing")
        for name, value in one.counters.items():
            if other.counters.get(name) != value and one.cycles == other.cycles:
                problems.append(
                    f"{task.mapping.layer}: {name} is {value} in the full build, {other.counters.get(name)}"
                )
    return problems
