"""What a search gives, and the three files that hold it."""

import math
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline.choices import OBJECTIVES, Area
from pipeline.files import write_json
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.machine import MachineChoice, area_source
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import MappingTensors
from pipeline.search.problem import Network, Problem, Recorder
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


CLOCK_MHZ = 500.0
"""Clock of the accelerator where none is given: a round figure, not the result of a timing analysis."""


def speed(cycles: float, energy_uj: float, macs: float, clock_mhz: float) -> dict[str, float]:
    """Milliseconds, runs a second, and 10^12 operations a joule (a multiply-accumulate is two) of one run."""
    ms = cycles / (clock_mhz * 1e3)
    return {"ms": ms, "inferences_per_s": 1e3 / ms, "tops_per_w": 2 * macs / (energy_uj * 1e6)}


@dataclass(frozen=True, slots=True)
class NetworkCost:
    """What one run of a network costs on the design found."""

    network: Network
    macs: int
    cycles: float
    energy_uj: float

    @property
    def edp(self) -> float:
        """Energy-delay product in microjoule-cycles."""
        return self.cycles * self.energy_uj

    def at(self, clock_mhz: float) -> dict[str, float]:
        """Milliseconds, runs a second, and 10^12 operations a joule (a multiply-accumulate is two)."""
        return speed(self.cycles, self.energy_uj, float(self.macs), clock_mhz)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The best design of one search, judged by the integer model, and how it was reached."""

    workload: Workload
    """All networks' layers."""
    networks: tuple[Network, ...]
    """Whose they are."""
    method: str
    model: str
    machine: MachineChoice
    objective: str
    seed: int
    status: str
    """``done``, or ``over a latency limit``."""
    hardware: Hardware
    mappings: tuple[Mapping, ...]
    """One mapping for each unique layer."""
    layer_cycles: tuple[float, ...]
    layer_energy_uj: tuple[float, ...]
    area_mm2: float
    area: Area
    """Where the area comes from."""
    evaluations: float
    invalid: int
    """Layer candidates that did not fit; not counted."""
    seconds: float
    trace: tuple[TracePoint, ...]
    log_bound: float = -math.inf
    """Logarithm of an objective that no design of the space is below, where the method found one."""
    space: str = ""
    """What ``log_bound`` is the bound of, in words."""
    clock_mhz: float = CLOCK_MHZ
    """For times and rates alone."""

    @property
    def each(self) -> tuple[NetworkCost, ...]:
        """Predicted costs of every network."""
        found, start = [], 0
        for network in self.networks:
            rows = range(start, start + network.layers)
            start += network.layers
            counts = [self.workload.layers[i].count for i in rows]
            macs = sum(self.workload.layers[i].layer.macs * n for i, n in zip(rows, counts, strict=True))
            cycles = sum(self.layer_cycles[i] * n for i, n in zip(rows, counts, strict=True))
            energy = sum(self.layer_energy_uj[i] * n for i, n in zip(rows, counts, strict=True))
            found.append(NetworkCost(network, macs, cycles, energy))
        return tuple(found)

    @property
    def over_limit(self) -> tuple[NetworkCost, ...]:
        """The networks that take longer than they may."""
        return tuple(one for one in self.each if one.cycles > one.network.max_cycles * (1 + 1e-9))

    @property
    def cycles(self) -> float:
        """Predicted cycles of the network; of several the weighted geometric mean."""
        return self._mean([one.cycles for one in self.each])

    @property
    def energy_uj(self) -> float:
        """Predicted energy of the network in microjoule; of several the weighted geometric mean."""
        return self._mean([one.energy_uj for one in self.each])

    @property
    def edp(self) -> float:
        """Energy-delay product in microjoule-cycles; of several networks the weighted geometric mean."""
        return self.cycles * self.energy_uj

    @property
    def log_score(self) -> float:
        """Logarithm of the objective."""
        a, b = OBJECTIVES[self.objective]
        return a * math.log(self.cycles) + b * math.log(self.energy_uj)

    @property
    def gap(self) -> float | None:
        """How far above the best of the space the objective is at most, as a part of it; None where not known."""
        return math.expm1(max(0.0, self.log_score - self.log_bound)) if math.isfinite(self.log_bound) else None

    def _mean(self, values: list[float]) -> float:
        if len(values) == 1:
            return values[0]
        total = sum(network.weight for network in self.networks)
        logs = [n.weight * math.log(value) for n, value in zip(self.networks, values, strict=True)]
        return math.exp(sum(logs) / total)

    def summary(self) -> str:
        """One line for people."""
        size = f"{self.hardware}, {self.area_mm2:.3g} mm2"
        costs = f"EDP {self.edp:.4g} uJ-cycles ({self.cycles:.4g} cycles, {self.energy_uj:.4g} uJ)"
        spent = f"{self.evaluations:.0f} evaluations, {self.seconds:.1f} s"
        line = f"{self.workload.name} {self.method}: {costs} on {size}; {spent}"
        if self.gap is not None:
            line += f"; within {100 * self.gap:.2g} % of the best possible over {self.space}"
        return line

    def networks_text(self) -> str:
        """A table for people: what each network costs at the clock."""
        names = ("EDP", "cycles", "uJ", "ms", "inf/s", "TOPS/W")
        lines = [f"{'network':20s} {'weight':>6s}" + "".join(f" {name:>10s}" for name in names)]
        for one in self.each:
            numbers = (one.edp, one.cycles, one.energy_uj, *one.at(self.clock_mhz).values())
            costs = "".join(f" {number:10.4g}" for number in numbers)
            lines.append(f"{one.network.name:20s} {one.network.weight:6.3g}{costs}")
        return "\n".join([*lines, f"at {self.clock_mhz:g} MHz"])

    def table(self) -> pd.DataFrame:
        """The mappings, one row a layer, as ``mappings.csv`` has them."""
        entries = self.workload.layers
        rows = [Row(mapping, self.hardware) for mapping in self.mappings]
        names = [network.name for network in self.networks for _ in range(network.layers)]
        weights = [network.weight for network in self.networks for _ in range(network.layers)]
        table = columns_of(rows, [entry.name for entry in entries], [entry.count for entry in entries])
        table["network"], table["network.weight"] = names, weights
        table["pred.cycles"], table["pred.energy_uj"] = self.layer_cycles, self.layer_energy_uj
        table["pred.edp"] = table["pred.cycles"] * table["pred.energy_uj"]
        return table

    def trace_table(self) -> pd.DataFrame:
        """The best design so far against evaluations, as ``trace.csv`` has it."""
        columns = ("evaluations", "seconds", "edp", "cycles", "energy_uj")
        return pd.DataFrame([{c: getattr(p, c) for c in columns} for p in self.trace], columns=columns)

    def write(self, out: Path) -> None:
        """Write mappings.csv, trace.csv and design.json, each atomically; the last one marks a whole result."""
        write_table(self.table(), out / "mappings.csv")
        write_table(self.trace_table(), out / "trace.csv")
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
            "area": self.area,
            "clock_mhz": self.clock_mhz,
            "networks": [self._network(one) for one in self.each],
            "gap_to_best_possible": self.gap,
            "best_possible_over": self.space or None,
            "evaluations": self.evaluations,
            "invalid": self.invalid,
            "seconds": self.seconds,
            "versions": {name: version(name) for name in ("dosa-hil", "torch")},
        }

    def _network(self, one: NetworkCost) -> dict[str, Any]:
        total = sum(other.cycles for other in self.each)
        costs = {
            "cycles": one.cycles,
            "energy_uj": one.energy_uj,
            "edp": one.edp,
            "share_of_cycles": one.cycles / total,
        }
        limit = {} if one.network.max_cycles == math.inf else {"max_cycles": one.network.max_cycles}
        return {"workload": one.network.name, "weight": one.network.weight} | costs | one.at(self.clock_mhz) | limit


