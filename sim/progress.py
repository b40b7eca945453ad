"""One line on the terminal: how many simulations are done, how fast, and the time left."""

import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from pipeline.progress import Line, time_left
from sim.journal import read_journal


class Progress:
    """Watches journals from a thread and writes to ``stream``; None for silence."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._line = Line(stream)
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._before = 0
        self._total = 0
        self._folders: tuple[Path, ...] = ()
        self._old_keys: frozenset[str] = frozenset()

    def start(self, before: int, total: int, folders: Iterable[Path]) -> None:
        """Begin to count: ``before`` of ``total`` simulations are in the journals ``folders`` already."""
        self._before, self._total, self._folders = before, total, tuple(folders)
        self._old_keys = frozenset(key for folder in self._folders for key in read_journal(folder))
        self._line = Line(self._stream)
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
            self._line.end(self._text())

    def _watch(self) -> None:
        while not self._end.wait(self._line.interval):
            self._line.show(self._text())

    def _text(self) -> str:
        records = {key: record for folder in self._folders for key, record in read_journal(folder).items()}
        new = [record for key, record in records.items() if key not in self._old_keys]
        cycles = sum(record.cycles for record in new)
        return progress_text(self._before, len(new), self._total, cycles, self._line.seconds)


def progress_text(before: int, new: int, total: int, cycles: int, seconds: float) -> str:
    """The line itself: ``new`` simulations with ``cycles`` took ``seconds``, ``before`` were there already."""
    text = f"simulated {before + new} of {total}, {cycles / max(seconds, 1e-9) / 1e6:.2f} M cycles/s"
    return text + time_left(new, total - before, seconds)
