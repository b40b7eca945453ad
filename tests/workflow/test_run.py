"""``dosa-hil run``: quiet progress from Snakemake's events, failures that say where and why, totals of tables."""

import io
import time

import pandas as pd
import pytest
from rich.console import Console

from pipeline.progress import duration
from pipeline.stages import run as command
from pipeline.stages.command import totals
from pipeline.workflow.display import Display
from pipeline.workflow.stages import Run, warnings_of

WORKFLOW = """
rule all:
    input: "out/good", "out/bad"

rule simulate:
    output: "out/good"
    log: "good.log"
    shell: "echo 'warning: row 7 took long' | tee {log}; touch {output}"

rule train:
    input: "out/good"
    output: "out/bad"
    log: "bad.log"
    shell: "echo 'error: row 3: column sim.cycles is empty' | tee {log}; exit 1"
"""


def info(number: int, rule: str, log: str = "") -> dict:
    return {"event": "job_info", "jobid": number, "rule_name": rule, "log": [log] if log else [], "wildcards": {}}


@pytest.fixture
def clock():
    now = [0.0]

    def read() -> float:
        return now[0]

    read.now = now
    return read


def test_a_stage_says_how_far_it_is_and_what_is_left(clock, tmp_path):
    run = Run(clock)
    run.take({"event": "run_info", "stats": {"train": 1, "simulate": 4, "all": 1, "total": 6}})
    assert list(run.stages) == ["simulate", "train"]
    run.take(info(1, "simulate"))
    clock.now[0] = 10.0
    run.take({"event": "job_finished", "job_id": 1})
    log = tmp_path / "half.log"
    log.write_text("simulated 30 of 60, 1.0 M cycles/s\n")
    run.take(info(2, "simulate", str(log)))
    clock.now[0] = 15.0
    stage = run.stages["simulate"]
    assert stage.seconds_left(15.0) == pytest.approx((10 + 5) / 1.5 * 2.5)
    assert stage.text(15.0) == "1 of 4, 25 s left"
    assert run.jobs == (1, 5)


def test_a_stage_without_anything_to_go_by_promises_nothing(clock):
    run = Run(clock)
    run.take({"event": "run_info", "stats": {"search": 1}})
    run.take(info(1, "search"))
    assert run.stages["search"].text(3.0) == "0 of 1, running"


def test_without_a_terminal_there_is_one_line_a_stage_at_its_end_and_one_now_and_then(clock):
    out = io.StringIO()
    run = Run(clock)
    with Display(run, Console(file=out), clock) as display:
        display.update(run.take({"event": "run_info", "stats": {"simulate": 2}}))
        display.update(run.take(info(1, "simulate")))
        display.update(run.take(info(2, "simulate")))
        clock.now[0] = 31.0
        display.update()
        clock.now[0] = 32.0
        display.update(run.take({"event": "job_finished", "job_id": 1}))
        display.update(run.take({"event": "job_finished", "job_id": 2}))
    lines = out.getvalue().splitlines()
    assert [line.split() for line in lines] == [
        ["simulate", "0", "of", "2,", "running"],
        ["simulate", "2", "of", "2,", "32", "s"],
    ]


def test_a_failure_names_the_stage_the_row_and_the_log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text(WORKFLOW)
    run = Run(time.monotonic)
    out = io.StringIO()
    with (tmp_path / "run.log").open("w", encoding="utf-8") as log:
        status = command._follow(["all", "--cores", "1"], log, run, Console(file=out))
    assert status == 1
    assert [failure.text().splitlines() for failure in run.failures] == [
        ["failed: train latency models", "  error: row 3: column sim.cycles is empty", "  log: bad.log"]
    ]
    assert warnings_of(run.logs) == ["warning: row 7 took long"]
    assert "simulate" in out.getvalue()
    assert len(out.getvalue().splitlines()) <= 3
    assert "rule train" in (tmp_path / "run.log").read_text()


@pytest.mark.parametrize(("seconds", "text"), [(4.4, "4 s"), (65, "1:05 min"), (7300, "2:01 h")])
def test_durations_are_in_words(seconds, text):
    assert duration(seconds) == text


def test_totals_of_a_table_count_layers_and_leave_failures_out():
    table = pd.DataFrame(
        {
            "sim.cycles": [100.0, 50.0, float("nan")],
            "sim.energy_uj": [2.0, 1.0, float("nan")],
            "pred.cycles": [110.0, 50.0, 1.0],
            "pred.energy_uj": [2.0, 1.0, 1.0],
            "layer.count": [1, 2, 1],
            "error": ["", "", "too large"],
        }
    )
    assert totals(table) == [
        "simulated 200 cycles, 4 uJ, EDP 800 uJ-cycles",
        "predicted 210 cycles, 4 uJ, EDP 840 uJ-cycles",
        "cycles predicted to 5 % (median)",
    ]
