"""Final designs of searches with several latency models, simulated at DIM 16 on ``soc`` beside Gemmini's default.

Every search has the same method, evaluations, seeds and energy model, and has its final design simulated; only the
cycles that it minimises differ: those of DOSA's own analytical model, of the machine's timing before and after its
calibration, and with the correction. The fitted ones have seen the sampled rows of ``learned_tables`` and no searched
one. ``QUICK=1`` searches one small network with few evaluations.
"""

from statistics import geometric_mean

import pandas as pd

from benches.common import Cell, quick, simulated, write
from benches.learned_tables import tables
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
EVALUATIONS = 200 if quick() else 2000
DEFAULT = "default hardware and tiler"
KINDS: tuple[ModelKind, ...] = ("dosa", "analytical", "calibrated", "default")


def main() -> None:
    """Search, simulate, print and write."""
    write("learned_designs", rows(tables("gemmini")[0], 0), seeds=SEEDS)


def rows(table: pd.DataFrame, seed: int) -> list[Record]:
    """EDP of final designs, one row for each network and model, then means; ``table`` trains the learned model."""
    samples, _ = read_samples(table, "sim.cycles", MACHINE.template)
    judges: dict[str, LatencyModel] = {}
    for kind in KINDS:
        judges[kind] = model.fit(samples, Metadata(kind, MachineChoice(), "from-table", seed))
    found: dict[tuple[str, str], list[SearchResult]] = {}
    for workload in WORKLOADS:
        found[workload, DEFAULT] = [searched(workload, "default", AnalyticalModel(MACHINE), 0)]
        for name, judge in judges.items():
            found[workload, name] = [searched(workload, "gradient", judge, number) for number in SEEDS]
    edp = simulated_edp(found)
    gain = {key: edp[key[0], DEFAULT] / value for key, value in edp.items()}
    result = [_record(*key, len(samples), edp[key], gain[key], found[key]) for key in found]
    for name in judges:
        mean = geometric_mean(gain[workload, name] for workload in WORKLOADS)
        result.append({"test": "final designs, geometric mean", "model": name, "edp_gain_over_default": mean})
    return result


def searched(workload: str, method: str, judge: LatencyModel, seed: int) -> SearchResult:
    """The final design of one search."""
    fixed = None if method == "default" else DIM
    network = load_workload(workload)
    return run_search(network, method=method, evaluations=EVALUATIONS, model=judge, seed=seed, fix_dim=fixed)


def simulated_edp(found: dict[tuple[str, str], list[SearchResult]]) -> dict[tuple[str, str], float]:
    """Simulated energy-delay products in microjoule-cycles, geometric means over the searches of each key."""
    designs = [result for results in found.values() for result in results]
    mapped = [result.table().assign(design=number) for number, result in enumerate(designs)]
    table = simulated(pd.concat(mapped, ignore_index=True), design="gemmini", memory="soc", name="learned_designs")
    totals = table[["sim.cycles", "sim.energy_uj"]].mul(table["layer.count"], axis=0).groupby(table["design"]).sum()
    edp = iter((totals["sim.cycles"] * totals["sim.energy_uj"]).tolist())
    return {key: geometric_mean(next(edp) for _ in results) for key, results in found.items()}


def _record(workload: str, name: str, rows: int, edp: float, gain: float, results: list[SearchResult]) -> Record:
    return {
        "test": f"final designs, {workload}",
        "model": name,
        "rows": rows if name in ("calibrated", "default") else None,
        "searches": len(results),
        "edp": edp,
        "edp_over_predicted": edp / geometric_mean(result.edp for result in results),
        "edp_gain_over_default": gain,
    }


if __name__ == "__main__":
    main()
