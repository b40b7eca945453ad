"""Benches without the published measurements."""

import os
import subprocess
import sys

import pytest

from pipeline.files import ROOT


@pytest.mark.parametrize("bench", ["fidelity", "views"])
def test_a_bench_without_its_data_says_in_one_line_what_is_missing_and_where_it_comes_from(bench, tmp_path):
    environment = os.environ | {"DOSA_HIL_DATA": str(tmp_path), "QUICK": "1"}
    command = [sys.executable, "-m", f"benches.{bench}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path}")
    assert "DOSA_HIL_DATA" in line
