"""Choose what to simulate after a search.

These are the designs found; the default tiler's mappings on the same hardware, since the search may have missed
them; and mappings about as fast as those found of which the model is least sure, since they teach it most.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
import typer

from learned.acquire import most_uncertain
from pipeline.files import digest
from pipeline.hardware import Hardware
from pipeline.machine.capacity import check_fits
from pipeline.machine.latency import Latency, LatencyModel
from pipeline.machine.machine import Machine
from pipeline.stages import command
from pipeline.stages.draws import constructive_mappings
from pipeline.stages.entry import run
from pipeline.stages.estimate import estimate_table
from pipeline.stages.machines import DesignOption, MemoryOption
from pipeline.stages.models import model_asked
from pipeline.stages.totals import NETWORK
from pipeline.table import Row, columns_of, read_table, rows_of, write_table
from pipeline.workload import Layer

DRAWS = 40
"""Mappings drawn for each one that is chosen."""

PROMISING = 1.5
"""Predicted cycles, relative to the found mapping of the layer, up to which a mapping is worth measuring."""


def select_table(
    found: Sequence[pd.DataFrame], *, model: LatencyModel, tiled: bool, uncertain: int, max_cycles: int, seed: int
) -> pd.DataFrame:
    """What to simulate: ``found`` designs (each with ``candidate``), tiled mappings, ``uncertain`` uncertain ones."""
    designs = pd.concat(found, ignore_index=True).assign(**{"sample.origin": "found"})
    designs = estimate_table(designs, model=model)
    parts = [designs]
    machine = model.machine
    by_hardware = {_hardware(table, machine): table for table in found}
    if tiled:
        parts += [_tiled(table, hardware, machine) for hardware, table in by_hardware.items()]
    share, rest = divmod(uncertain, len(by_hardware))
    for index, (hardware, table) in enumerate(by_hardware.items()):
        count = share + (index < rest)
        if count:
            best = designs[designs["candidate"] == table["candidate"].iloc[0]]
            parts.append(_uncertain(best, hardware, model, count, max_cycles, seed + index))
    table = pd.concat([estimate_table(_inputs(part), model=model) for part in parts if len(part)], ignore_index=True)
    of_layer = designs.drop_duplicates("layer.name").set_index("layer.name")
    networks = {column: table["layer.name"].map(of_layer[column]) for column in NETWORK}
    return table.drop(columns="error").assign(**networks)


def _inputs(table: pd.DataFrame) -> pd.DataFrame:
    return table[[column for column in table.columns if not column.startswith("pred.") and column != "error"]]


def _hardware(table: pd.DataFrame, machine: Machine) -> Hardware:
    rows = rows_of(table.head(1), machine.template)
    if not isinstance(rows[0], Row):
        raise ValueError(f"candidate {table['candidate'].iloc[0]}: {rows[0].message}")
    return rows[0].hardware


def _layers(table: pd.DataFrame, machine: Machine) -> list[tuple[str, int, Layer]]:
    rows = rows_of(table, machine.template)
    named = zip(table["layer.name"], table["layer.count"], rows, strict=True)
    return [(str(name), int(count), row.mapping.layer) for name, count, row in named if isinstance(row, Row)]


def _tiled(table: pd.DataFrame, hardware: Hardware, machine: Machine) -> pd.DataFrame:
    rows, names, counts = [], [], []
    for name, count, layer in _layers(table, machine):
        try:
            mapping = machine.default_mapping(layer, hardware)
            check_fits(mapping, hardware, machine)
        except ValueError:
            continue  # the tiler has no answer for every small memory
        rows.append(Row(mapping, hardware))
        names.append(name)
        counts.append(count)
    if not rows:
        return pd.DataFrame()
    return columns_of(rows, names, counts).assign(candidate="tiled", **{"sample.origin": "tiled"})


def _uncertain(
    found: pd.DataFrame, hardware: Hardware, model: LatencyModel, count: int, max_cycles: int, seed: int
) -> pd.DataFrame:
    layers = _layers(found, model.machine)
    generator = torch.Generator().manual_seed(seed)
    picks = torch.randint(len(layers), (DRAWS * count,), generator=generator).tolist()
    drawn = constructive_mappings([layers[pick][2] for pick in picks], hardware, model.machine, generator)
    entries = {layer: (name, number) for name, number, layer in layers}
    names, counts = zip(*(entries[mapping.layer] for mapping in drawn), strict=True)
    table = columns_of([Row(mapping, hardware) for mapping in drawn], names, counts)
    table = estimate_table(table.drop_duplicates(["layer.name", "mapping.mapping"], ignore_index=True), model=model)
    limit = table["layer.name"].map(found.set_index("layer.name")["pred.cycles"] * PROMISING).clip(upper=max_cycles)
    deviation = _tensor(table["pred.cycles_std"]) if "pred.cycles_std" in table else None
    latency = Latency(_tensor(table["pred.cycles"]), deviation)
    chosen = table.iloc[most_uncertain(latency, _tensor(limit), count).tolist()]
    return chosen.assign(candidate="uncertain", **{"sample.origin": "uncertain"})


def _tensor(column: pd.Series) -> torch.Tensor:
    return torch.from_numpy(column.to_numpy("float64").copy())


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table to write.")],
    found: Annotated[list[Path], typer.Argument(metavar="FOUND...", help="mappings.csv of each search.")],
    workload: Annotated[str, typer.Option(help="Name of the workload, for the table.")],
    variant: Annotated[str, typer.Option(help="Name of the search variant, for the table.")],
    model: Annotated[str, typer.Option(help="The model that searched: 'analytical' or a file.")],
    uncertain: Annotated[int, typer.Option(help="Mappings of which the model is least sure.")],
    max_cycles: Annotated[int, typer.Option(help="Largest predicted cycles of an uncertain one.")],
    seed: Annotated[int, typer.Option(help="Seed of the study.")],
    design: DesignOption = None,
    memory: MemoryOption = None,
    tiled: Annotated[bool, typer.Option("--tiled", help="Also the default tiler's on the same hardware.")] = False,
) -> None:
    """Choose what to simulate after a search."""
    table = select_table(
        [read_table(path).assign(candidate=path.parent.name) for path in found],
        model=model_asked(model, None, design, memory),
        tiled=tiled,
        uncertain=uncertain,
        max_cycles=max_cycles,
        seed=int(digest(seed, variant, workload)[:7], 16),
    )
    write_table(table.assign(variant=variant, workload=workload), out)
    origins = table["sample.origin"].value_counts()
    command.say(f"select {variant}/{workload}", [f"{n} {origin}" for origin, n in origins.items()])


if __name__ == "__main__":
    run(main)