def result_of(problem: Problem, recorder: Recorder, *, method: str, seed: int) -> SearchResult:
    """The best design of ``recorder``. Raises ValueError when the search found none."""
    if recorder.best is None:
        raise ValueError(
            f"search {method} of {problem.workload.name!r}: no valid design in {recorder.evaluations:.0f} evaluations"
        )
    tensors, sizes = problem.tensors(recorder.best), recorder.best_hardware
    assert sizes is not None
    with torch.no_grad():
        costs = problem.costs(tensors, problem.layers, sizes[None])
    hardware = sizes.hardware((), problem.machine.template)
    trace = [TracePoint(*row) for row in recorder.trace]
    seconds = recorder.clock()
    trace.append(TracePoint(recorder.evaluations, seconds, trace[-1].cycles, trace[-1].energy_uj))
    result = SearchResult(
        workload=problem.workload,
        networks=problem.networks,
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
        area=area_source(problem.machine),
        evaluations=recorder.evaluations,
        invalid=recorder.invalid,
        seconds=seconds,
        trace=tuple(trace),
        log_bound=recorder.log_bound,
        space=recorder.space,
    )
    return replace(result, status="over a latency limit") if result.over_limit else result


def _mappings(problem: Problem, tensors: MappingTensors) -> tuple[Mapping, ...]:
    hierarchy = problem.machine.template.hierarchy
    return tuple(tensors.mapping(entry.layer, index, hierarchy) for index, entry in enumerate(problem.workload.layers))
