"""Choose the mappings that one hardware point measures for training.

Layers are those of the workloads, cropped to what is affordable. Mappings are drawn at random, built to fill the
memories, and searched with the analytical model, because a model trained on random mappings alone misjudges those
that a search finds. Among random and constructive ones the choice is even over layer kind and predicted efficiency.
"""

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
import typer

from pipeline.files import digest
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.capacity import check_fits
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import Machine
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.stages import command
from pipeline.stages.draws import constructive_mappings, crop, random_mappings
from pipeline.stages.entry import run
from pipeline.stages.machines import DesignOption, MemoryOption, machine_choice
from pipeline.stages.search import run_search
from pipeline.table import Row, columns_of, read_table, rows_of, write_table
from pipeline.workload import Layer, Workload, WorkloadLayer, load_workload

OVERSAMPLING = 12
"""Candidates drawn for each mapping that is kept."""

EFFICIENCY_BINS = (0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8)
"""Borders between classes of predicted array utilisation."""


def sample_table(
    workloads: Sequence[Workload],
    hardware: Hardware,
    machine: Machine,
    *,
    points: int,
    max_cycles: int,
    random: float,
    constructive: float,
    evaluations: int,
    seed: int,
) -> pd.DataFrame:
    """``points`` mappings on ``hardware`` as a table with ``layer.name`` and ``sample.origin``.

    ``random`` and ``constructive`` are shares, the rest is searched with ``evaluations`` evaluations.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = affordable_layers(workloads, hardware, max_cycles)
    counts = {"random": round(points * random), "constructive": round(points * constructive)}
    counts["searched"] = points - sum(counts.values())
    chosen: dict[str, list[Mapping]] = {}
    chosen["searched"] = _searched(
        layers, hardware, machine, counts["searched"], max_cycles, evaluations, seed, generator
    )
    counts["constructive"] += counts["searched"] - len(chosen["searched"])
    for origin in ("constructive", "random"):
        taken = {(mapping.layer, str(mapping)) for mappings in chosen.values() for mapping in mappings}
        chosen[origin] = _stratified(origin, layers, hardware, machine, counts[origin], max_cycles, generator, taken)
    rows = [(origin, mapping) for origin, mappings in chosen.items() for mapping in mappings]
    if not rows:
        raise ValueError(f"no mapping on {hardware.id} takes at most {max_cycles} cycles; raise sampling.max_cycles")
    names = {layer: name for name, layer in layers}
    table = columns_of([Row(mapping, hardware) for _, mapping in rows], [names[mapping.layer] for _, mapping in rows])
    table["sample.origin"] = [origin for origin, _ in rows]
    return table


def affordable_layers(workloads: Sequence[Workload], hardware: Hardware, max_cycles: int) -> list[tuple[str, Layer]]:
    """Unique layers as (workload/name, layer), cropped so that a good mapping stays well below ``max_cycles``."""
    limit_macs = max_cycles * hardware.dim**2 // 4
    found: dict[Layer, str] = {}
    for workload in workloads:
        for entry in workload.layers:
            found.setdefault(crop(entry.layer, limit_macs), f"{workload.name}/{entry.name}")
    return [(name, layer) for layer, name in found.items()]


def predicted_cycles(mappings: Sequence[Mapping], hardware: Hardware, machine: Machine) -> list[float]:
    """Cycles of the analytical model."""
    if not mappings:
        return []
    layers = LayerTensors.stack([mapping.layer for mapping in mappings])
    sizes = HardwareTensors.stack([hardware] * len(mappings))
    with torch.no_grad():
        cycles: list[float] = machine.latency(layers, MappingTensors.stack(mappings), sizes).tolist()
    return cycles


def _stratified(
    origin: str,
    layers: Sequence[tuple[str, Layer]],
    hardware: Hardware,
    machine: Machine,
    count: int,
    max_cycles: int,
    generator: torch.Generator,
    taken: set[tuple[Layer, str]],
) -> list[Mapping]:
    """``count`` mappings of an origin, none of them in ``taken``, even over layer kind and predicted efficiency."""
    draw = random_mappings if origin == "random" else constructive_mappings
    picks = torch.randint(len(layers), (OVERSAMPLING * count,), generator=generator).tolist()
    candidates = draw([layers[pick][1] for pick in picks], hardware, machine, generator) if count else []
    if origin == "constructive":
        candidates += _tiled(layers, hardware, machine)
    strata: dict[tuple[str, int], list[Mapping]] = defaultdict(list)
    seen = set(taken)
    for mapping, cycles in zip(candidates, predicted_cycles(candidates, hardware, machine), strict=True):
        key = (mapping.layer, str(mapping))
        if cycles <= max_cycles and key not in seen:
            seen.add(key)
            strata[kind(mapping.layer), _efficiency_class(mapping, cycles, hardware)].append(mapping)
    return _round_robin(list(strata.values()), count, generator)


def kind(layer: Layer) -> str:
    """Kind of a layer for an even choice."""
    if layer.is_matmul:
        return "matmul"
    if max(layer.stride_w, layer.stride_h) > 1:
        return "strided"
    return "pointwise" if layer.R == layer.S == 1 else "convolution"


def _efficiency_class(mapping: Mapping, cycles: float, hardware: Hardware) -> int:
    utilisation = mapping.layer.macs / (cycles * hardware.dim**2)
    return sum(utilisation > border for border in EFFICIENCY_BINS)


def _round_robin(strata: list[list[Mapping]], count: int, generator: torch.Generator) -> list[Mapping]:
    """``count`` mappings, taken from the strata in turn; fewer where there are no more."""
    queues = [[stratum[i] for i in torch.randperm(len(stratum), generator=generator).tolist()] for stratum in strata]
    chosen: list[Mapping] = []
    while len(chosen) < count and any(queues):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(queue.pop())
    return chosen


def _tiled(layers: Sequence[tuple[str, Layer]], hardware: Hardware, machine: Machine) -> list[Mapping]:
    """The default tiler's mappings that fit."""
    result = []
    for _, layer in layers:
        try:
            mapping = machine.default_mapping(layer, hardware)
            check_fits(mapping, hardware, machine)
        except ValueError:
            continue
        result.append(mapping)
    return result


