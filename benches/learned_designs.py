"""Final designs of searches with several latency models, simulated at DIM 16 on ``soc`` beside Gemmini's default.

On our own RTL and on the changed designs of ``learned_tables``. Every search has the same method, evaluations, seeds
and energy model, and has its final design simulated; only the cycles that it minimises differ: those of DOSA's own
analytical model, of the machine's timing before and after its calibration, and with the correction. The fitted ones
have seen the same 300 sampled rows of the design and no searched one. ``edp_over_best`` compares with the best of the
models on that network, ``edp_gain_over_default`` with the default hardware and tiler on that design. ``QUICK=1``
searches one small network on one design with few evaluations.
"""

from statistics import geometric_mean

import pandas as pd
import torch

from benches.common import Cell, quick, simulated, write
from benches.learned_tables import CHANGES, named, tables
from learned import model
from learned.data import read_samples
from learned.model import Metadata
from pipeline.choices import ModelKind
from pipeline.machine.latency import AnalyticalModel, LatencyModel
from pipeline.machine.machine import MachineChoice
from pipeline.search.result import SearchResult
from pipeline.stages.search import run_search
from pipeline.workload import load_workload

Record = dict[str, Cell]
MACHINE = MachineChoice().find()
WORKLOADS = ("bert",) if quick() else ("unet_small", "resnet50", "bert", "retinanet")
DIM = 16
SEEDS = (0,) if quick() else (0, 1)
DESIGNS = ("gemmini",) if quick() else ("gemmini", *CHANGES)
EVALUATIONS = 200 if quick() else 1000
ROWS = 300
DEFAULT = "default hardware and tiler"
KINDS: tuple[ModelKind, ...] = ("dosa", "analytical", "calibrated", "default")


def main() -> None:
    """Search, simulate, print and write, after every design."""
    result: list[Record] = []
    for design in DESIGNS:
        result += rows(design, 0)
        write("learned_designs", result, seeds=SEEDS)


def rows(design: str, seed: int) -> list[Record]:
    """EDP of final designs on one design, a row for each network and model, then the models' means."""
    samples, _ = read_samples(tables(design)[0], "sim.cycles", MACHINE.template)
    drawn = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))[:ROWS]
    judges: dict[str, LatencyModel] = {
        kind: model.fit(samples[drawn], Metadata(kind, MachineChoice(), "from-table", seed)) for kind in KINDS
    }
    found: dict[tuple[str, str], list[SearchResult]] = {}
    for workload in WORKLOADS:
        found[workload, DEFAULT] = [searched(workload, "default", AnalyticalModel(MACHINE), 0)]
        for name, judge in judges.items():
            found[workload, name] = [searched(workload, "gradient", judge, number) for number in SEEDS]
    edp = simulated_edp(design, found)
    gain = {(workload, name): edp[workload, DEFAULT] / value for (workload, name), value in edp.items()}
    best = {workload: min(edp[workload, name] for name in judges) for workload in WORKLOADS}
    result: list[Record] = [
        {
            "design": design,
            "workload": workload,
            "model": name,
            "searches": len(results),
            "edp": edp[workload, name],
            "edp_over_predicted": edp[workload, name] / geometric_mean(each.edp for each in results),
            "edp_over_best": edp[workload, name] / best[workload],
            "edp_gain_over_default": gain[workload, name],
        }
        for (workload, name), results in found.items()
    ]
    for name in judges:
        mean = geometric_mean(gain[workload, name] for workload in WORKLOADS)
        result.append({"design": design, "workload": "mean", "model": name, "edp_gain_over_default": mean})
    return result


def searched(workload: str, method: str, judge: LatencyModel, seed: int) -> SearchResult:
    """The final design of one search."""
    fixed = None if method == "default" else DIM
    network = load_workload(workload)
    return run_search(network, method=method, evaluations=EVALUATIONS, model=judge, seed=seed, fix_dim=fixed)


def simulated_edp(design: str, found: dict[tuple[str, str], list[SearchResult]]) -> dict[tuple[str, str], float]:
    """Simulated energy-delay products in microjoule-cycles, geometric means over the searches of each key."""
    designs = [result for results in found.values() for result in results]
    mapped = [result.table().assign(design=number) for number, result in enumerate(designs)]
    table = simulated(pd.concat(mapped, ignore_index=True), design=named(design), memory="soc", name="learned_designs")
    totals = table[["sim.cycles", "sim.energy_uj"]].mul(table["layer.count"], axis=0).groupby(table["design"]).sum()
    edp = iter((totals["sim.cycles"] * totals["sim.energy_uj"]).tolist())
    return {key: geometric_mean(next(edp) for _ in results) for key, results in found.items()}


if __name__ == "__main__":
    main()
