"""The workflow in a folder whose name has a space and an apostrophe."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.test_resume import copy_project

WORKLOAD = """name: tiny
source: made up
layers:
  - {name: a conv, R: 3, S: 3, P: 8, Q: 8, C: 16, K: 16}
  - {name: b conv, R: 1, S: 1, P: 8, Q: 8, C: 32, K: 16}
"""


def environment_in(folder: Path) -> Path:
    """A Python environment in ``folder`` with the packages of this one; gives its interpreter."""
    environment = Path(sys.prefix)
    (folder / "bin").mkdir(parents=True)
    shutil.copy2(environment / "pyvenv.cfg", folder)
    (folder / "lib").symlink_to(environment / "lib")
    (folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    return folder / "bin" / "python"


@pytest.mark.long
def test_a_study_runs_in_a_folder_with_a_space_and_an_apostrophe(tmp_path):
    """Every rule, the interpreter and the compiler see such paths; the study and its workload are files there too."""
    workflow = copy_project(tmp_path / "it's a copy")
    folder = workflow.folder
    python = environment_in(folder / ".venv")
    study = yaml.safe_load((folder / "study.yaml").read_text())
    (folder / "my workload's.yaml").write_text(WORKLOAD)
    study |= {"workloads": ["bert", "my workload's.yaml"], "rounds": 2, "uncertain": 1}
    study["search"] |= {"evaluations": 60, "fix_dim": 4}
    study["learning"] = {"kind": "residual", "compare": ["analytical", "residual"], "seed": 0}
    study["baselines"] = {"methods": ["random"], "analytical": True}
    (folder / "my study's.yaml").write_text(yaml.safe_dump(study))
    command = [str(python), "-m", "snakemake", "--cores", "2", "all", "--config", "study=my study's.yaml"]
    settings = os.environ | {"PYTHONPATH": str(folder)}
    settings.pop("DOSA_HIL_CACHE", None)
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert (folder / "results" / "resume" / "report" / "report.html").stat().st_size > 10_000
