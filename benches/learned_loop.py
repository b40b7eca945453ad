"""A small table of simulated mappings, in rounds of search, simulation and refitting: in place of a study's dataset."""

import os
from collections.abc import Sequence

import pandas as pd
import torch

from benches.common import GEMMINI
from learned import model
from learned.acquire import best_predicted, group_best, most_uncertain
from learned.data import Samples, read_samples
from learned.evaluate import predict
from learned.model import Metadata
from pipeline.files import ROOT
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.capacity import check_fits
from pipeline.machine.gemmini.tiler import default_mapping
from pipeline.machine.latency import AnalyticalModel, LatencyModel
from pipeline.machine.machine import MachineChoice
from pipeline.mapping import LayerTensors, Mapping, MappingTensors
from pipeline.stages.draws import constructive_mappings, crop, random_mappings
from pipeline.stages.simulate import simulate_table
from pipeline.table import Row, columns_of
from pipeline.workload import Layer, load_workload

WORK = ROOT / "results" / "bench" / "learned.work"
WORKLOADS = ("unet", "resnet50", "bert", "retinanet")
POINTS = ((4, 64.0, 16.0), (8, 128.0, 32.0), (16, 64.0, 32.0), (16, 256.0, 64.0), (32, 512.0, 128.0))
"""Hardware as DIM, scratchpad KiB, accumulator KiB."""

MOST_CYCLES = 1_000_000
RANDOM, CONSTRUCTIVE, TILED = 25, 25, 10
"""First rows a hardware point."""

ROUNDS = 3
LAYERS = 6
"""Layers a hardware point that are searched in each round."""
CANDIDATES = 300
"""Candidates a layer in each round, half of them random; the search is the best predicted of them."""
FOUND, UNCERTAIN = 2, 1
"""Candidates a layer that are simulated: the best predicted, and the least known among promising ones."""
PROMISING = 1.5


def small_table(seed: int) -> pd.DataFrame:
    """Rows as a study's dataset has them: first ones, then ``ROUNDS`` rounds of search, simulation and refitting."""
    generator = torch.Generator().manual_seed(seed)
    first = [row for point in POINTS for row in first_rows(GEMMINI.template.hardware(*point), generator)]
    table = simulated(columns_of(first).assign(round=0, **{"sample.origin": "first"}))
    for number in range(1, ROUNDS + 1):
        learned = fitted(read_samples(table, "sim.cycles", GEMMINI.template)[0], seed)
        chosen = pd.concat(
            [choose(learned, GEMMINI.template.hardware(*point), generator) for point in POINTS], ignore_index=True
        )
        table = pd.concat([table, simulated(chosen.assign(round=number))], ignore_index=True)
    return table


def first_rows(hardware: Hardware, generator: torch.Generator) -> list[Row]:
    """Random, constructive and tiled mappings of layers of all workloads, each of at most ``MOST_CYCLES``."""
    layers = layers_for(hardware, generator)
    repeated = layers * (8 * RANDOM // len(layers) + 1)
    tiled = []
    for layer in layers:
        try:
            mapping = default_mapping(layer, hardware)
            check_fits(mapping, hardware, GEMMINI)
        except ValueError:
            continue  # the tiler has no answer for every small memory
        tiled.append(mapping)
    drawn = (
        (random_mappings(repeated, hardware, GEMMINI, generator), RANDOM),
        (constructive_mappings(repeated, hardware, GEMMINI, generator), CONSTRUCTIVE),
        (tiled, TILED),
    )
    return [Row(mapping, hardware) for mappings, count in drawn for mapping in short(mappings, hardware)[:count]]


def layers_for(hardware: Hardware, generator: torch.Generator) -> list[Layer]:
    """Unique layers of all workloads in random order, cropped to what the array does in time."""
    layers = [entry.layer for name in WORKLOADS for entry in load_workload(name).layers]
    order = torch.randperm(len(layers), generator=generator).tolist()
    limit = int(0.4 * MOST_CYCLES * hardware.dim**2)
    return list(dict.fromkeys(crop(layers[index], limit) for index in order))


def short(mappings: Sequence[Mapping], hardware: Hardware) -> list[Mapping]:
    """Distinct mappings that should take at most ``MOST_CYCLES``."""
    unique = list(dict.fromkeys(mappings))
    cycles = predict(AnalyticalModel(GEMMINI), stacked(unique, hardware)).cycles
    return [mapping for mapping, value in zip(unique, cycles.tolist(), strict=True) if value <= MOST_CYCLES]


def stacked(mappings: Sequence[Mapping], hardware: Hardware) -> Samples:
    """``mappings`` as samples without measured cycles."""
    none = torch.zeros(len(mappings))
    return Samples(
        LayerTensors.stack([mapping.layer for mapping in mappings]),
        MappingTensors.stack(mappings),
        HardwareTensors.stack([hardware] * len(mappings)),
        none,
        none.long(),
        none.long(),
    )


def simulated(measure: pd.DataFrame) -> pd.DataFrame:
    """``measure`` simulated on the RTL; rows measured in an earlier run come from its journal."""
    table = simulate_table(
        measure,
        design="gemmini",
        datapath="timing",
        memory="simple",
        driver="inprocess",
        jobs=len(os.sched_getaffinity(0)),
        dim_rule="from-table",
        partial_sums="spill",
        work_dir=WORK,
    )
    failed = table[table["error"] != ""]
    if len(failed):
        print(f"learned: {len(failed)} rows were not simulated, the first: {failed['error'].iloc[0]}")
    return table[table["error"] == ""]


def fitted(samples: Samples, seed: int) -> LatencyModel:
    """The default model of ``samples``."""
    return model.fit(samples, Metadata("default", MachineChoice("gemmini", "simple"), "from-table", seed))


def choose(learned: LatencyModel, hardware: Hardware, generator: torch.Generator) -> pd.DataFrame:
    """The best predicted and the least known promising candidates of ``LAYERS`` layers, with ``sample.origin``."""
    mappings: list[Mapping] = []
    groups: list[int] = []
    for group, layer in enumerate(layers_for(hardware, generator)[:LAYERS]):
        half = [layer] * (CANDIDATES // 2)
        drawn = random_mappings(half, hardware, GEMMINI, generator)
        drawn += constructive_mappings(half, hardware, GEMMINI, generator)
        kept = short(drawn, hardware) if drawn else []
        mappings += kept
        groups += [group] * len(kept)
    numbers = torch.tensor(groups)
    latency = predict(learned, stacked(mappings, hardware))
    best = best_predicted(latency.cycles, numbers, FOUND)
    unsure = most_uncertain(latency, PROMISING * group_best(latency.cycles, numbers), UNCERTAIN * LAYERS)
    chosen = dict.fromkeys(unsure.tolist(), "uncertain") | dict.fromkeys(best.tolist(), "found")
    rows = [Row(mappings[index], hardware) for index in chosen]
    return columns_of(rows).assign(**{"sample.origin": list(chosen.values())})
