"""Gemmini behind its native ports and behind an adapter to AXI4: the same bytes, and cycles whose difference is known.

The adapter adds no register, and the AXI4 memory has the timing of the native one, so a memory access takes as long.
What differs is the host: a command is sixteen register writes. While the host would need longer than those for a
command anyway, only those of the first two show.
"""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline.stages.design import copy_design
from rtl.generate import generate
from sim.design import Design
from sim.inprocess import Simulation
from sim.task import Record, Task, conclude, prepare
from sim.worker import run
from tests.machines import GEMMINI
from tests.sim.axi_adapter.compiler import WORDS, WRITE_CYCLES
from tests.sim.random_tasks import random_task

FOLDER = Path(__file__).parent / "axi_adapter"
HARDWARE = GEMMINI.template.hardware(4, 4, 4)
DELIVERY_CYCLES = WRITE_CYCLES * (WORDS - 1) + WRITE_CYCLES * WORDS - 1
"""The first command waits for the registers before the one that sends it. The second, which the native host has a cycle
later, waits for all of its own. The others are hidden in the time that the host needs for a tile."""

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("rtl")]


def adapted(folder: Path) -> Path:
    """The design behind the adapter, as a folder of one's own."""
    copy_design("gemmini", folder)
    for path in FOLDER.iterdir():
        if path.suffix in {".sv", ".py"}:
            shutil.copy2(path, folder / path.name)
    file = folder / "design.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content |= {"top": "gemmini_axi4", "ports": "axi4"}
    content["sources"] += ["native_to_axi4.sv", "gemmini_axi4.sv"]
    # Its structure is Gemmini's: the top module has no parameters for it.
    names = ("Dim", "ScratchpadRows", "AccumulatorRows")
    content["parameters"] = {name: content["parameters"][name] for name in names}
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def designs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Design, Design]:
    """Native and adapted."""
    folder = tmp_path_factory.mktemp("adapter")
    own = adapted(folder / "adapted")
    made = (generate(HARDWARE, folder / "rtl", design=name) for name in ("gemmini", str(own)))
    native, other = (Design.load(path) for path in made)
    return native, other


@pytest.fixture
def simulations(designs: tuple[Design, Design], request: pytest.FixtureRequest) -> Iterator[list[Simulation]]:
    made = [Simulation.build(design, request.param) for design in designs]
    yield made
    for simulation in made:
        simulation.close()


def simulated(design: Design, simulation: Simulation, task: Task) -> Record:
    prepared = prepare(replace(task, compiler=design.compiler))
    return conclude("", prepared, design.counters, run(simulation, prepared))


@pytest.mark.parametrize("simulations", ["full"], indirect=True)
def test_every_byte_is_right_and_bursts_hold_while_memory_stalls(
    designs: tuple[Design, Design], simulations: list[Simulation]
) -> None:
    generator = random.Random(1)
    for _ in range(25):
        task = random_task(generator, HARDWARE, "full")
        record = simulated(designs[1], simulations[1], task)
        assert record.error == "", str(task)


@pytest.mark.parametrize("simulations", ["timing"], indirect=True)
def test_only_the_registers_of_the_first_two_commands_take_longer(
    designs: tuple[Design, Design], simulations: list[Simulation]
) -> None:
    generator = random.Random(2)
    for _ in range(60):
        task = random_task(generator, HARDWARE, "timing")
        task = replace(task, memory=replace(task.memory, stall_permille=0))
        native, other = (simulated(d, s, task) for d, s in zip(designs, simulations, strict=True))
        assert native.error == other.error == "", str(task)
        assert other.cycles == native.cycles + DELIVERY_CYCLES, str(task)
        assert other.counters == native.counters | {"host_cycles": native.counters["host_cycles"] + DELIVERY_CYCLES}, (
            str(task)
        )
