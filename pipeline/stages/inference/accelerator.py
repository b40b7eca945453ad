"""A found design as something that runs layers: its RTL in this process, and the mappings that were found for it."""

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.choices import Memory
from pipeline.hardware import Hardware
from pipeline.machine.machine import Machine
from pipeline.mapping import Mapping
from pipeline.stages.inference.runs import AnyRun, Run
from pipeline.stages.inference.tensors import Int8
from pipeline.stages.machines import machine_choice
from pipeline.stages.simulate import DESIGNS, counted_energy_uj
from pipeline.table import Row, read_table, rows_of
from pipeline.workload import Layer
from rtl.generate import generate
from sim.build import Datapath
from sim.compiler import (
    OperatorProgram,
    Program,
    ProgramError,
    compile_operator,
    compile_with,
    operators,
    takes_quantised,
)
from sim.design import Design
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.program_memory import Room


@dataclass(frozen=True, slots=True)
class Cost:
    """What running a layer takes."""

    cycles: int
    energy_uj: float
    moved_bytes: int
    """Beyond the bus."""
    mapping: Mapping | None
    """None of an operator beside layers."""
    found: bool
    """The mapping is not the default tiler's."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The program of a run, its memory before it, and the mapping."""

    program: Program | OperatorProgram
    contents: Callable[[], NDArray[np.uint8]]
    mapping: Mapping | None = None
    found: bool = True


@dataclass(slots=True)
class Accelerator:
    """A design in both builds, each made when it is needed first."""

    machine: Machine
    hardware: Hardware
    mappings: dict[Layer, Mapping]
    design: Design
    memory: MemorySettings
    _simulations: dict[Datapath, Simulation] = field(default_factory=dict)
    _costs: dict[Hashable, Cost] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, design: str, memory: Memory) -> "Accelerator":
        """What a search left in ``folder``, built as ``design``. Raises ValueError that names what is missing."""
        machine = machine_choice(design=design, memory=memory).find()
        path = folder / "design.json"
        try:
            sizes = json.loads(path.read_text(encoding="utf-8"))["hardware"]
            hardware = machine.template.hardware(*(sizes[name] for name in machine.template.sizes))
            numbers = {a.name: sizes[a.name] for a in machine.template.structure if a.name in sizes}
            hardware = hardware.restructured(numbers)
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}; name the folder that a search wrote") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: has no hardware as a search writes it") from error
        rows = [row for row in rows_of(read_table(folder / "mappings.csv"), machine.template) if isinstance(row, Row)]
        mappings = {row.mapping.layer: row.mapping for row in rows if isinstance(row.mapping, Mapping)}
        built = Design.load(generate(hardware, DESIGNS, design=design))
        if not takes_quantised(built.compiler):
            raise ValueError(f"design {design}: its compiler takes no quantised layers, so it runs no networks")
        return cls(machine, hardware, mappings, built, MemorySettings.of(memory))

    @property
    def operators(self) -> frozenset[str]:
        """The operators beside layers that it has."""
        return operators(self.design.compiler)

    def run(self, run: AnyRun) -> tuple[Int8, Cost]:
        """Results of the RTL. Raises ValueError when the run has no program or fails."""
        compiled = self.compile(run)
        program, contents = compiled.program, compiled.contents()
        counters = self._simulate("full", program.commands, contents, program.memory_bytes, run.name)
        return program.read_output(contents), self._cost(counters, compiled)

    def imitate(self, run: AnyRun) -> tuple[Int8, Cost]:
        """The same from the integers of the golden model and the cycles of the timing build."""
        if run.key not in self._costs:
            compiled = self.compile(run)
            program = compiled.program
            counters = self._simulate("timing", program.commands, None, program.memory_bytes, run.name)
            self._costs[run.key] = self._cost(counters, compiled)
        return run.golden(), self._costs[run.key]

    def compile(self, run: AnyRun, first_byte: int = 0, places: Sequence[int | None] = ()) -> Compiled:
        """The program of a run whose memory begins at ``first_byte``, but for the operands that lie in ``places``."""
        if isinstance(run, Run):
            return self._layer(run, Room(first_byte, places[0] if places else None))
        places = places or (None,) * len(run.operands)
        program = compile_operator(
            self.design.compiler, run.operator, self.hardware, first_byte=first_byte, places=places
        )
        return Compiled(program, lambda: program.memory_image(run.inputs))

    def _layer(self, run: Run, room: Room) -> Compiled:
        """With the mapping that was found, or the default tiler's where there is none."""
        error: ProgramError | None = None
        candidates = [(self.mappings[run.layer], True)] if run.layer in self.mappings else []
        candidates.append((self.machine.default_mapping(run.layer, self.hardware), False))
        for mapping, found in candidates:
            try:
                program = compile_with(
                    self.design.compiler, run.layer, mapping, self.hardware, quantised=run.quantised, room=room
                )
            except ProgramError as problem:
                error = problem
                continue
            image = partial(program.memory_image, run.inputs, run.weights, run.bias)
            return Compiled(program, image, mapping, found)
        raise ValueError(f"layer {run.layer}: {error}") from error

    def time(self, commands: NDArray[np.uint32], memory_bytes: int, what: str) -> tuple[int, int]:
        """Cycles of ``commands`` on the timing build, and those of them in which only the host works."""
        counters = self._simulate("timing", commands, None, memory_bytes, what)
        return counters["cycles"], counters["host_cycles"]

    def _simulate(
        self,
        datapath: Datapath,
        commands: NDArray[np.uint32],
        contents: NDArray[np.uint8] | None,
        memory_bytes: int,
        what: str,
    ) -> dict[str, int]:
        simulation = self._simulations.get(datapath)
        if simulation is None:
            simulation = self._simulations[datapath] = Simulation.build(self.design, datapath)
        simulation.load(commands, contents, memory_bytes, self.memory)
        if not simulation.run_until_done() or simulation.error:
            raise ValueError(f"{what}: the simulation failed ({simulation.error})")
        io = simulation.io
        values = {name: io.counters_o >> (64 * i) & (2**64 - 1) for i, name in enumerate(self.design.counters)}
        return values | {"cycles": io.cycles_o, "host_cycles": io.host_cycles_o}

    def _cost(self, counters: dict[str, int], compiled: Compiled) -> Cost:
        moved = counters["dram_read_bytes"] + counters["dram_write_bytes"]
        return Cost(
            counters["cycles"], counted_energy_uj(counters, self.hardware), moved, compiled.mapping, compiled.found
        )
