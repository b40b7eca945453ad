"""The batch runner with real simulator processes: both drivers, resuming, errors in rows."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.files import ROOT
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim.build import build
from sim.journal import read_journal
from sim.launch import run_process
from sim.memory import MemorySettings
from sim.runner import Request, simulate
from sim.task import Record, Task
from sim.worker import Work
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_programs import design_of

HARDWARE = DESIGNS[1]

pytestmark = pytest.mark.xdist_group("rtl")


def task(rows: int, **changes: int) -> Task:
    """A matrix product of ``rows`` rows, four of them a tile."""
    layer = Layer(R=1, S=1, P=rows, Q=1, C=8, K=8)
    mapping = Mapping(layer, ((("P", 4),), (("C", 2),), (), (("P", -(-rows // 4)), ("K", 2))), (4, 4))
    return Task(mapping, HARDWARE, "timing", replace(MemorySettings.of("soc"), **changes))


def requests(*tasks: Task) -> list[Request]:
    return [Request(design_of(HARDWARE), item) for item in tasks]


def counts(records: list[Record]) -> list[tuple[int, dict[str, int], str]]:
    return [(record.cycles, record.counters, record.error) for record in records]


def test_both_drivers_give_the_same_counts_and_keep_the_order(tmp_path: Path) -> None:
    wanted = requests(task(40), task(12), replace(task(24), datapath="full"), task(12))
    by_cocotb = simulate(wanted, "cocotb", tmp_path / "a", jobs=2)
    in_process = simulate(wanted, "inprocess", tmp_path / "b", jobs=1)
    assert counts(by_cocotb) == counts(in_process)
    assert [record.error for record in by_cocotb] == [""] * 4
    assert by_cocotb[0].cycles > by_cocotb[2].cycles > by_cocotb[1].cycles == by_cocotb[3].cycles


def test_a_clock_in_cocotb_gives_the_same_counts_as_the_burst_clock(tmp_path: Path) -> None:
    built = build(design_of(HARDWARE), "timing")
    records = []
    for burst in (True, False):
        folder = tmp_path / str(burst)
        run_process(built, "cocotb", Work(built.library, built.design.counters, folder, (("a", task(8)),)), burst=burst)
        records.append(read_journal(folder)["a"])
    assert counts(records[:1]) == counts(records[1:])


def test_a_run_over_its_budget_and_a_mapping_without_program_are_errors_of_their_rows(tmp_path: Path) -> None:
    too_long = task(4000, budget_kilocycles=3)
    layer = Layer(R=1, S=1, P=4096, Q=1, C=8, K=8)
    too_large = replace(task(8), mapping=Mapping(layer, ((("P", 4096),), (("C", 2), ("K", 2)), (), ()), (4, 4)))
    records = simulate(requests(task(8), too_long, too_large), "inprocess", tmp_path, jobs=1)
    assert records[0].error == ""
    assert records[1].error == "cycle budget of 3,000 exceeded"
    assert "accumulator rows" in records[2].error or "scratchpad rows" in records[2].error


def test_finished_simulations_are_not_run_again(tmp_path: Path) -> None:
    wanted = requests(task(8), task(12))
    first = simulate(wanted, "inprocess", tmp_path, jobs=1)
    files = sorted(tmp_path.rglob("*.jsonl"))
    again = simulate([*wanted, *requests(task(16))], "inprocess", tmp_path, jobs=1)
    assert again[:2] == first
    lines = [len(path.read_bytes().splitlines()) for path in sorted(tmp_path.rglob("*.jsonl"))]
    assert sum(lines) == 3
    assert len(lines) == len(files) + 1


SCRIPT = """
import sys
from pathlib import Path
from sim.runner import simulate
from tests.sim.test_runner import requests, task
tasks = [task(400 + 4 * i) for i in range(int(sys.argv[2]))]
records = simulate(requests(*tasks), "inprocess", Path(sys.argv[1]), jobs=2)
print(sum(record.cycles for record in records), sum(bool(record.error) for record in records))
"""


def kill_and_resume(folder: Path, rows: int, delays: list[float]) -> None:
    """Kill a batch after each delay, then let it finish: no simulation is lost, doubled or left running."""
    command = [sys.executable, "-c", SCRIPT, str(folder), str(rows)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for delay in delays:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    output = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    expected = simulate(requests(*(task(400 + 4 * i) for i in range(rows))), "inprocess", folder, jobs=1)
    assert output.split() == [str(sum(record.cycles for record in expected)), "0"]
    lines = [line for path in folder.rglob("*.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
    assert len(lines) == len(set(lines)) == rows


def test_a_batch_killed_twice_goes_on_without_losing_or_doubling_a_row(tmp_path: Path) -> None:
    build(design_of(HARDWARE), "timing")
    kill_and_resume(tmp_path, rows=60, delays=[5.0, 7.0])


@pytest.mark.long
def test_a_batch_killed_twenty_times_goes_on_without_losing_or_doubling_a_row(tmp_path: Path) -> None:
    build(design_of(HARDWARE), "timing")
    kill_and_resume(tmp_path, rows=300, delays=[2.0 + 0.35 * i for i in range(20)])
