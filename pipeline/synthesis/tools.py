"""The tools that synthesis needs: where they are, what to install where one is missing, and how they are called."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

DEFAULT_LIBERTY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
"""Standard cells of a 180 nm process by Oklahoma State University, as Debian and Ubuntu package them."""
DEFAULT_NANOMETRES = 180
TIMEOUT_S = 1800
"""No single module takes longer on any machine that is worth waiting for."""
_YOSYS = "import sys; from pyosys import libyosys as ys; ys.run_pass(f'script {sys.argv[1]}', ys.Design())"


def check_yosys() -> None:
    """Raise ValueError that says what to install when yosys is missing."""
    if importlib.util.find_spec("pyosys") is None:
        raise ValueError("synthesis needs yosys with its SystemVerilog front end: pip install pyosys")


def liberty_file(path: Path | None) -> Path:
    """The Liberty file to use: ``path``, or that of the system. Raises ValueError that says what to install."""
    if path is None and not DEFAULT_LIBERTY.is_file():
        raise ValueError(
            f"synthesis needs standard cells: {DEFAULT_LIBERTY} does not exist (Debian, Ubuntu: apt install "
            "qflow-tech-osu018); or name a Liberty file of your own by --liberty"
        )
    chosen = path or DEFAULT_LIBERTY
    if not chosen.is_file():
        raise ValueError(f"{chosen}: no such Liberty file")
    return chosen.resolve()


def find_sta() -> str | None:
    """The program of OpenSTA, or None where there is none."""
    return shutil.which("sta")


STA_MISSING = "no critical paths: OpenSTA ('sta') is missing (Debian, Ubuntu: apt install opensta)"


def yosys(script: str, folder: Path) -> str:
    """Run the commands of ``script`` in ``folder``; returns what yosys said.

    A process of its own: an error ends it. Raises RuntimeError with the first error.
    """
    (folder / "script.ys").write_text(script, encoding="utf-8")
    return _call([sys.executable, "-c", _YOSYS, "script.ys"], folder, "yosys")


def sta(script: str, folder: Path) -> str:
    """Run a Tcl script of OpenSTA in ``folder``; returns what it said. Raises RuntimeError with the first error."""
    program = find_sta()
    if program is None:
        raise ValueError(STA_MISSING)
    (folder / "script.tcl").write_text(script, encoding="utf-8")
    return _call([program, "-no_splash", "-exit", "script.tcl"], folder, "sta")


def _call(command: list[str], folder: Path, name: str) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{name}: no end after {TIMEOUT_S} s") from None
    wrong = [
        line for line in done.stdout.splitlines() if "ERROR" in line or line.startswith("Error:") or ": error:" in line
    ]
    if done.returncode or wrong:
        last = done.stdout.strip().splitlines()[-1:]
        raise RuntimeError(f"{name}: {(wrong or last or [f'exit status {done.returncode}'])[0].strip()}")
    return done.stdout
