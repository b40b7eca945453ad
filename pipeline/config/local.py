"""Running on one machine: no more jobs than it can carry, and no lock left behind by a run that was killed."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.plan import cpus, memory_mb

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

_held: list[int] = []
"""Open locks; they must stay open as long as the process lives."""


def limit_resources(workflow: "Workflow") -> None:
    """Bound concurrency by the CPUs and memory present, whatever ``--cores`` says.

    Every rule asks for ``slots`` and ``mem_mb``. Limits given with ``--resources`` are kept, and a cluster profile
    gives its own.
    """
    for name, amount in (("slots", cpus()), ("mem_mb", memory_mb())):
        if name not in workflow.global_resources:
            workflow.register_resource(name, amount)
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def clear_stale_lock(workflow: "Workflow") -> None:
    """Remove Snakemake's lock when the run that took it is dead.

    A running workflow holds an flock, which the kernel drops when the process dies, however it dies.
    """
    if not workflow.is_main_process or workflow.dryrun:
        return
    folder = Path(".snakemake")
    folder.mkdir(exist_ok=True)
    handle = os.open(folder / "running.flock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return
    _held.append(handle)
    shutil.rmtree(folder / "locks", ignore_errors=True)
