"""``python -m rtl.lint``: prints what the linters find and exits with 1, or says that there is nothing."""

import os
import subprocess
import sys
from pathlib import Path

from pipeline.files import ROOT
from rtl.design import RTL, Design, design_names
from rtl.lint.design import LINT, findings

ALWAYS_OFF = ("always-ff-non-blocking",)
"""Verible rules that are off: blocking assignments are Verilator's to judge (BLKSEQ, with its waiver)."""


def main() -> int:
    """Lint every design; returns the exit status."""
    failures = 0
    for name in design_names():
        for finding in findings(Design.read(name)):
            failures += 1
            print(finding)
    files = sorted(RTL.glob("*/*.sv")) + sorted((ROOT / "sim" / "tb").rglob("*.sv"))
    failures += _report("verible", _verible(files))
    print("rtl: no findings" if not failures else f"rtl: {failures} runs with findings")
    return int(failures > 0)


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
