"""One simulation as data: what is run, how it is checked, and the record that it leaves in the journal."""

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.choices import PartialSums
from pipeline.files import ROOT, digest, digest_files
from pipeline.hardware import Hardware
from pipeline.machine.machine import machine_of
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim.build import Built, Datapath
from sim.compiler import GEMMINI, Program, ProgramError, compile_with, memory_image, read_output
from sim.golden import Int8, layer_output, random_operands
from sim.memory import MemorySettings

Driver = Literal["cocotb", "inprocess"]


@dataclass(frozen=True, slots=True)
class Task:
    """A mapping to simulate. ``seed`` draws its operands (full build); ``compiler`` is its design's."""

    mapping: Mapping
    hardware: Hardware
    datapath: Datapath
    memory: MemorySettings
    partial_sums: PartialSums = "spill"
    seed: int = 0
    compiler: str = GEMMINI

    def key(self, built: Built, driver: Driver) -> str:
        """Names everything that determines the result: build, program compiler, mapping, hardware, settings."""
        content = self.to_json() | {"compiler": _file_digest(self.compiler)}
        return digest(built.key, _compiler_digest(), driver, content)

    def to_json(self) -> dict[str, Any]:
        """JSON values that ``from_json`` reads back."""
        return {
            "mapping": str(self.mapping),
            "layer": asdict(self.mapping.layer),
            "hardware": {
                "machine": self.hardware.template.name,
                "sizes": self.hardware.values,
                "structure": self.hardware.changed,
            },
            "datapath": self.datapath,
            "memory": asdict(self.memory),
            "partial_sums": self.partial_sums,
            "seed": self.seed,
            "compiler": self.compiler,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Task":
        """The inverse of ``to_json``."""
        template = machine_of(value["hardware"]["machine"]).template
        hardware = template.hardware(*value["hardware"]["sizes"])
        return cls(
            mapping=Mapping.parse(value["mapping"], Layer(**value["layer"]), template.hierarchy),
            hardware=hardware.restructured(value["hardware"]["structure"]),
            datapath=value["datapath"],
            memory=MemorySettings(**value["memory"]),
            partial_sums=value["partial_sums"],
            seed=value["seed"],
            compiler=value["compiler"],
        )


@dataclass(frozen=True, slots=True)
class Record:
    """What one simulation gave: cycles and counters, or why there are none."""

    key: str
    cycles: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0
    """CPU time between start and done."""
    caches: dict[str, int] = field(default_factory=dict)
    """What the caches did, where the memory has some."""

    def to_line(self) -> str:
        """One line of a journal, without its newline."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task ready to run: program, memory contents and the expected output (both None in a timing build)."""

    task: Task
    program: Program
    commands: NDArray[np.uint32]
    """The program's, contiguous: the simulator reads them where they are."""
    contents: NDArray[np.uint8] | None
    expected: Int8 | None


def prepare(task: Task) -> Prepared:
    """Compile a task's program, draw its operands and compute its result. Raises ProgramError."""
    layer, hardware = task.mapping.layer, task.hardware
    program = compile_with(task.compiler, layer, task.mapping, hardware, partial_sums=task.partial_sums)
    commands = np.ascontiguousarray(program.commands)
    if task.datapath == "timing":
        return Prepared(task, program, commands, None, None)
    if task.partial_sums == "drop":
        raise ProgramError("partial sums can be dropped in a timing build only: the results would be wrong")
    inputs, weights = random_operands(layer, task.seed)
    contents = memory_image(task.compiler, program, inputs, weights)
    return Prepared(task, program, commands, contents, layer_output(layer, inputs, weights, shift=program.shift))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the test bench's ports and the C++ side hold after a run."""

    error: str
    cycles: int
    host_cycles: int
    counters: int
    """The counter port: 64 bits a counter, the first one lowest."""
    caches: dict[str, int]
    seconds: float

    def named(self, names: tuple[str, ...]) -> dict[str, int]:
        """Values of the counters by their ``names``, and the cycles of the host."""
        values = {name: self.counters >> (64 * i) & (2**64 - 1) for i, name in enumerate(names)}
        return values | {"host_cycles": self.host_cycles}


def conclude(key: str, prepared: Prepared, names: tuple[str, ...], outcome: Outcome) -> Record:
    """The record of a run: the output compared byte by byte, the counters given their ``names``."""
    error = outcome.error or _mismatch(prepared)
    if error:
        return Record(key, error=error, seconds=outcome.seconds)
    caches = outcome.caches if prepared.task.memory.soc else {}
    return Record(key, outcome.cycles, outcome.named(names), seconds=outcome.seconds, caches=caches)


def _mismatch(prepared: Prepared) -> str:
    if prepared.contents is None or prepared.expected is None:
        return ""
    try:
        output = read_output(prepared.task.compiler, prepared.program, prepared.contents, prepared.expected.shape)
    except ProgramError as error:
        return str(error)
    wrong = np.argwhere(output != prepared.expected)
    if len(wrong) == 0:
        return ""
    first = ", ".join(f"{name}={index}" for name, index in zip("NQPK", wrong[0].tolist(), strict=True))
    return f"result differs from the golden model in {len(wrong)} of {output.size} bytes, first at {first}"


@cache
def _file_digest(path: str) -> str:
    return digest_files([Path(path)])


@cache
def _compiler_digest() -> str:
    names = ("compiler.py", "program*.py", "commands.py", "operations.py", "scaling.py", "unroll.py")
    return digest_files(path for name in names for path in (ROOT / "sim").glob(name))
