"""``simulate --wave``: a waveform of one row of the table."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import typer

from pipeline.files import check_out
from pipeline.table import RowError
from sim.build import BuildError
from sim.runner import Request
from sim.waveform.recorder import check_headers, format_of, record_wave


@dataclass(frozen=True, slots=True)
class AskedWave:
    """A waveform that the command line asks for."""

    row: int
    """Row of the table, the first is 1."""
    path: Path


def asked_wave(text: str, rows: int, *files: Path) -> AskedWave:
    """The waveform that ``ROW:FILE`` asks for, of a table of ``rows``.

    Raises ValueError that names what is wrong with it, or MissingToolError, before anything is simulated.
    """
    number, colon, name = text.partition(":")
    if not (colon and name and number.isascii() and number.isdecimal()):
        raise ValueError(f"--wave {text}: expected ROW:FILE such as 1:row.fst")
    if not 1 <= int(number) <= rows:
        raise ValueError(f"--wave {text}: the table has rows 1 to {rows}")
    path = Path(name)
    form = format_of(path)
    check_out(path, *files)
    check_headers(form)
    return AskedWave(int(number), path)


def write_wave(asked: AskedWave, made: Request | RowError, result: pd.DataFrame, cycles: int) -> None:
    """Run a row again on a waveform build, write at most ``cycles`` of it and say what was written.

    Raises ValueError when there is nothing to run, or when the waveform's run differs from what was measured.
    """
    if isinstance(made, RowError):
        raise ValueError(f"--wave: row {asked.row} cannot be simulated: {made.message}")
    try:
        wave = record_wave(made.design, made.task, asked.path, cycles=cycles)
    except BuildError as error:
        raise ValueError(f"--wave: {error}") from error
    measured = result.iloc[asked.row - 1]
    if wave.record is None:
        size = f"the first {wave.cycles} cycles"
    elif wave.record.error:
        size = f"{wave.cycles} cycles, up to: {wave.record.error}"
    elif wave.record.cycles != measured["sim.cycles"]:
        raise ValueError(f"{asked.path}: took {wave.record.cycles} cycles, {measured['sim.cycles']:g} were measured")
    else:
        size = f"all {wave.record.cycles} cycles"
    typer.echo(f"{asked.path}: {size} of row {asked.row}, two time units each")
