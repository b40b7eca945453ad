"""The learned model on our own RTL: held-out shapes and hardware, then rounds of search, simulation and refitting."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from benches.common import Cell
from learned import model
from learned.acquire import best_predicted, group_best, most_uncertain
from learned.data import Samples, read_samples
from learned.evaluate import HeldOut, cross_validate, predict, scores, top1_regret
from learned.model import Metadata
from pipeline.files import ROOT
from pipeline.hardware import Hardware, HardwareTensors, check_fits
from pipeline.mapping import LayerTensors, Mapping, MappingTensors
from pipeline.model.analytical import AnalyticalModel
from pipeline.model.protocol import LatencyModel
from pipeline.search.tiler import default_mapping
from pipeline.stages.draws import constructive_mappings, crop, random_mappings
from pipeline.stages.simulate import simulate_table
from pipeline.table import Row, columns_of, rows_of
from pipeline.workload import Layer, load_workload

Record = dict[str, Cell]
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


@dataclass(frozen=True, slots=True)
class Problem:
    """One layer on one hardware."""

    layer: Layer
    hardware: Hardware


def rows(seed: int) -> list[Record]:
    """Everything measured on our RTL."""
    generator = torch.Generator().manual_seed(seed)
    table = simulated([row for point in POINTS for row in first_rows(Hardware(*point), generator)])
    result = held_out(table, seed)
    for number in range(1, ROUNDS + 1):
        found, record = loop_round(table, number, generator, seed)
        table = pd.concat([table, found], ignore_index=True)
        result += record
    return result


def first_rows(hardware: Hardware, generator: torch.Generator) -> list[Row]:
    """Random, constructive and tiled mappings of layers of all workloads, each of at most ``MOST_CYCLES``."""
    layers = layers_for(hardware, generator)
    repeated = layers * (8 * RANDOM // len(layers) + 1)
    tiled = []
    for layer in layers:
        try:
            mapping = default_mapping(layer, hardware)
            check_fits(mapping, hardware)
        except ValueError:
            continue  # the tiler has no answer for every small memory
        tiled.append(mapping)
    drawn = (
        (random_mappings(repeated, hardware, generator), RANDOM),
        (constructive_mappings(repeated, hardware, generator), CONSTRUCTIVE),
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
    cycles = predict(AnalyticalModel("rtl"), stacked(unique, hardware)).cycles
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


def simulated(measure: Sequence[Row]) -> pd.DataFrame:
    """``measure`` simulated on the RTL; rows measured in an earlier run come from its journal."""
    table = simulate_table(
        columns_of(measure),
        design="gemmini",
        datapath="timing",
        memory="simple",
        driver="cocotb",
        jobs=1,
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
    return model.fit(samples, Metadata("default", "rtl", "spill", "from-table", seed))


def held_out(table: pd.DataFrame, seed: int) -> list[Record]:
    """Accuracy on shapes, and on hardware, that the model did not see."""
    samples, _ = read_samples(table, "sim.cycles", "rtl")
    result = []
    for name, groups in (("shapes", samples.shape_group), ("hardware", samples.hardware_group)):
        for kind in ("analytical", "default"):

            def fit(part: Samples, kind: str = kind) -> LatencyModel:
                return AnalyticalModel("rtl") if kind == "analytical" else fitted(part, seed)

            values = scores(cross_validate(samples, groups, fit, seed), samples)
            result.append({"test": f"our RTL, held-out {name}", "model": kind, "rows": len(samples)} | values)
    return result


def loop_round(
    table: pd.DataFrame, number: int, generator: torch.Generator, seed: int
) -> tuple[pd.DataFrame, list[Record]]:
    """Fit, choose among candidates, simulate what is chosen; how good the predictions and the choice were."""
    learned = fitted(read_samples(table, "sim.cycles", "rtl")[0], seed)
    chosen = [row for point in POINTS for row in choose(learned, Hardware(*point), generator)]
    found = simulated(chosen)
    samples, _ = read_samples(found, "sim.cycles", "rtl")
    groups = problem_groups(found)
    records = []
    for name, judge in (("analytical", AnalyticalModel("rtl")), ("default", learned)):
        latency = predict(judge, samples)
        values = scores(HeldOut(latency.cycles, latency.cycles_std), samples)
        values["top1_regret"] = top1_regret(latency.cycles, samples.cycles, groups)
        record: Record = {"test": f"our RTL, found in round {number}", "model": name, "rows": len(samples)}
        records.append(record | values)
    return found, records


def choose(learned: LatencyModel, hardware: Hardware, generator: torch.Generator) -> list[Row]:
    """The best predicted and the least known promising candidates of ``LAYERS`` layers."""
    mappings: list[Mapping] = []
    groups: list[int] = []
    for group, layer in enumerate(layers_for(hardware, generator)[:LAYERS]):
        half = [layer] * (CANDIDATES // 2)
        drawn = random_mappings(half, hardware, generator) + constructive_mappings(half, hardware, generator)
        kept = short(drawn, hardware) if drawn else []
        mappings += kept
        groups += [group] * len(kept)
    numbers = torch.tensor(groups)
    latency = predict(learned, stacked(mappings, hardware))
    best = best_predicted(latency.cycles, numbers, FOUND)
    unsure = most_uncertain(latency, PROMISING * group_best(latency.cycles, numbers), UNCERTAIN * LAYERS)
    return [Row(mappings[index], hardware) for index in dict.fromkeys(best.tolist() + unsure.tolist())]


def problem_groups(table: pd.DataFrame) -> torch.Tensor:
    """Number of the layer and hardware of each row."""
    seen: dict[Problem, int] = {}
    problems = [Problem(row.mapping.layer, row.hardware) for row in rows_of(table, "rtl") if isinstance(row, Row)]
    return torch.tensor([seen.setdefault(problem, len(seen)) for problem in problems])
