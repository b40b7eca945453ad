"""Area, critical path, leakage and energy of one design point by synthesis of its RTL, module by module."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.files import ROOT, check_out, write_json
from pipeline.hardware import Hardware
from pipeline.progress import Line
from pipeline.stages import command
from pipeline.stages.entry import run
from pipeline.stages.machines import DEFAULT_DESIGN, machine_choice
from pipeline.synthesis.activity import read_saif
from pipeline.synthesis.design import synthesise_design
from pipeline.synthesis.layout import with_layout_areas
from pipeline.synthesis.liberty import read_liberty
from pipeline.synthesis.memories import SOURCE
from pipeline.synthesis.netlist import Options
from pipeline.synthesis.power import DesignEnergy, Energy, PowerModel
from pipeline.synthesis.result import Synthesis
from pipeline.synthesis.tools import DEFAULT_NANOMETRES, STA_MISSING, check_yosys, find_sta, liberty_file
from pipeline.table import write_table
from rtl.design import Design

CACHE = ROOT / "results" / "synthesis" / "units"
_SHOWN = 12


def synthesize(
    design: str,
    hardware: Hardware,
    liberty: Path | None = None,
    nanometres: float | None = None,
    period_ns: float = 5.0,
    cache: Path = CACHE,
) -> Synthesis:
    """Synthesise ``design`` with the sizes of ``hardware``.

    Raises ValueError that says what to install when a tool is missing, RuntimeError with the first error of a tool.
    """
    check_yosys()
    if liberty is not None and nanometres is None:
        raise ValueError("--liberty needs --nanometres: memories are scaled to the feature size of its process")
    cells = read_liberty(with_layout_areas(liberty_file(liberty), cache.parent))
    options = Options(cells, period_ns, cache)
    source = Design.read(design)
    parameters = source.values(hardware) | source.file.synthesis
    nanometres = nanometres or DEFAULT_NANOMETRES
    progress = Line(sys.stderr)
    done = synthesise_design(
        source.sources, source.file.top, parameters, options, nanometres, lambda at: progress.show(f"synthesize: {at}")
    )
    progress.end("synthesize: done")
    return done


def module_table(result: Synthesis, energies: DesignEnergy | None = None) -> pd.DataFrame:
    """A row for each module, then for each kind of memory macro; areas are of all instances, without inner modules.

    With ``energies`` there are columns in picojoule a cycle, of all instances too.
    """
    table = pd.DataFrame([dataclasses.asdict(row) for row in result.modules()])
    table.insert(5, "share", table["area_mm2"] / table["area_mm2"].sum())
    if energies is None:
        return table
    by_module = energies.by_module(result)
    added = pd.DataFrame([dataclasses.asdict(by_module[name]) for name in table["module"]])
    return pd.concat([table, added], axis=1)


def summary(result: Synthesis, energies: DesignEnergy | None = None) -> dict[str, object]:
    """Totals of a design, and what they rest on."""
    rows = result.modules()
    logic = sum(row.area_mm2 for row in rows if not row.memory)
    path = result.whole
    return {
        "logic_mm2": logic,
        "memory_mm2": sum(row.area_mm2 for row in rows if row.memory),
        "cells": sum(row.cells for row in rows),
        "registers": sum(row.registers for row in rows),
        "leakage_uw": result.leakage_nw / 1000,
        "critical_ns": result.critical_ns,
        "critical_path": None if path is None else [path.start, path.end],
        "liberty": result.liberty.name,
        "nanometres": result.nanometres,
        "memories": SOURCE,
        **({} if energies is None else power(result, energies)),
    }


def power(result: Synthesis, energies: DesignEnergy) -> dict[str, float]:
    """What the simulated cycles take at the clock of the critical path, by kind; energies in picojoule a cycle."""
    assert result.critical_ns is not None
    ns = result.critical_ns
    each = sum(energies.by_module(result).values(), Energy())
    leakage_pj = result.leakage_nw * ns * 1e-6
    total_pj = each.total_pj + leakage_pj
    return {
        "cycles": energies.cycles,
        "clock_mhz": 1e3 / ns,
        "ms": energies.cycles * ns * 1e-6,
        "mw": total_pj / ns,
        "pj_per_cycle": total_pj,
        **dataclasses.asdict(each),
        "leakage_pj": leakage_pj,
        "known_activity": energies.known,
    }


def report(
    result: Synthesis, design: str, hardware: Hardware, energies: DesignEnergy | None = None
) -> dict[str, object]:
    """Everything as one JSON object: the design point, totals, modules, and the tree of instances for a map."""
    modules = module_table(result, energies)
    return {
        "design": design,
        "hardware": hardware.sizes,
        **summary(result, energies),
        "modules": modules.astype(object).where(modules.notna(), None).to_dict("records"),
        "hierarchy": result.hierarchy(),
    }


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table by module (.csv, .parquet), or all of it (.json).")],
    hardware: Annotated[str, typer.Option(metavar="DIM,SPAD_KIB,ACC_KIB", help="The design point.")],
    design: Annotated[
        str, typer.Option(metavar="NAME|FOLDER", help="A design by name, or its folder.")
    ] = DEFAULT_DESIGN,
    liberty: Annotated[
        Path | None, typer.Option(help="Standard cells; default: the 180 nm ones of qflow-tech-osu018.")
    ] = None,
    nanometres: Annotated[float | None, typer.Option(min=1, help="Feature size of the process of --liberty.")] = None,
    period_ns: Annotated[float, typer.Option(min=0.01, help="Clock period that the sizing of gates aims at.")] = 5.0,
    activity: Annotated[
        Path | None,
        typer.Option(metavar="FILE.saif", help="Energy too, of a simulation: simulate --wave ROW:FILE.saif."),
    ] = None,
) -> None:
    """Synthesise a design point: area, clock, energy.

    By module; with the activity of a simulation its energy too.
    """
    if activity is not None and not activity.is_file():
        raise ValueError(f"--activity {activity}: no such file")
    if activity is not None and find_sta() is None:
        raise ValueError(f"--activity: {STA_MISSING}")
    if out.suffix == ".json":
        check_out(out)
    else:
        command.check_out_table(out)
    point = command.hardware(hardware, machine_choice(design=design).find().template)
    result = synthesize(design, point, liberty, nanometres, period_ns)
    energies = None if activity is None else PowerModel.of(result).energy(read_saif(activity))
    if out.suffix == ".json":
        write_json(out, report(result, design, point, energies))
    else:
        write_table(module_table(result, energies), out)
    _say(result, out)
    if energies is not None:
        _say_power(power(result, energies))


def _say_power(found: dict[str, float]) -> None:
    kinds = ", ".join(
        f"{name} {100 * found[f'{name}_pj'] / found['pj_per_cycle']:.1f} %"
        for name in ("clock", "registers", "logic", "memory", "leakage")
    )
    typer.echo(
        f"{found['cycles']} cycles at {found['clock_mhz']:.1f} MHz: {found['ms']:.4g} ms, {found['mw']:.4g} mW, "
        f"{found['pj_per_cycle']:.5g} pJ a cycle ({kinds})"
    )


def _say(result: Synthesis, out: Path) -> None:
    for row in sorted(result.modules(), key=lambda row: -row.area_mm2)[:_SHOWN]:
        count = (
            f"{row.instances:>6} x {row.cells // max(1, row.instances):>7} cells"
            if not row.memory
            else f"{row.instances:>6} x {'memory':>13}"
        )
        typer.echo(f"{row.module:<28}{count} {row.area_mm2:>9.3f} mm2")
    total = summary(result)
    if result.whole is None:
        typer.echo(STA_MISSING, err=True)
    clock = f", critical path {total['critical_ns']:.2f} ns" if result.whole is not None else ""
    typer.echo(
        f"{out}: {result.nanometres:g} nm, logic {total['logic_mm2']:.2f} mm2, memories {total['memory_mm2']:.2f} mm2, "
        f"{total['registers']} flip-flops{clock}"
    )


if __name__ == "__main__":
    run(main)
