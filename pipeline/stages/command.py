"""What the stages share on the command line: one line on standard error and exit status 1 for bad input."""

import os
import sys
from collections.abc import Callable, Iterable

from pipeline.hardware import Hardware


def run(stage: Callable[[], None]) -> None:
    """Run a stage; ``DOSA_HIL_TRACEBACK`` shows where an error came from."""
    try:
        stage()
    except (ValueError, OSError) as error:
        if os.environ.get("DOSA_HIL_TRACEBACK"):
            raise
        print(f"error: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        sys.exit(1)


def hardware(text: str) -> Hardware:
    """Hardware of the platform ``rtl`` from ``DIM,SCRATCHPAD_KIB,ACCUMULATOR_KIB``."""
    try:
        dim, scratchpad_kib, accumulator_kib = text.split(",")
        sizes = int(dim), float(scratchpad_kib), float(accumulator_kib)
    except ValueError:
        raise ValueError(f"hardware {text!r}: expected DIM,SCRATCHPAD_KIB,ACCUMULATOR_KIB such as 16,128,32") from None
    return Hardware(*sizes, "rtl")


def say(stage: str, parts: Iterable[str]) -> None:
    """One line of progress."""
    print(f"{stage}: {', '.join(parts)}", flush=True)
