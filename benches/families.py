"""Families of accelerators beside each other: ``make bench-families`` (QUICK=1: BERT alone, fewer evaluations).

Every design has an array of DIM 16, thus as many multiply-accumulate units, and may take at most the area of the
default Gemmini. For each network and family: its default mapping on its default hardware, and the hardware and
mappings that a search finds with equal evaluations and the family's own latency. All of them are simulated on RTL with
the memory ``soc``. The rows say EDP, cycles, energy and where cycles go; ``results/bench/families.png`` shows them.

``DESIGNS`` takes other designs, names or folders separated by commas.
"""

import os
from pathlib import Path

import torch

from benches.common import FOLDER, Cell, quick, simulated, write
from benches.families_plot import plot_families
from pipeline.choices import Memory
from pipeline.files import ROOT
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import Machine, MachineChoice, machine_of
from pipeline.measurement import CYCLE_COUNTERS
from pipeline.search.result import SearchResult
from pipeline.stages.search import run_search
from pipeline.workload import load_workload
from rtl.design import Design

DIM = 16
MEMORY: Memory = "soc"
WORKLOADS = ("bert",) if quick() else ("unet_small", "resnet50", "bert", "retinanet")
EVALUATIONS = 400 if quick() else 2_000
SEED = 0
SHIPPED = "gemmini,output_stationary"
WORK = ROOT / "results" / "bench" / "families"


def area_of(machine: Machine, hardware: Hardware) -> float:
    """Area in mm2."""
    with torch.no_grad():
        return float(machine.area_mm2(HardwareTensors.stack([hardware])))


def measured(design: str, result: SearchResult) -> dict[str, Cell]:
    """Totals of a network on RTL: cycles, energy, EDP and shares of the cycles, counts of layers considered.

    Raises ValueError that names the first layer which could not be simulated.
    """
    found = simulated(result.table(), design=design, memory=MEMORY, name="families")
    sums = {name: float((found[f"sim.{name}"] * found["layer.count"]).sum()) for name in ("cycles", "energy_uj")}
    known = [name for name in CYCLE_COUNTERS if f"sim.{name}" in found]
    shares = {name: float((found[f"sim.{name}"] * found["layer.count"]).sum()) / sums["cycles"] for name in known}
    error = result.cycles / sums["cycles"] - 1
    return {"edp": sums["cycles"] * sums["energy_uj"], **sums, **shares, "predicted_over": error}


def family_rows(workload: str, designs: list[str], limit_mm2: float) -> list[dict[str, Cell]]:
    """Two rows for each design on one network."""
    rows: list[dict[str, Cell]] = []
    for design in designs:
        model = AnalyticalModel(MachineChoice(Design.read(design).machine, MEMORY).find())
        for method, limits in (("default", {}), ("gradient", {"fix_dim": DIM, "max_area_mm2": limit_mm2})):
            evaluations = 1 if method == "default" else EVALUATIONS
            result = run_search(
                load_workload(workload),
                method=method,
                evaluations=evaluations,
                model=model,
                seed=SEED,
                fix_dim=limits.get("fix_dim"),
                max_area_mm2=limits.get("max_area_mm2"),
            )
            found = measured(design, result)
            name = Path(design).name
            rows.append({"network": workload, "design": name, "mappings": method} | {"hardware": result.hardware.id}
                        | {"area_mm2": result.area_mm2} | found)  # fmt: skip
            print(f"families: {workload}, {name}, {method}: EDP {found['edp']:.4g}", flush=True)
    return rows


def main() -> None:
    """Compare the families and write table and plot."""
    designs = os.environ.get("DESIGNS", SHIPPED).split(",")
    gemmini = machine_of("gemmini", MEMORY)
    limit = area_of(gemmini, gemmini.default_hardware)
    rows = [row for name in WORKLOADS for row in family_rows(name, designs, limit)]
    first = {str(row["network"]): float(row["edp"] or 0) for row in reversed(rows) if row["mappings"] != "default"}
    for row in rows:
        row["edp_over_first"] = float(row["edp"] or 0) / first[str(row["network"])]
    write("families", rows, seeds=(SEED,))
    print(plot_families(rows, FOLDER))


if __name__ == "__main__":
    main()
