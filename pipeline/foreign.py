"""Python files of a design's folder: a function out of one, and whatever it does wrong as one clear error."""

import importlib.util
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from pipeline.files import digest

LIMIT_SECONDS = 300.0
"""CPU time that one call may take."""


class ForeignError(ValueError):
    """A file's Python is wrong whatever it was asked: it raises, does not end, or is not what it should be."""


class _TimeUp(BaseException):
    """No ``Exception``, so that a design's Python does not catch it by chance."""


def named(path: Path) -> str:
    """What messages call a file of a folder."""
    return f"{path.parent.name}/{path.name}"


def function_of(path: Path, name: str) -> Callable[..., Any]:
    """The function ``name`` of the file ``path``. Raises ForeignError when there is none."""
    if not has_function(path, name):
        raise ForeignError(f"{named(path)}: has no function {name}")
    found: Callable[..., Any] = getattr(_module_of(path), name)
    return found


def has_function(path: Path, name: str) -> bool:
    """Whether the file ``path`` has a function ``name``. Raises ForeignError when it cannot be executed."""
    return callable(getattr(_module_of(path), name, None))


@cache
def _module_of(path: Path) -> ModuleType:
    """The file ``path``, which is executed once."""
    spec = importlib.util.spec_from_file_location(f"design_{path.stem}_{digest(str(path))}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ForeignError(f"{named(path)}: no such file")
    module = importlib.util.module_from_spec(spec)
    try:
        with guarded(path):
            spec.loader.exec_module(module)
    except ForeignError:
        raise
    except ValueError as error:
        raise ForeignError(f"{named(path)}: ValueError: {one_line(error)}") from error
    return module


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn whatever the Python of ``path`` raises, and taking too long, into a ForeignError that names the file.

    A ValueError is let through: it says what is not possible.
    """
    try:
        with _time_limit():
            yield
    except _TimeUp:
        raise ForeignError(f"{named(path)}: no result after {LIMIT_SECONDS:g} s of CPU time") from None
    except ValueError:
        raise
    except (Exception, SystemExit) as error:
        raise ForeignError(f"{named(path)}: {type(error).__name__}: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """The message of ``error`` without line breaks, of bounded length."""
    return " ".join(str(error).split())[:300]


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise _TimeUp after ``LIMIT_SECONDS`` of this process's CPU time; signals reach the main thread only.

    Inside of another one it is the outer limit that counts.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0:
        yield
        return

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise _TimeUp

    before = signal.signal(signal.SIGVTALRM, expire)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
