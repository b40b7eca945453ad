"""Simulate mappings again with one thing changed at a time, and in every combination; say what each change saves.

What two changes save together is not the sum of what each saves alone: a wider bus is of no use while the memory is
slow. Their Shapley shares add up.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from pipeline.choices import Memory
from pipeline.files import check_out_folder
from pipeline.machine.machine import MachineChoice
from pipeline.stages import command
from pipeline.stages.changes import CHANGES, Change, changes_of
from pipeline.stages.entry import run
from pipeline.stages.estimate import fitting
from pipeline.stages.machines import DEFAULT_DESIGN, DEFAULT_MEMORY
from pipeline.stages.shares import Subset, shares, subsets
from pipeline.stages.simulate import generated
from pipeline.table import ENDINGS, Row, RowError, add_columns, check_ending, read_table, rows_of
from rtl.design import Design
from sim.memory import MemorySettings
from sim.progress import Progress
from sim.runner import Request, simulate
from sim.task import Record, Task


def what_if_table(
    table: pd.DataFrame, changes: Sequence[Change], *, design: str, memory: Memory, jobs: int, work_dir: Path
) -> pd.DataFrame:
    """``table`` with cycles as they are, and of each change what it saves alone and its share of what all save.

    Adds ``what_if.cycles``, ``what_if.cycles_all`` (with all changes), ``what_if.alone.<change>`` and
    ``what_if.share.<change>`` in cycles; and ``error``. Finished simulations are kept in ``work_dir``.
    """
    source = Design.read(design)
    machine = MachineChoice(source.machine, memory).find()
    rows = fitting(rows_of(table, machine.template), machine)
    cases = list(subsets(change.name for change in changes))
    wanted = [[_request(row, source, case, changes, memory) for case in cases] for row in rows]
    simulated = iter(
        simulate(
            [item for made in wanted for item in made if isinstance(item, Request)],
            "inprocess",
            work_dir.resolve() / "journal",
            jobs,
            Progress(sys.stderr),
        )
    )
    measured = [[item if isinstance(item, RowError) else next(simulated) for item in made] for made in wanted]
    return add_columns(table, [_columns(changes, dict(zip(cases, made, strict=True))) for made in measured])


def _request(
    row: Row | RowError, source: Design, case: Subset, changes: Sequence[Change], memory: Memory
) -> Request | RowError:
    """A row with the changes of a case."""
    if isinstance(row, RowError):
        return row
    hardware, settings = row.hardware, MemorySettings.of(memory)
    for change in changes:
        if change.name in case:
            hardware, settings = change.on(hardware), change.below(settings)
    target = generated(source, hardware)
    if isinstance(target, RowError):
        return target
    return Request(target, Task(row.mapping, hardware, "timing", settings, compiler=target.compiler))


def _columns(changes: Sequence[Change], made: dict[Subset, Record | RowError]) -> dict[str, Any]:
    names = [change.name for change in changes]
    for item in made.values():
        error = item.message if isinstance(item, RowError) else item.error
        if error:
            nothing = [f"what_if.{part}.{name}" for part in ("alone", "share") for name in names]
            return dict.fromkeys(["what_if.cycles", "what_if.cycles_all", *nothing], float("nan")) | {"error": error}
    cycles = {case: item.cycles for case, item in made.items() if isinstance(item, Record)}
    none, everything = frozenset[str](), frozenset(names)
    saved = {case: cycles[none] - value for case, value in cycles.items()}
    columns: dict[str, Any] = {"what_if.cycles": cycles[none], "what_if.cycles_all": cycles[everything]}
    columns |= {f"what_if.alone.{name}": saved[frozenset({name})] for name in names}
    columns |= {f"what_if.share.{name}": share for name, share in shares(names, saved).items()}
    return columns | {"error": ""}


def totals(table: pd.DataFrame) -> pd.DataFrame:
    """What each change saves of the cycles of all rows without an error, each as often as ``layer.count`` says.

    One row a change, then ``all`` of them together: ``change``; ``alone`` and ``share`` as parts of ``cycles``, which
    are those without any change.
    """
    good = table[table["error"] == ""]
    times = good.get("layer.count", 1)
    columns = [str(column) for column in table if str(column).startswith("what_if.")]
    names = [name.removeprefix("what_if.share.") for name in columns if name.startswith("what_if.share.")]
    sums = {name: float((good[name] * times).sum()) for name in columns}
    cycles = sums["what_if.cycles"]
    together = (cycles - sums["what_if.cycles_all"]) / cycles
    rows = [(name, sums[f"what_if.alone.{name}"] / cycles, sums[f"what_if.share.{name}"] / cycles) for name in names]
    saved = pd.DataFrame([*rows, ("all", together, together)], columns=["change", "alone", "share"])
    return saved.assign(cycles=cycles)


def longest(table: pd.DataFrame, layers: int, max_cycles: int) -> pd.DataFrame:
    """The ``layers`` rows of at most ``max_cycles`` that take most of the network's cycles; else the shortest row.

    Raises ValueError when the table does not say how many cycles its rows take.
    """
    if "sim.cycles" not in table:
        raise ValueError("--layers needs the column sim.cycles: which rows take longest")
    affordable = table[table["sim.cycles"] <= max_cycles]
    if affordable.empty:
        return table.nsmallest(1, "sim.cycles")
    weight = affordable["sim.cycles"] * affordable.get("layer.count", 1)
    return affordable.loc[sorted(weight.nlargest(layers).index)]


def main(
    in_table: command.InTable,
    out_table: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="Table to write; default: IN-what-if beside IN.")
    ] = None,
    design: Annotated[
        str, typer.Option(help="A design by name, or its folder.", metavar="NAME|FOLDER")
    ] = DEFAULT_DESIGN,
    memory: Annotated[Memory, typer.Option(help="Memory below the bus.")] = DEFAULT_MEMORY,
    change: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|AXIS=NUMBER",
            help=f"What to change (repeatable): {', '.join(item.name for item in CHANGES)}, or a part of the design's "
            "structure, as reads_in_flight=32. Default: all that have names.",
        ),
    ] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="Only so many rows, those with most sim.cycles.")] = None,
    max_cycles: Annotated[int, typer.Option(min=1, help="With --layers: none that takes longer.")] = 10**9,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Simulators that run at once.")] = 1,
    work_dir: Annotated[Path | None, typer.Option(help="Folder of the journal. Default: beside OUT.")] = None,
) -> None:
    """Say what bus, banks, queues, host and memory cost a mapping."""
    out_table = out_table or beside(in_table)
    work_dir = work_dir or out_table.parent / f".{out_table.name}.work"
    command.check_out_table(out_table, in_table)
    table = read_table(in_table)
    check_out_folder(work_dir)
    changes = changes_of(change or [], MachineChoice(Design.read(design).machine, memory).find().template)
    if layers is not None:
        table = longest(table, layers, max_cycles)
    result = what_if_table(table, changes, design=design, memory=memory, jobs=jobs, work_dir=work_dir)
    if (result["error"] == "").any():
        typer.echo("\n".join(lines(totals(result), changes)))
    command.finish(result, out_table)


def beside(path: Path) -> Path:
    """``mappings-what-if.csv`` for ``mappings.csv``."""
    check_ending(path)
    ending = next(ending for ending in sorted(ENDINGS, key=len, reverse=True) if path.name.endswith(ending))
    return path.with_name(f"{path.name.removesuffix(ending)}-what-if{ending}")


def lines(saved: pd.DataFrame, changes: Sequence[Change]) -> list[str]:
    """``totals`` for a terminal."""
    meanings = {change.name: f"{change.name}: {change.meaning}" for change in changes} | {"all": "all of them"}
    width = max(map(len, meanings.values()))
    said = [f"{'what is changed':{width}}  {'saves alone':>11}  {'share':>8}"]
    for row in saved.to_dict("records"):
        said.append(f"{meanings[row['change']]:{width}}  {100 * row['alone']:9.1f} %  {100 * row['share']:6.1f} %")
    cycles, together = float(saved["cycles"].iloc[0]), float(saved["share"].iloc[-1])
    return [*said, f"{'what remains':{width}}  {'':11}  {100 * (1 - together):6.1f} %", f"of {cycles:,.0f} cycles"]


if __name__ == "__main__":
    run(main)
