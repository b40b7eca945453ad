"""What a simulator process is told to do, and the loop of the one that uses the ctypes driver.

``python -m sim.worker WORK`` runs the tasks of a work file in process; ``sim.bench`` does the same under cocotb.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sim.compiler import ProgramError
from sim.inprocess import Simulation
from sim.journal import JournalWriter
from sim.task import Outcome, Prepared, Record, Task, conclude, prepare

_PR_SET_PDEATHSIG = 1

PARENT = "DOSA_HIL_PARENT"
"""Variable that holds the number of the process that started this one."""


@dataclass(frozen=True, slots=True)
class Work:
    """The tasks of one simulator process, all of one design and datapath."""

    library: Path
    counters: tuple[str, ...]
    journal: Path
    tasks: tuple[tuple[str, Task], ...]
    """Keys and tasks."""

    def write(self, path: Path) -> None:
        """Write as JSON for ``read``."""
        tasks = [{"key": key, "task": task.to_json()} for key, task in self.tasks]
        content = {
            "library": str(self.library),
            "counters": self.counters,
            "journal": str(self.journal),
            "tasks": tasks,
        }
        path.write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Work":
        """The inverse of ``write``."""
        content = json.loads(path.read_text(encoding="utf-8"))
        tasks = tuple((entry["key"], Task.from_json(entry["task"])) for entry in content["tasks"])
        return cls(Path(content["library"]), tuple(content["counters"]), Path(content["journal"]), tasks)

    def prepared(self, journal: JournalWriter) -> Iterator[tuple[str, Prepared]]:
        """The tasks ready to run, one at a time; those that have no program leave an error in the journal."""
        for key, task in self.tasks:
            try:
                yield key, prepare(task)
            except ProgramError as error:
                journal.append(Record(key, error=str(error)))


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends, however that happens; end if it has."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.environ.get(PARENT, str(os.getppid())) != str(os.getppid()):
        sys.exit("the process that wanted these simulations has ended")


def run(simulation: Simulation, prepared: Prepared) -> Outcome:
    """Run one program in this process."""
    simulation.load(prepared.commands, prepared.contents, prepared.program.memory_bytes, prepared.task.memory)
    start = time.process_time()
    simulation.run_until_done()
    seconds = time.process_time() - start
    io = simulation.io
    return Outcome(simulation.error, io.cycles_o, io.host_cycles_o, io.counters_o, simulation.caches, seconds)


def main() -> None:
    """Run the tasks of the work file that the command line names."""
    die_with_parent()
    work = Work.read(Path(sys.argv[1]))
    simulation = Simulation(work.library)
    with JournalWriter(work.journal) as journal:
        for key, prepared in work.prepared(journal):
            journal.append(conclude(key, prepared, work.counters, run(simulation, prepared)))


if __name__ == "__main__":
    main()
