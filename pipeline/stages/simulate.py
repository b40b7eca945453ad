"""Simulates the rows of a table on generated RTL and adds measured cycles, counters, energy and EDP."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer

from pipeline.choices import DimRule, Memory, PartialSums
from pipeline.files import ROOT, check_out_folder
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.energy import LevelEnergy, below_bus_uj
from pipeline.machine.machine import MachineChoice, machine_of
from pipeline.machine.words import Words
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.measurement import COUNTERS, WORD_COUNTERS, Measurement
from pipeline.stages.command import DimOption, InTable, OutTable, SumsOption, check_out_table, finish
from pipeline.stages.entry import run
from pipeline.stages.estimate import fitting
from pipeline.stages.machines import DEFAULT_DESIGN, DEFAULT_MEMORY
from pipeline.stages.wave import asked_wave, write_wave
from pipeline.table import Row, RowError, add_columns, read_table, rows_of
from rtl.design import Design as DesignSource
from rtl.generate import generate
from sim.build import Datapath
from sim.design import Design
from sim.memory import MemorySettings
from sim.progress import Progress
from sim.runner import Request, simulate
from sim.task import Driver, Record, Task

DESIGNS = ROOT / "results" / "rtl"
"""Folder of generated designs, one a design and hardware."""

ESTIMATED = "sim.energy_estimated"
"""Column that is there, and true, where a design does not count all words: its energy is the machine's estimate."""

CACHED = "sim.energy_cached_uj"
"""Energy with the caches of ``soc`` priced apart, beside the published rule's, by which all bytes come from DRAM."""

FAILED: dict[str, Any] = dict.fromkeys(("sim.cycles", "sim.energy_uj", "sim.edp"), float("nan"))
"""Results of a row that could not be simulated; they are there even when no row could."""


def simulate_table(
    table: pd.DataFrame,
    *,
    design: str,
    datapath: Datapath,
    memory: Memory,
    driver: Driver,
    jobs: int,
    dim_rule: DimRule,
    partial_sums: PartialSums,
    work_dir: Path,
    settings: MemorySettings | None = None,
) -> pd.DataFrame:
    """``table`` with ``sim.*`` columns and ``error``; rows that cannot be simulated say why.

    Finished simulations are kept in ``work_dir`` and not run again. ``settings`` replaces those of ``memory``.
    """
    made = requests(
        table,
        design=design,
        datapath=datapath,
        memory=memory,
        dim_rule=dim_rule,
        partial_sums=partial_sums,
        settings=settings,
    )
    return measure(table, made, driver=driver, jobs=jobs, work_dir=work_dir)


def requests(
    table: pd.DataFrame,
    *,
    design: str,
    datapath: Datapath,
    memory: Memory,
    dim_rule: DimRule,
    partial_sums: PartialSums,
    settings: MemorySettings | None = None,
) -> list[Request | RowError]:
    """What is to be simulated for every row of ``table``, or why it cannot be."""
    if datapath == "full" and partial_sums == "drop":
        raise ValueError("--partial-sums drop needs --datapath timing: the results would be wrong")
    source = DesignSource.read(design)
    machine = MachineChoice(source.machine, memory, partial_sums).find()
    rows = fitting(rows_of(table, machine.template, dim_rule), machine)
    designs = {row.hardware: generated(source, row.hardware) for row in rows if isinstance(row, Row)}
    memory_settings = settings or MemorySettings.of(memory)
    made: list[Request | RowError] = []
    for row in rows:
        if isinstance(row, RowError):
            made.append(row)
            continue
        target = designs[row.hardware]
        if isinstance(target, RowError):
            made.append(target)
            continue
        task = Task(row.mapping, row.hardware, datapath, memory_settings, partial_sums, compiler=target.compiler)
        made.append(Request(target, task))
    return made


def measure(
    table: pd.DataFrame, made: list[Request | RowError], *, driver: Driver, jobs: int, work_dir: Path
) -> pd.DataFrame:
    """``table`` with the results of its rows' requests; finished simulations are kept in ``work_dir``."""
    wanted = [item for item in made if isinstance(item, Request)]
    records = iter(simulate(wanted, driver, work_dir.resolve() / "journal", jobs, Progress(sys.stderr)))
    results = [
        FAILED | {"error": item.message} if isinstance(item, RowError) else _columns(next(records), item)
        for item in made
    ]
    return add_columns(table, results)


def as_synthesised(request: Request, design: str) -> Request:
    """The same task on the form of ``design`` that is synthesised: registers have the same names."""
    folder = generate(request.task.hardware, DESIGNS, design=design, as_synthesised=True)
    return replace(request, design=Design.load(folder))


def counted_energy_uj(counters: dict[str, int], hardware: Hardware) -> float:
    """Energy in microjoule of the words that the RTL counted."""
    return float(counted_energy(counters, hardware).total.item())


