"""The walk of docs/adding-rtl.md, from outside of the project: copy a design, check it, break it, mend it, simulate."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from pipeline.files import ROOT

ROW = """mapping.mapping,prob.R,prob.S,prob.P,prob.Q,prob.C,prob.K,arch.meshX,arch.mem1_depth,arch.mem2_depth
L2[WIO] Q8 - L1[WI] K2 P2 C8 S3 R3 K4X - L0[O] P4X,3,3,8,8,8,8,4,128,1024
"""

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("rtl")]


def dosa_hil(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pipeline.cli", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_copied_design_is_checked_broken_mended_and_simulated(tmp_path: Path) -> None:
    assert dosa_hil(tmp_path, "design", "new", "own").returncode == 0
    check = "design", "check", "own", "--programs", "8"
    good = dosa_hil(tmp_path, *check)
    assert good.returncode == 0, good.stdout + good.stderr
    lines = good.stdout.splitlines()
    assert len(lines) == 11
    assert all(line.startswith("ok ") for line in lines)
    assert lines[-1] == "ok     all counters are there"
    # Sums where products should be.
    array = tmp_path / "own" / "processing_element.sv"
    text = array.read_text(encoding="utf-8")
    product = "32'(input_i) * 32'(weight_i)"
    assert product in text
    array.write_text(text.replace(product, product.replace("*", "+")), encoding="utf-8")
    bad = dosa_hil(tmp_path, *check)
    assert bad.returncode == 1
    assert bad.stdout.splitlines()[-1] == "       -> compare arithmetic, addresses and layout"
    array.write_text(text, encoding="utf-8")
    (tmp_path / "own.csv").write_text(ROW, encoding="utf-8")
    simulate = "simulate", "own.csv", "measured.csv", "--design", "own", "--datapath", "full", "--driver", "inprocess"
    done = dosa_hil(tmp_path, *simulate)
    assert done.returncode == 0, done.stdout + done.stderr
    assert pd.read_csv(tmp_path / "measured.csv").loc[0, "sim.macs"] > 0
