"""Progress lines: written over on a terminal, rare elsewhere, silent where nothing takes long."""

import io
import itertools

import pytest

from learned.evaluate import FOLDS
from pipeline.machine.latency import AnalyticalModel
from pipeline.progress import LOG_SECONDS, TERMINAL_SECONDS, Line, time_left
from pipeline.stages import search as search_stage
from pipeline.stages.search import run_search
from pipeline.stages.train import train_table
from pipeline.workload import load_workload
from tests.learned import cases
from tests.machines import GEMMINI


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_terminal_shows_one_line_that_is_written_over():
    clock, stream = Clock(), Terminal()
    line = Line(stream, clock)
    for _ in range(40):
        clock.now += TERMINAL_SECONDS / 4
        line.show(f"at {clock.now:g}")
    line.end("done")
    shown = stream.getvalue().split("\r")
    assert len(shown) == 11
    assert shown[0].strip() == "at 1"
    assert shown[-1].strip() == "done"
    assert shown[-1].endswith("\n")


def test_a_log_gets_a_line_from_time_to_time():
    clock, stream = Clock(), io.StringIO()
    line = Line(stream, clock)
    for _ in range(50):
        clock.now += 1
        line.show("working")
    line.end("done")
    assert stream.getvalue().splitlines() == ["working"] * (50 // int(LOG_SECONDS)) + ["done"]


def test_what_is_done_at_once_is_not_mentioned():
    stream = Terminal()
    line = Line(stream, Clock())
    line.show("working")
    line.end("done")
    assert stream.getvalue() == ""


def test_time_left_follows_from_the_rate_so_far():
    assert time_left(25, 100, 30) == ", 1:30 left"
    assert time_left(0, 100, 30) == time_left(100, 100, 30) == ""


@pytest.fixture
def eager(monkeypatch):
    """Lines whose clock moves on by a minute whenever it is read."""

    def make(stream: io.StringIO) -> Line:
        ticks = itertools.count(0.0, 60.0)
        return Line(stream, lambda: next(ticks))

    monkeypatch.setattr(search_stage, "Line", make)
    monkeypatch.setattr("pipeline.stages.train.Line", make)


@pytest.mark.parametrize("method", ["gradient", "random", "genetic"])
def test_a_search_says_how_far_it_is_and_the_result_is_the_same(eager, method):
    stream = io.StringIO()
    options = {"method": method, "evaluations": 60, "model": AnalyticalModel(GEMMINI), "seed": 0, "fix_dim": 16}
    shown = run_search(load_workload("bert"), stream=stream, **options)
    lines = stream.getvalue().splitlines()
    assert all(line.startswith(f"{method} on bert: ") and " of 60 evaluations" in line for line in lines)
    assert f"best EDP {shown.edp:.4g}" in lines[-1]
    silent = run_search(load_workload("bert"), **options)
    assert silent.edp == shown.edp


def test_a_fit_says_how_far_it_is(eager, tmp_path):
    stream = io.StringIO()
    table = cases.table(cases.rows(shapes=4, each=5))
    train_table(table, tmp_path / "a.model", kind="analytical", stream=stream)
    *fits, last = stream.getvalue().splitlines()
    assert len(fits) >= 2
    total = len(fits) + 1
    assert total <= FOLDS + 1
    for number, text in enumerate(fits, 1):
        assert text.startswith(f"analytical model: fit {number} of {total} done")
    assert "fitted to" in last