def counted_energy(counters: dict[str, int], hardware: Hardware) -> LevelEnergy:
    """Energy by level of the words that the RTL counted [1]; each multiply-accumulate reads one weight register."""

    def words(*names: str) -> torch.Tensor:
        return torch.tensor([float(sum(counters[name] for name in names))], dtype=torch.float64)

    moved = Words(
        macs=words("macs"),
        register=words("macs", "weight_write_words"),
        accumulator=words("accumulator_read_words", "accumulator_write_words"),
        scratchpad=words("scratchpad_read_words", "scratchpad_write_words"),
        dram=words("dram_read_bytes", "dram_write_bytes"),
    )
    return machine_of(hardware.template.name).energy(moved, HardwareTensors.stack([hardware]))


def estimated_energy(mapping: Mapping, hardware: Hardware) -> LevelEnergy:
    """Energy by level of the words that the machine says a mapping moves, where the design does not count them."""
    machine = machine_of(hardware.template.name)
    sizes = HardwareTensors.stack([hardware])
    with torch.no_grad():
        words = machine.words(LayerTensors.stack([mapping.layer]), MappingTensors.stack([mapping]), sizes)
        return machine.energy(words, sizes)


def generated(source: DesignSource, hardware: Hardware) -> Design | RowError:
    """The generated design, or why there is none."""
    try:
        return Design.load(generate(hardware, DESIGNS, design=str(source.folder)))
    except ValueError as error:
        return RowError(str(error))


def _columns(record: Record, request: Request) -> dict[str, Any]:
    if record.error:
        return FAILED | {"error": record.error, "sim.rtl_digest": request.design.rtl_digest}
    counters = {name: record.counters[name] for name in COUNTERS if name in record.counters}
    try:
        measured = Measurement(record.key, request.design.rtl_digest, record.cycles, counters)
    except ValueError as error:  # of this row; the others are as good as before
        return FAILED | {"error": str(error), "sim.rtl_digest": request.design.rtl_digest}
    is_counted = all(name in counters for name in WORD_COUNTERS)
    mapping, hardware = request.task.mapping, request.task.hardware
    energy = counted_energy(counters, hardware) if is_counted else estimated_energy(mapping, hardware)
    energy_uj = float(energy.total.item())
    columns = {"sim.cycles": measured.cycles, "sim.energy_uj": energy_uj, "sim.edp": measured.cycles * energy_uj}
    columns |= {} if is_counted else {ESTIMATED: True}
    columns |= {f"sim.{name}": value for name, value in (counters | record.caches).items()}
    if record.caches and is_counted:
        on_chip = energy_uj - float(energy.dram.item())
        columns[CACHED] = on_chip + below_bus_uj(
            counters["dram_read_bytes"] + counters["dram_write_bytes"], record.caches
        )
    return columns | {"sim.rtl_digest": measured.rtl_digest, "error": ""}


def main(
    in_table: InTable,
    out_table: OutTable,
    design: Annotated[
        str, typer.Option(help="A design by name, or its folder.", metavar="NAME|FOLDER")
    ] = DEFAULT_DESIGN,
    datapath: Annotated[Datapath, typer.Option(help="Full datapath, or control and timing only.")] = "timing",
    memory: Annotated[Memory, typer.Option(help="Memory below the bus.")] = DEFAULT_MEMORY,
    driver: Annotated[Driver, typer.Option(help="What drives the simulation.")] = "cocotb",
    dim: DimOption = "from-table",
    partial_sums: SumsOption = "spill",
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Simulators that run at once.")] = 1,
    wave: Annotated[
        str | None,
        typer.Option(
            metavar="ROW:FILE",
            help="Write a waveform of a row (the first is 1): .fst, .vcd, or .saif.",
        ),
    ] = None,
    wave_cycles: Annotated[int, typer.Option(min=1, max=10**9, help="Most cycles of the waveform.")] = 100_000,
    work_dir: Annotated[
        Path | None, typer.Option(help="Folder of the journal; several tables may share one. Default: beside OUT.")
    ] = None,
) -> None:
    """Count cycles, words and energy of every row on the RTL.

    Finished rows are kept in a journal: an interrupted run continues where it stopped.
    """
    work_dir = work_dir or out_table.parent / f".{out_table.name}.work"
    check_out_table(out_table, in_table)
    table = read_table(in_table)
    check_out_folder(work_dir)
    asked = None if wave is None else asked_wave(wave, len(table), in_table, out_table)
    if asked is not None and asked.path.suffix == ".saif" and datapath == "timing":
        raise ValueError(f"--wave {wave}: how often bits change is known of the full build alone: --datapath full")
    made = requests(table, design=design, datapath=datapath, memory=memory, dim_rule=dim, partial_sums=partial_sums)
    result = measure(table, made, driver=driver, jobs=jobs, work_dir=work_dir)
    finish(result, out_table)
    if asked is not None:
        row = made[asked.row - 1]
        if asked.path.suffix == ".saif" and isinstance(row, Request):
            row = as_synthesised(row, design)
        write_wave(asked, row, result, wave_cycles)


if __name__ == "__main__":
    run(main)
