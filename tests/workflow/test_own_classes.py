"""A study whose search method and latency model are classes of one's own, from its file to its report."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.config.study import STUDIES
from pipeline.files import ROOT

MODEL = '''
from dosa_hil import Latency


class Roofline:
    """As many cycles as the array needs, or as DRAM needs at 16 bytes a cycle."""

    name = "roofline"

    def __init__(self, machine):
        self.machine = machine

    def __call__(self, layers, mappings, hardware):
        words = self.machine.words(layers, mappings, hardware)
        return Latency((words.macs / mappings.spatial.prod(-1)).maximum(words.dram / 16))
'''

METHOD = '''
from dataclasses import dataclass

from pipeline.search.methods.random_search import random_design


@dataclass(frozen=True)
class Rolled:
    done: bool = False


class Dice:
    """Random hardware with random mappings."""

    state = Rolled

    def begin(self, recorder, generator):
        return Rolled()

    def advance(self, state, recorder, generator):
        random_design(recorder, recorder.problem.constraints.sample(1, generator), 20, generator)
        return Rolled(done=recorder.left < 20)
'''


def run(folder: Path) -> str:
    """Run the study to its end; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "run", "own.yaml", "--cores", "1"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_a_study_with_classes_of_ones_own_runs_and_an_edit_runs_again_what_used_them(tmp_path: Path) -> None:
    (tmp_path / "roofline.py").write_text(MODEL)
    (tmp_path / "dice.py").write_text(METHOD)
    study = yaml.safe_load((STUDIES / "smoke.yaml").read_text())
    study |= {"name": "own", "hardware": study["hardware"][:1], "uncertain": 2}
    study["sampling"] |= {"points": 12}
    study["search"] |= {"evaluations": 60, "fix_dim": 8}
    study["learning"] = {"kind": "roofline:Roofline", "compare": ["analytical", "roofline:Roofline"]}
    study["baselines"] |= {"methods": ["dice:Dice"]}
    study["validation"]["exact_layers"] = 0
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(study))

    assert "model roofline:Roofline" in run(tmp_path)
    results = tmp_path / "results" / "own"
    designs = pd.read_csv(results / "designs" / "bert" / "designs.csv")
    assert {"reference", "r1", "dice"} <= set(designs["variant"])
    dataset = pd.read_parquet(results / "rounds" / "r1" / "dataset.parquet")
    assert {"pred.analytical.cycles", "pred.roofline.cycles"} <= set(dataset.columns)
    page = (results / "report" / "report.html").read_text(encoding="utf-8")
    assert "dice search" in page

    assert "nothing to do" in run(tmp_path)
    (tmp_path / "dice.py").write_text(METHOD.replace("20, generator", "10, generator"))
    said = run(tmp_path)
    assert "search designs" in said
    assert "train latency models" not in said
