"""One line on the terminal: how many simulations are done, how fast, and the time left."""

import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from sim.journal import read_journal

TERMINAL_SECONDS = 1.0
LOG_SECONDS = 20.0


class Progress:
    """Watches journals from a thread and writes to ``stream``; None for silence."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._interval = TERMINAL_SECONDS if stream is not None and stream.isatty() else LOG_SECONDS
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._before = 0
        self._total = 0
        self._folders: tuple[Path, ...] = ()
        self._old_keys: frozenset[str] = frozenset()
        self._started = 0.0

    def start(self, before: int, total: int, folders: Iterable[Path]) -> None:
        """Begin to count: ``before`` of ``total`` simulations are in the journals ``folders`` already."""
        self._before, self._total, self._folders = before, total, tuple(folders)
        self._old_keys = frozenset(key for folder in self._folders for key in read_journal(folder))
        self._started = time.monotonic()
        if self._stream is not None and before < total:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()
            self._show(end="\n")

    def _watch(self) -> None:
        while not self._end.wait(self._interval):
            self._show(end="\r" if self._stream is not None and self._stream.isatty() else "\n")

    def _show(self, end: str) -> None:
        records = {key: record for folder in self._folders for key, record in read_journal(folder).items()}
        new = [record for key, record in records.items() if key not in self._old_keys]
        elapsed = time.monotonic() - self._started
        text = progress_text(self._before, len(new), self._total, sum(record.cycles for record in new), elapsed)
        print(text, end=end, file=self._stream or sys.stderr, flush=True)


def progress_text(before: int, new: int, total: int, cycles: int, seconds: float) -> str:
    """The line itself: ``new`` simulations with ``cycles`` took ``seconds``, ``before`` were there already."""
    done = before + new
    text = f"simulated {done} of {total}, {cycles / max(seconds, 1e-9) / 1e6:.2f} M cycles/s"
    if new and done < total:
        left = seconds / new * (total - done)
        text += f", {int(left) // 60}:{int(left) % 60:02d} left"
    return text.ljust(70)
