"""The cocotb test: one simulator process runs many programs, one after the other.

Python loads a program, resets the design, raises ``go_i`` and waits for ``done_o``; in between the clock runs in C++
(``sim/native/main.cpp``). With ``DOSA_HIL_BURST=0`` it runs in cocotb instead, slowly, as a cross-check.
"""

import ctypes
import os
import time
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer

from sim.journal import JournalWriter
from sim.memory import bind, cache_counts, error, load
from sim.task import Outcome, Prepared, conclude
from sim.worker import Work, die_with_parent


@cocotb.test()  # type: ignore[untyped-decorator]
async def run_programs(dut: Any) -> None:
    """Run the tasks of the work file ``DOSA_HIL_WORK`` and append their records to its journal."""
    die_with_parent()
    work = Work.read(Path(os.environ["DOSA_HIL_WORK"]))
    library = bind(ctypes.CDLL(None))
    if os.environ.get("DOSA_HIL_BURST") == "0":
        Clock(dut.clk_i, 2, unit="step").start(start_high=False)
    with JournalWriter(work.journal) as journal:
        for key, prepared in work.prepared(journal):
            outcome = await _run(dut, library, prepared)
            journal.append(conclude(key, prepared, work.counters, outcome))


async def _run(dut: Any, library: ctypes.CDLL, prepared: Prepared) -> Outcome:
    dut.go_i.value = 0
    # Reset is asynchronous: only its falling edge is seen while the clock stands, also before the first program.
    dut.rst_ni.value = 1
    await Timer(2, unit="step")
    dut.rst_ni.value = 0
    await Timer(2, unit="step")
    load(library, prepared.commands, prepared.contents, prepared.program.memory_bytes, prepared.task.memory)
    dut.rst_ni.value = 1
    await Timer(2, unit="step")
    start = time.process_time()
    dut.go_i.value = 1
    await RisingEdge(dut.done_o)
    seconds = time.process_time() - start
    ports = (dut.cycles_o, dut.host_cycles_o, dut.counters_o)
    cycles, host_cycles, counters = (int(port.value) for port in ports)
    return Outcome(error(library), cycles, host_cycles, counters, cache_counts(library), seconds)
