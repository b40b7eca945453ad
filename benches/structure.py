"""Structures other than Gemmini's: how well the view knows them, and what a search that moves them finds, on ``soc``.

Designs are drawn from all parts of the structure; mappings are drawn at random or built to fill the memories. The
view's constants are fitted to 100 mappings on some designs and judged on mappings on others. Then one hardware for
several networks is searched at DIM 32 with the trained model, once with Gemmini's structure and once with a free one of
no more area, and both are simulated. ``QUICK=1`` takes few mappings and one small network.
"""

import random
from statistics import geometric_mean

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benches.common import Cell, quick, simulated, write
from learned import model
from learned.box import Box
from learned.calibration import calibrate
from learned.data import Samples, read_samples
from learned.model import Metadata
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.latency import LatencyModel
from pipeline.machine.machine import MachineChoice, with_area
from pipeline.search.result import SearchResult
from pipeline.stages.sample import sample_table
from pipeline.stages.search import run_search
from pipeline.workload import load_workload

Row = dict[str, Cell]
MACHINE = MachineChoice().find()
CHOICES: dict[str, tuple[int, ...]] = {
    "bus_bytes": (16, 32, 64),
    "scratchpad_banks": (2, 4, 8),
    "accumulator_banks": (1, 2, 4),
    "reads_in_flight": (4, 8, 16, 32),
    "writes_in_flight": (4, 8, 16, 32),
    "load_entries": (4, 8, 16),
    "execute_entries": (8, 16, 32),
    "store_entries": (2, 4, 8),
    "load_queue": (4, 8, 16),
    "execute_queue": (4, 8, 16),
    "store_queue": (1, 2, 4),
    "array_slots": (3, 4, 6, 8),
    "tiles_in_flight": (1, 2),
}
SIZES = ((8, 64, 32), (16, 128, 32), (16, 256, 64), (32, 512, 128))
FITTED = (2, 15) if quick() else (7, 100)
"""Designs and mappings that the constants are fitted to."""
JUDGED = (1, 10) if quick() else (4, 60)
MOST_CYCLES = 200_000
SAMPLED_FROM = ("unet_small", "resnet50", "bert", "retinanet")
SEARCHED = ("bert",) if quick() else ("resnet50", "bert")
EVALUATIONS = 200 if quick() else 4000
DIM = 32
SEED = 0


def main() -> None:
    """Measure, print and write."""
    torch.set_num_threads(1)
    generator = random.Random(SEED)
    fitted, judged = (drawn(*count, generator) for count in (FITTED, JUDGED))
    values = Box(MACHINE.constants).by_name(calibrate(MACHINE, fitted, SEED).values)
    trained = model.fit(fitted, Metadata("calibrated", MachineChoice(), "from-table", SEED))
    with torch.no_grad():
        predicted = {
            "starting values": MACHINE.latency(judged.layers, judged.mappings, judged.hardware),
            "fitted constants": MACHINE.latency(judged.layers, judged.mappings, judged.hardware, values),
            "trained model": trained(judged.layers, judged.mappings, judged.hardware).cycles,
        }
    rows = [accuracy(name, cycles, judged) for name, cycles in predicted.items()]
    write("structure", rows + shared(trained), seeds=[SEED])


def drawn(designs: int, mappings: int, generator: random.Random) -> Samples:
    """Simulated mappings on ``designs`` of random structures, sizes in turn."""
    tables = []
    networks = [load_workload(name) for name in SAMPLED_FROM]
    for number in range(designs):
        structure = {axis: generator.choice(numbers) for axis, numbers in CHOICES.items()}
        hardware = MACHINE.template.hardware(*SIZES[number % len(SIZES)]).restructured(structure)
        points = mappings * (number + 1) // designs - mappings * number // designs
        tables.append(_sampled(networks, hardware, points, generator.randrange(1000)))
    table = simulated(pd.concat(tables, ignore_index=True), design="gemmini", memory="soc", name="structure")
    samples, _ = read_samples(table, "sim.cycles", MACHINE.template)
    return samples


def _sampled(networks: list, hardware: Hardware, points: int, seed: int) -> pd.DataFrame:
    return sample_table(
        networks,
        hardware,
        MACHINE,
        points=points,
        max_cycles=MOST_CYCLES,
        random=0.4,
        constructive=0.6,
        evaluations=1,
        seed=seed,
    )


def accuracy(name: str, cycles: Float[Tensor, " n"], samples: Samples) -> Row:
    """Errors of predicted ``cycles``."""
    error = (cycles / samples.cycles - 1).abs()
    ninth = float(error.quantile(0.9))
    return {"test": name, "rows": len(samples), "median_error": float(error.median()), "p90_error": ninth}


def shared(judge: LatencyModel) -> list[Row]:
    """EDP of one hardware for several networks, geometric means: Gemmini's structure, a free one of no more area."""
    before = _found(judge, {}, None)
    after = _found(judge, CHOICES, before.area_mm2)
    rows = [
        {"test": f"shared design, {name}", "hardware": str(found.hardware)} | _simulated(found)
        for name, found in (("Gemmini's structure", before), ("free structure", after))
    ]
    rows[-1]["edp_gain"] = float(rows[0]["edp"] or 0) / float(rows[1]["edp"] or 1)
    return rows


def _found(judge: LatencyModel, structure: dict[str, tuple[int, ...]], area_mm2: float | None) -> SearchResult:
    return run_search(
        [load_workload(workload) for workload in SEARCHED],
        method="gradient",
        evaluations=EVALUATIONS,
        model=judge,
        seed=SEED,
        fix_dim=DIM,
        structure=structure,
        max_area_mm2=area_mm2,
    )


def _simulated(found: SearchResult) -> Row:
    table = simulated(found.table(), design="gemmini", memory="soc", name="structure")
    columns = ["sim.cycles", "sim.energy_uj"]
    totals = table[columns].mul(table["layer.count"], axis=0).groupby(table["network"]).sum()
    edp = geometric_mean((totals["sim.cycles"] * totals["sim.energy_uj"]).tolist())
    synthesized = float(with_area(MACHINE, "synthesized").area_mm2(HardwareTensors.stack([found.hardware])))
    areas = {"published_mm2": found.area_mm2, "synthesized_mm2": synthesized}
    return {"edp": edp, "edp_over_predicted": edp / found.edp} | areas


if __name__ == "__main__":
    main()
