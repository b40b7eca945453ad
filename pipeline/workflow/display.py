"""Shows a run on the terminal: one line a stage, written over while it runs; elsewhere a line when a stage ends."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.progress import duration
from pipeline.workflow.stages import Run, Stage

QUIET_SECONDS = 30.0
"""Least time between two lines about stages that still run, where the output is no terminal."""

WIDTH = 34


class Display:
    """Where a run is shown."""

    def __init__(self, run: Run, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._run, self._console, self._clock = run, console, clock
        self._said = self._began = clock()
        self._lines: dict[str, str] = {}
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None

    def __enter__(self) -> "Display":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._live.stop()

    def update(self, ended: Stage | None = None) -> None:
        """Show how far the run is; ``ended`` is a stage that is over since."""
        now = self._clock()
        if self._live is not None:
            if ended is not None or now - self._said >= 0.5:
                self._said = now
                self._live.update(self._table(), refresh=True)
        elif ended is not None:
            self._say(ended)
        elif now - self._said >= QUIET_SECONDS:
            for stage in self._run.stages.values():
                if stage.running:
                    self._say(stage)

    def _say(self, stage: Stage) -> None:
        self._said = self._clock()
        line = f"  {stage.title:{WIDTH}}{stage.text(self._said)}"
        if self._lines.get(stage.rule) != line:
            self._lines[stage.rule] = line
            self._console.out(line, highlight=False)

    def _table(self) -> Table:
        now = self._clock()
        table = Table.grid(padding=(0, 2))
        for stage in self._run.stages.values():
            style = "red" if stage.failed else "" if stage.running else "dim"
            mark = "x" if stage.failed else "+" if stage.is_over else ">" if stage.running else " "
            table.add_row(Text(f" {mark} {stage.title}", style=style), Text(stage.text(now), style=style))
        done, total = self._run.jobs
        table.add_row(Text(f"   {done} of {total} jobs"), Text(duration(now - self._began)))
        return table
