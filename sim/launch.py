"""Starts simulator processes for either driver."""

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import cocotb_tools.config
import find_libpython

from pipeline.files import ROOT
from sim.build import Built, MissingToolError
from sim.task import Driver
from sim.worker import PARENT, Work


def run_process(built: Built, driver: Driver, work: Work, *, burst: bool = True) -> str:
    """Run ``work`` in one process and wait for it; its records are then in the journal.

    Returns what the process said last: the reason when a task has no record afterwards. ``burst=False`` lets cocotb
    drive the clock.
    """
    with tempfile.TemporaryDirectory(prefix="dosa-hil-") as name:
        folder = Path(name)
        file = folder / "work.json"
        work.write(file)
        if driver == "cocotb":
            command = [str(built.executable)]
            environment = _cocotb_environment() | {
                "DOSA_HIL_WORK": str(file),
                "DOSA_HIL_BURST": str(int(burst)),
                "COCOTB_RESULTS_FILE": str(folder / "results.xml"),
            }
        else:
            command = [sys.executable, "-m", "sim.worker", str(file)]
            environment = _environment()
        with (folder / "output").open("w+", encoding="utf-8", errors="replace") as output:
            done = subprocess.run(command, cwd=folder, env=environment, stdout=output, stderr=output, check=False)
            output.seek(0)
            return _last_word(done.returncode, output.read())


def _last_word(code: int, output: str) -> str:
    if code < 0:
        return f"the simulator was ended by signal {-code}"
    lines = [line.strip() for line in output.splitlines() if "Error" in line or "error" in line]
    return f"the simulator ended early: {lines[-1][:300] if lines else 'no message'}"


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", PARENT: str(os.getpid())}


@cache
def _python_library() -> str:
    found = find_libpython.find_libpython()
    if found is None:
        raise MissingToolError("libpython not found; install the package 'libpython3-dev' (Debian, Ubuntu)")
    return str(found)


def _cocotb_environment() -> dict[str, str]:
    return _environment() | {
        "PYGPI_PYTHON_BIN": sys.executable,
        "GPI_USERS": f"{_python_library()};{cocotb_tools.config.pygpi_entry_point()}",
        "COCOTB_TOPLEVEL": "tb",
        "COCOTB_TEST_MODULES": "sim.bench",
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        # cocotb would have pytest rewrite every module that the bench imports, torch included: seconds a process.
        "COCOTB_REWRITE_ASSERTION_FILES": "",
        "COCOTB_LOG_LEVEL": "WARNING",
        "TOPLEVEL_LANG": "verilog",
    }
