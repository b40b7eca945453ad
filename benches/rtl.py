"""How fast designs build and simulate under cocotb: a row per array size and build.

Every design is built from nothing (no compiler cache), then runs one long program and many short ones, each in one
simulator process. Times are CPU times, so a busy machine changes them little. Rates are of the long program between
start and done; the overhead per program is what an extra short program adds besides simulating.
"""

import os
import resource
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benches.common import GEMMINI, Cell, quick, write
from pipeline.hardware import Hardware
from pipeline.machine.gemmini.tiler import default_mapping
from pipeline.workload import Layer
from rtl.generate import generate
from sim.build import DATAPATHS, Built, Datapath, build
from sim.design import Design
from sim.journal import read_journal
from sim.launch import run_process
from sim.memory import MemorySettings
from sim.task import Record, Task
from sim.worker import Work

DIMS = (4, 8, 16, 32, 64)
QUICK_DIMS = (4, 16)
SHORT_PROGRAMS = 100

LONG = {"timing": Layer(R=3, S=3, P=56, Q=56, C=64, K=64), "full": Layer(R=3, S=3, P=28, Q=28, C=64, K=64)}
SHORT = Layer(R=1, S=1, P=32, Q=1, C=32, K=32)


@dataclass(frozen=True, slots=True)
class Run:
    """One simulator process: its CPU time and its records in order."""

    seconds: float
    records: list[Record]


def task(layer: Layer, hardware: Hardware, datapath: Datapath, *, skip_idle: bool, seed: int) -> Task:
    """A layer with its default mapping on the ``soc`` memory."""
    memory = replace(MemorySettings.of("soc"), skip_idle=int(skip_idle))
    return Task(default_mapping(layer, hardware), hardware, datapath, memory, seed=seed)


def run(built: Built, tasks: list[Task]) -> Run:
    """Run ``tasks`` in one process under cocotb."""
    with tempfile.TemporaryDirectory() as folder:
        keyed = tuple((str(i), item) for i, item in enumerate(tasks))
        before = _cpu_seconds()
        reason = run_process(built, "cocotb", Work(built.library, built.design.counters, Path(folder), keyed))
        seconds = _cpu_seconds() - before
        found = read_journal(Path(folder))
    if len(found) != len(tasks):
        raise RuntimeError(reason)
    records = [found[key] for key, _ in keyed]
    if failed := next((record.error for record in records if record.error), ""):
        raise RuntimeError(failed)
    return Run(seconds, records)


def measure(dim: int, datapath: Datapath) -> dict[str, Cell]:
    """The row of one array size and build."""
    hardware = GEMMINI.template.hardware(dim, 256, 64)
    design = Design.load(generate(hardware, Path(os.environ["DOSA_HIL_CACHE"]) / "rtl"))
    before = _cpu_seconds()
    built = build(design, datapath)
    build_cpu_s = _cpu_seconds() - before
    start = time.perf_counter()
    build(design, datapath)
    unchanged_build_s = time.perf_counter() - start
    long = [task(LONG[datapath], hardware, datapath, skip_idle=skip, seed=0) for skip in (False, True)]
    short = [task(SHORT, hardware, datapath, skip_idle=False, seed=seed) for seed in range(SHORT_PROGRAMS)]
    alone, together = run(built, long), run(built, long + short)
    plain, skipping = alone.records
    simulating = [sum(record.seconds for record in item.records) for item in (alone, together)]
    return {
        "dim": dim,
        "build": datapath,
        "build_cpu_s": build_cpu_s,
        "unchanged_build_s": unchanged_build_s,
        "cycles": plain.cycles,
        "cycles_per_s": plain.cycles / plain.seconds,
        "cycles_per_s_skipping_idle": skipping.cycles / skipping.seconds,
        "skipping_is_exact": (plain.cycles, plain.counters) == (skipping.cycles, skipping.counters),
        "start_cpu_s": alone.seconds - simulating[0],
        "per_program_cpu_ms": 1000
        * (together.seconds - simulating[1] - alone.seconds + simulating[0])
        / SHORT_PROGRAMS,
        "python_share_percent": 100 * (1 - simulating[1] / together.seconds),
    }


def main() -> None:
    """Run the bench in a build cache of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DOSA_HIL_CACHE": folder, "CCACHE_DISABLE": "1"}
        # The first build also builds what all designs share: not part of any row.
        hardware = GEMMINI.template.hardware(2, 16, 16)
        build(Design.load(generate(hardware, Path(folder) / "rtl")), "timing")
        dims = QUICK_DIMS if quick() else DIMS
        write("rtl", [measure(dim, datapath) for dim in dims for datapath in DATAPATHS], seeds=[0])


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
