"""What hardware and what mapping give: ``make bench-parts`` (QUICK=1: BERT alone).

For each network at DIM 16 on ``simple``, by the machine's own latency: the default hardware or the best, with the
default tiler or the best mappings, all certified over exact tilings, loop orders and sizes. Then the smallest hardware
within 1 % of the best, and two Pareto fronts: EDP against area, and energy against latency over all hardware.
"""

from dataclasses import dataclass

import numpy as np
import torch

from benches.common import Cell, quick, write
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.capacity import misfits
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import machine_of
from pipeline.mapping_tensors import MappingTensors
from pipeline.search.constraints import Constraints
from pipeline.search.exhaustive.columns import Columns
from pipeline.search.exhaustive.hull import corner_sums
from pipeline.search.exhaustive.optimum import Exhaustive
from pipeline.search.pareto import front, on_front
from pipeline.search.problem import Problem
from pipeline.workload import Layer, load_workload

DIM = 16
WORKLOADS = ("bert",) if quick() else ("unet_small", "resnet50", "bert", "retinanet")
POINTS = 12
"""Points of the latency-energy front that are written."""


@dataclass(frozen=True, slots=True)
class Design:
    """A hardware with mappings of a whole network."""

    hardware: Hardware
    area_mm2: float
    cycles: float
    energy_uj: float

    @property
    def edp(self) -> float:
        """Energy-delay product in microjoule-cycles."""
        return self.cycles * self.energy_uj


def tiled(problem: Problem, hardware: Hardware) -> Design | None:
    """The default tiler's mappings; None where they do not fit."""
    machine = problem.machine
    try:
        mappings = [machine.default_mapping(entry.layer, hardware) for entry in problem.workload.layers]
    except ValueError:
        return None
    if any(misfits(machine, [(mapping, hardware) for mapping in mappings])):
        return None
    sizes = HardwareTensors.stack([hardware])
    with torch.no_grad():
        totals = problem.totals(problem.costs(MappingTensors.stack(mappings), problem.layers, sizes))
    return Design(hardware, float(machine.area_mm2(sizes)), float(totals.cycles), float(totals.energy_uj))


def compare(name: str) -> tuple[list[dict[str, Cell]], list[dict[str, Cell]]]:
    """The rows of one network: its parts, and its fronts."""
    machine = machine_of("gemmini", "simple")
    problem = Problem(load_workload(name), AnalyticalModel(machine), Constraints(machine, fix_dim=DIM))
    space = Exhaustive(problem)
    columns = {layer: space.columns(layer, DIM) for layer in space.layers}
    optima = space.on_each(DIM, list(columns.values())).values()
    mapped = [Design(o.hardware, o.area_mm2, o.networks[0].cycles, o.networks[0].energy_uj) for o in optima]
    plain = [design for one in mapped if (design := tiled(problem, one.hardware)) is not None]
    default = next(one for one in plain if one.hardware == machine.default_hardware)
    best = min(mapped, key=lambda one: one.edp)
    rows = {
        "default hardware, default tiler": default,
        "default hardware, best mappings": next(one for one in mapped if one.hardware == default.hardware),
        "best hardware, default tiler": min(plain, key=lambda one: one.edp),
        "best hardware, best mappings": best,
        "both, at most the default's area": min(
            (one for one in mapped if one.area_mm2 <= default.area_mm2), key=lambda one: one.edp
        ),
        "both, smallest area within 1 % of the best": min(
            (one for one in mapped if one.edp <= 1.01 * best.edp), key=lambda one: one.area_mm2
        ),
    }
    parts = [_row(name, label, design, default) for label, design in rows.items()]
    marked = on_front(np.array([one.area_mm2 for one in mapped]), np.array([float(one.edp) for one in mapped]))
    by_area = sorted((one for one, on in zip(mapped, marked, strict=True) if on), key=lambda one: one.area_mm2)
    fronts = [_row(name, "EDP-area front", design, default) for design in by_area]
    return parts, fronts + [_row(name, "latency-energy front", one, default) for one in trade(space, mapped, columns)]


def trade(space: Exhaustive, designs: list[Design], columns: dict[Layer, Columns]) -> list[Design]:
    """Designs that no other beats in latency and energy, evenly spread over the front."""
    entries, found = space.problem.workload.layers, []
    counts = np.array([float(entry.count) for entry in entries])
    for design in designs:
        hulls = space.hulls(design.hardware, columns)
        assert hulls is not None
        cycles, energy, _ = corner_sums([hulls[entry.layer] for entry in entries], counts)
        found += [Design(design.hardware, design.area_mm2, c, e) for c, e in zip(cycles, energy, strict=True)]
    kept = front(np.array([one.cycles for one in found]), np.array([one.energy_uj for one in found]))
    return [found[kept[at]] for at in np.unique(np.linspace(0, len(kept) - 1, POINTS).round().astype(int))]


def _row(name: str, label: str, design: Design, default: Design) -> dict[str, Cell]:
    return {
        "workload": name,
        "design": label,
        "edp_gain": default.edp / design.edp,
        "cycles_gain": default.cycles / design.cycles,
        "energy_gain": default.energy_uj / design.energy_uj,
        "area_mm2": design.area_mm2,
        "edp": design.edp,
        "cycles": float(design.cycles),
        "energy_uj": float(design.energy_uj),
        "hardware": str(design.hardware),
    }


def main() -> None:
    """Both tables."""
    torch.set_num_threads(1)
    tables = [compare(name) for name in WORKLOADS]
    write("parts", [row for parts, _ in tables for row in parts])
    write("parts-fronts", [row for _, fronts in tables for row in fronts])


if __name__ == "__main__":
    main()