def _searched(
    layers: Sequence[tuple[str, Layer]],
    hardware: Hardware,
    machine: Machine,
    count: int,
    max_cycles: int,
    evaluations: int,
    seed: int,
    generator: torch.Generator,
) -> list[Mapping]:
    """Best mappings of random layers on ``hardware`` by the analytical model; fewer when the layers run out."""
    picks = torch.randperm(len(layers), generator=generator).tolist()[:count]
    if not picks:
        return []
    entries = tuple(WorkloadLayer(layers[pick][0], layers[pick][1], 1) for pick in sorted(picks))
    with tempfile.TemporaryDirectory() as folder:
        run_search(
            Workload("sample", "layers of the study", entries),
            method="gradient",
            evaluations=evaluations,
            model=AnalyticalModel(machine),
            seed=seed,
            out=Path(folder) / "search",
            fix_hardware=hardware,
        )
        rows = rows_of(read_table(Path(folder) / "search" / "mappings.csv"), machine.template)
    mappings = [row.mapping for row in rows if isinstance(row, Row)]
    cycles = predicted_cycles(mappings, hardware, machine)
    return [mapping for mapping, takes in zip(mappings, cycles, strict=True) if takes <= max_cycles]


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Table to write.")],
    workloads: Annotated[list[str], typer.Argument(metavar="WORKLOAD...", help="Names or files.")],
    hardware: Annotated[str, typer.Option(metavar="DIM,SPAD_KIB,ACC_KIB", help="The hardware point.")],
    points: Annotated[int, typer.Option(help="Mappings to choose.")],
    max_cycles: Annotated[int, typer.Option(help="Largest predicted cycles.")],
    random: Annotated[float, typer.Option(help="Share of random mappings.")],
    constructive: Annotated[float, typer.Option(help="Share of constructive mappings.")],
    evaluations: Annotated[int, typer.Option(help="Evaluations for the searched rest.")],
    seed: Annotated[int, typer.Option(help="Seed of the study.")],
    shard: Annotated[int, typer.Option(help="Other shards draw other mappings.")] = 0,
    design: DesignOption = None,
    memory: MemoryOption = None,
) -> None:
    """Choose mappings to measure on one hardware point."""
    machine = machine_choice(design=design, memory=memory).find()
    point = command.hardware(hardware, machine.template)
    table = sample_table(
        [load_workload(name) for name in workloads],
        point,
        machine,
        points=points,
        max_cycles=max_cycles,
        random=random,
        constructive=constructive,
        evaluations=evaluations,
        seed=int(digest(seed, shard, point.id)[:7], 16),
    )
    write_table(table, out)
    origins = table["sample.origin"].value_counts()
    command.say("sample", [f"{len(table)} mappings on {point.id}", *(f"{n} {origin}" for origin, n in origins.items())])


if __name__ == "__main__":
    run(main)
