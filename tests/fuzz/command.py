"""Runs ``dosa-hil`` in this process and checks what must hold whatever it is given."""

import contextlib
import faulthandler
import io
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cli import main

LONGEST_S = 60
LONGEST_BUILD_S = 400
"""For commands that may have to build a design first, the shared library included."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str


def examples(sample: int, many: int) -> pytest.MarkDecorator:
    """The parameter ``count`` of a test: a few examples, always the same, and many new ones in the long tests."""
    long = pytest.param(many, marks=pytest.mark.long, id="many")
    return pytest.mark.parametrize("count", [pytest.param(sample, id="sample"), long])


def explore(check: Callable[..., None], count: int, **strategies: st.SearchStrategy) -> None:
    """Call ``check`` with ``count`` drawn examples."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    limits = settings(
        max_examples=count, deadline=None, database=None, derandomize=count < 50, suppress_health_check=quiet
    )
    limits(given(**strategies)(check))()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A new folder for one example."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@contextlib.contextmanager
def no_hang(seconds: int = LONGEST_S) -> Iterator[None]:
    """Fail when the body takes longer; end the process with a traceback when not even that can interrupt it."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"hangs: still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    faulthandler.dump_traceback_later(2 * seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(inside: Path, *arguments: object, longest_s: int = LONGEST_S) -> Outcome:
    """Run ``dosa-hil`` and check that it ends in time, without a traceback and without half-written files.

    A command that fails says why in one line and leaves ``inside`` as it was; one that could handle no row of a table
    writes what is wrong with each of them.
    """
    before = _content(inside)
    out, err = io.StringIO(), io.StringIO()
    argv = sys.argv
    sys.argv = ["dosa-hil", *map(str, arguments)]
    try:
        with no_hang(longest_s), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.argv = argv
    outcome = Outcome(status, out.getvalue(), err.getvalue())
    assert "Traceback" not in outcome.err
    assert not list(inside.rglob(".part-*"))
    if status and "rows have an error, the first: " in outcome.err:
        assert outcome.err.count("\n") == 1, outcome.err
    elif status:
        assert outcome.err.startswith("error: "), outcome.err
        assert outcome.err.count("\n") == 1, outcome.err
        assert len(outcome.err) < 2000, outcome.err[:2000]
        assert _content(inside) == before, f"wrote something although it failed: {outcome.err}"
    return outcome


def _content(inside: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of every file."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in inside.rglob("*") if path.is_file()}
