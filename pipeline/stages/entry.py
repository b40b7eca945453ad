"""How every command is run; loads nothing that takes time."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import typer


def run(main: Callable[..., None]) -> None:
    """Run the command ``main`` of a module that was started by ``python -m``."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    guarded(app)


def guarded(app: Callable[[], Any]) -> None:
    """Call ``app``; bad input gives one line on standard error and exit status 1.

    Commands compute on one thread, because their batches are small: more threads wait for each other and for whatever
    else the machine does. ``OMP_NUM_THREADS`` says otherwise. ``DOSA_HIL_TRACEBACK`` shows where an error came from.
    """
    threads = os.environ.setdefault("OMP_NUM_THREADS", "1")
    if "torch" in sys.modules and threads.isdigit():
        importlib.import_module("torch").set_num_threads(int(threads))
    try:
        app()
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("DOSA_HIL_TRACEBACK"):
            raise
        print(f"error: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        sys.exit(1)
