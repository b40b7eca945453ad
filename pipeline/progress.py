"""One line on the terminal about work that takes a while: how much is done, and the time left."""

import time
from collections.abc import Callable
from typing import TextIO

TERMINAL_SECONDS = 1.0
LOG_SECONDS = 20.0
"""Least time between two lines where the stream is no terminal."""

WIDTH = 78


class Line:
    """A line that is written over on a terminal, and from time to time elsewhere; None for silence."""

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._is_terminal = stream is not None and stream.isatty()
        self.interval = TERMINAL_SECONDS if self._is_terminal else LOG_SECONDS
        self._clock = clock
        self._started = self._last = clock()
        self._shown = False

    @property
    def seconds(self) -> float:
        """Seconds since the work began."""
        return self._clock() - self._started

    def show(self, text: str) -> None:
        """Show ``text``, unless a line was shown a moment ago."""
        if self._stream is not None and self._clock() - self._last >= self.interval:
            self._last = self._clock()
            self._write(text, "\r" if self._is_terminal else "\n")

    def end(self, text: str) -> None:
        """Show ``text`` as the last line, where a line was shown before."""
        if self._shown:
            self._write(text, "\n")

    def _write(self, text: str, end: str) -> None:
        self._shown = True
        print(text.ljust(WIDTH) if self._is_terminal else text, end=end, file=self._stream, flush=True)


def time_left(done: float, total: float, seconds: float) -> str:
    """``, 1:05 left`` when ``done`` of ``total`` took ``seconds``; nothing where that says nothing."""
    if not 0 < done < total:
        return ""
    left = int(seconds / done * (total - done))
    return f", {left // 60}:{left % 60:02d} left"


def duration(seconds: float) -> str:
    """``12 s``, ``3:05 min`` or ``2:07 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"
