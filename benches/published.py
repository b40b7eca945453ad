"""Designs that DOSA's own optimiser found, beside ours, on one simulated machine: ``make bench-published``.

The published hardware and mappings (found with three latency models, DIM 16) run on this RTL as they are; where a tile
takes more here than its designers counted (rows are padded to the array), the memory grows to just hold it. Ours are
the designs of the default search with the machine's own latency. Both are simulated on the same memory and pay the
same energy a word. ``QUICK=1``: BERT on ``simple``. U-Net in full size takes most of the hour.
"""

import math

import pandas as pd

from benches.common import Cell, quick, simulated, write
from pipeline.choices import MEMORIES, Memory
from pipeline.files import reference_file
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.capacity import SLACK
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import Machine, machine_of
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.stages.entry import guarded
from pipeline.stages.reference import tiled_table
from pipeline.stages.search import run_search
from pipeline.stages.totals import totals
from pipeline.table import Row, columns_of, read_table, rows_of
from pipeline.workload import load_workload

WORKLOADS = ("bert",) if quick() else ("bert", "resnet50", "retinanet", "unet")
BELOW: tuple[Memory, ...] = ("simple",) if quick() else MEMORIES
SEEDS = (0,) if quick() else (0, 1, 2)
EVALUATIONS = 300 if quick() else 3000
DIM = 16
ROW_GRAIN = 4
"""Memories are built in multiples of so many rows."""


def enlarged(rows: list[Row], machine: Machine) -> list[Row]:
    """``rows`` of one design on its hardware, with memories that just hold the largest tile where it has less."""
    asked = rows[0].hardware
    layers = LayerTensors.stack([row.mapping.layer for row in rows])
    need = machine.footprint_kib(
        layers, MappingTensors.stack([row.mapping for row in rows]), HardwareTensors.stack([asked]).dim
    )
    sizes = []
    for memory in machine.template.memories:
        grain = ROW_GRAIN * memory.row_bytes(asked.dim) / 1024
        largest = float(need[memory.size].max()) / SLACK
        sizes.append(math.ceil(max(asked[memory.size], largest) / grain) * grain)
    hardware = machine.template.hardware(asked.dim, *sizes)
    return [Row(row.mapping, hardware) for row in rows]


def published(table: pd.DataFrame, workload: str, machine: Machine) -> dict[str, tuple[pd.DataFrame, Hardware]]:
    """The published designs of a network by the latency model that found them, with their hardware as published."""
    designs = {}
    for model, part in table[table["workload"] == workload].groupby("found_with", sort=False):
        rows = [row for row in rows_of(part, machine.template) if isinstance(row, Row)]
        if len(rows) != len(part):
            raise ValueError(f"{len(part) - len(rows)} published rows of {workload}, {model} cannot be read")
        columns = columns_of(enlarged(rows, machine), list(part["layer.name"]), list(part["layer.count"]))
        designs[f"published, {model}"] = (columns, rows[0].hardware)
    return designs


def searched(workload: str, machine: Machine, seed: int) -> pd.DataFrame:
    """The design that one search finds with the machine's own latency."""
    return run_search(
        load_workload(workload),
        method="gradient",
        evaluations=EVALUATIONS,
        model=AnalyticalModel(machine),
        seed=seed,
        fix_dim=DIM,
    ).table()


def compare(table: pd.DataFrame, workload: str, memory: Memory) -> list[dict[str, Cell]]:
    """The rows of one network on one memory: the default, the published designs, ours."""
    machine = machine_of("gemmini", memory)
    default = machine.default_hardware
    designs = {"default hardware, default tiler": (tiled_table(load_workload(workload), machine, default), default)}
    designs |= published(table, workload, machine)
    for seed in SEEDS:
        mapped = searched(workload, machine, seed)
        designs[f"ours, seed {seed}"] = (mapped, _hardware(mapped, machine))
    costs = {
        name: totals(simulated(mapped, design="gemmini", memory=memory, name="published"))
        for name, (mapped, _) in designs.items()
    }
    ours = [costs[name][2] for name in costs if name.startswith("ours")]
    mean = math.exp(sum(map(math.log, ours)) / len(ours))
    return [
        {
            "workload": workload,
            "memory": memory,
            "design": name,
            "edp": costs[name][2],
            "edp_over_ours": costs[name][2] / mean,
            "cycles": costs[name][0],
            "energy_uj": costs[name][1],
            "hardware": _hardware(mapped, machine).id,
            "area_mm2": float(machine.area_mm2(HardwareTensors.stack([_hardware(mapped, machine)]))),
            "as_published": asked.id,
        }
        for name, (mapped, asked) in designs.items()
    ]


def _hardware(mapped: pd.DataFrame, machine: Machine) -> Hardware:
    return next(row.hardware for row in rows_of(mapped.head(1), machine.template) if isinstance(row, Row))


def main() -> None:
    """Simulate, print and write; every network's rows are shown when they are there."""
    table = read_table(reference_file("dosa_designs.csv.gz"))
    rows: list[dict[str, Cell]] = []
    for workload in WORKLOADS:
        for memory in BELOW:
            rows += compare(table, workload, memory)
        write("published", rows, seeds=SEEDS)


if __name__ == "__main__":
    guarded(main)
