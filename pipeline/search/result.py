"""What a search gives, and the three files that hold it."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline.files import write_json
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.machine import MachineChoice
from pipeline.mapping import Mapping, MappingTensors
from pipeline.search.points import smallest
from pipeline.search.problem import Problem, Recorder
from pipeline.table import Row, columns_of, write_table
from pipeline.workload import Workload


@dataclass(frozen=True, slots=True)
class TracePoint:
    """The best design so far after some evaluations and seconds."""

    evaluations: float
    seconds: float
    cycles: float
    energy_uj: float

    @property
    def edp(self) -> float:
        """Energy-delay product in microjoule-cycles."""
        return self.cycles * self.energy_uj


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The best design of one search, judged by the integer model, and how it was reached."""

    workload: Workload
    method: str
    model: str
    machine: MachineChoice
    objective: str
    seed: int
    status: str
    hardware: Hardware
    mappings: tuple[Mapping, ...]
    """One mapping for each unique layer."""
    layer_cycles: tuple[float, ...]
    layer_energy_uj: tuple[float, ...]
    area_mm2: float
    evaluations: float
    invalid: int
    """Layer candidates that did not fit; not counted."""
    seconds: float
    trace: tuple[TracePoint, ...]

    @property
    def cycles(self) -> float:
        """Predicted cycles of the whole network."""
        return sum(c * e.count for c, e in zip(self.layer_cycles, self.workload.layers, strict=True))

    @property
    def energy_uj(self) -> float:
        """Predicted energy of the whole network in microjoule."""
        return sum(c * e.count for c, e in zip(self.layer_energy_uj, self.workload.layers, strict=True))

    @property
    def edp(self) -> float:
        """Energy-delay product of the whole network in microjoule-cycles."""
        return self.cycles * self.energy_uj

    def summary(self) -> str:
        """One line for people."""
        size = f"{self.hardware}, {self.area_mm2:.3g} mm2"
        costs = f"EDP {self.edp:.4g} uJ-cycles ({self.cycles:.4g} cycles, {self.energy_uj:.4g} uJ)"
        spent = f"{self.evaluations:.0f} evaluations, {self.seconds:.1f} s"
        return f"{self.workload.name} {self.method}: {costs} on {size}; {spent}"

    def write(self, out: Path) -> None:
        """Write mappings.csv, trace.csv and design.json, each atomically; the last one marks a whole result."""
        entries = self.workload.layers
        rows = [Row(mapping, self.hardware) for mapping in self.mappings]
        table = columns_of(rows, [entry.name for entry in entries], [entry.count for entry in entries])
        write_table(table, out / "mappings.csv")
        columns = ("evaluations", "seconds", "edp", "cycles", "energy_uj")
        write_table(
            pd.DataFrame([{c: getattr(p, c) for c in columns} for p in self.trace], columns=columns), out / "trace.csv"
        )
        write_json(out / "design.json", self.design())

    def design(self) -> dict[str, Any]:
        """The content of design.json."""
        hardware = self.hardware
        return {
            "workload": self.workload.name,
            "method": self.method,
            "model": self.model,
            "objective": self.objective,
            "machine": self.machine.machine,
            "memory": self.machine.memory,
            "seed": self.seed,
            "status": self.status,
            "hardware": {"id": hardware.id} | hardware.sizes,
            "totals": {
                "cycles": self.cycles,
                "energy_uj": self.energy_uj,
                "edp": self.edp,
                "area_mm2": self.area_mm2,
            },
            "evaluations": self.evaluations,
            "invalid": self.invalid,
            "seconds": self.seconds,
            "versions": {name: version(name) for name in ("dosa-hil", "torch")},
        }


def result_of(problem: Problem, recorder: Recorder, *, method: str, seed: int) -> SearchResult:
    """The best design of ``recorder``. Raises ValueError when the search found none."""
    if recorder.best is None:
        raise ValueError(
            f"search {method} of {problem.workload.name!r}: no valid design in {recorder.evaluations:.0f} evaluations"
        )
    tensors = problem.tensors(recorder.best)
    sizes = smallest(tensors, problem.layers, problem.constraints)
    with torch.no_grad():
        costs = problem.costs(tensors, problem.layers, sizes[None])
    hardware = sizes.hardware((), problem.machine.template)
    trace = [TracePoint(*row) for row in recorder.trace]
    seconds = recorder.clock()
    trace.append(TracePoint(recorder.evaluations, seconds, trace[-1].cycles, trace[-1].energy_uj))
    return SearchResult(
        workload=problem.workload,
        method=method,
        model=problem.model.name,
        machine=MachineChoice.of(problem.machine),
        objective=problem.objective,
        seed=seed,
        status="done",
        hardware=hardware,
        mappings=_mappings(problem, tensors),
        layer_cycles=tuple(costs.cycles.tolist()),
        layer_energy_uj=tuple(costs.energy_uj.tolist()),
        area_mm2=float(problem.machine.area_mm2(HardwareTensors.stack([hardware]))),
        evaluations=recorder.evaluations,
        invalid=recorder.invalid,
        seconds=seconds,
        trace=tuple(trace),
    )


def _mappings(problem: Problem, tensors: MappingTensors) -> tuple[Mapping, ...]:
    hierarchy = problem.machine.template.hierarchy
    return tuple(tensors.mapping(entry.layer, index, hierarchy) for index, entry in enumerate(problem.workload.layers))
