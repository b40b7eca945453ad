"""A found design as something that runs layers: its RTL in this process, and the mappings that were found for it."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.choices import Memory
from pipeline.hardware import Hardware
from pipeline.machine.machine import Machine
from pipeline.mapping import Mapping
from pipeline.stages.inference.lower import Run
from pipeline.stages.machines import machine_choice
from pipeline.stages.simulate import DESIGNS, counted_energy_uj
from pipeline.table import Row, read_table, rows_of
from pipeline.workload import Layer
from rtl.generate import generate
from sim.compiler import GEMMINI, ProgramError
from sim.design import Design
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.program import compile_program


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a layer takes."""

    cycles: int
    energy_uj: float
    mapping: Mapping
    found: bool
    """The mapping is the design's own, not the default tiler's."""


@dataclass(slots=True)
class Accelerator:
    """The full build of a design; ``costs`` has the last run of each layer."""

    machine: Machine
    hardware: Hardware
    mappings: dict[Layer, Mapping]
    design: Design
    memory: MemorySettings
    simulation: Simulation
    costs: dict[Layer, Cost] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, design: str, memory: Memory) -> "Accelerator":
        """What a search left in ``folder``, built as ``design``. Raises ValueError that names what is missing."""
        machine = machine_choice(design=design, memory=memory).find()
        path = folder / "design.json"
        try:
            sizes = json.loads(path.read_text(encoding="utf-8"))["hardware"]
            hardware = machine.template.hardware(*(sizes[name] for name in machine.template.sizes))
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}; name the folder that a search wrote") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: has no hardware as a search writes it") from error
        rows = [row for row in rows_of(read_table(folder / "mappings.csv"), machine.template) if isinstance(row, Row)]
        mappings = {row.mapping.layer: row.mapping for row in rows if isinstance(row.mapping, Mapping)}
        built = Design.load(generate(hardware, DESIGNS, design=design))
        if built.compiler != GEMMINI:
            raise ValueError(f"design {design}: only designs that take gemmini's programs run networks")
        return cls(machine, hardware, mappings, built, MemorySettings.of(memory), Simulation.build(built, "full"))

    def run(self, run: Run) -> NDArray[np.int32]:
        """Sums [N, Q, P, K] of a layer. Raises ValueError when it has no program or its run fails."""
        found = run.layer in self.mappings
        mapping = self.mappings[run.layer] if found else self.machine.default_mapping(run.layer, self.hardware)
        try:
            program = compile_program(run.layer, mapping, self.hardware, keep_sums=True)
        except ProgramError as error:
            raise ValueError(f"layer {run.layer}: {error}") from error
        contents = program.memory_image(run.inputs, run.weights, run.start)
        self.simulation.load(program.commands, contents, program.memory_bytes, self.memory)
        if not self.simulation.run_until_done() or self.simulation.error:
            raise ValueError(f"layer {run.layer}: the simulation failed ({self.simulation.error})")
        io = self.simulation.io
        values = {name: io.counters_o >> (64 * i) & (2**64 - 1) for i, name in enumerate(self.design.counters)}
        self.costs[run.layer] = Cost(io.cycles_o, counted_energy_uj(values, self.hardware), mapping, found)
        return program.read_sums(contents)
