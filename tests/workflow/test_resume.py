"""A workflow that is killed at any moment goes on when the same command is run again."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml

from pipeline.config.study import STUDIES
from pipeline.files import ROOT
from pipeline.table import read_table
from sim.build import cache_folder

POINTS = 24
DEADLINE_S = 900


@dataclass
class Workflow:
    """The workflow in a copy of the project; the same command every time. Compiled simulators are shared."""

    folder: Path

    def start(self) -> subprocess.Popen:
        command = [str(Path(sys.executable).parent / "snakemake"), "--cores", "2", "dataset"]
        command += ["--config", "study=study.yaml"]
        environment = os.environ | {"DOSA_HIL_CACHE": str(cache_folder()), "PYTHONPATH": str(self.folder)}
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=output, stderr=output, start_new_session=True
            )

    def finish(self) -> None:
        code = self.start().wait(DEADLINE_S)
        assert code == 0, (self.folder / "output").read_text()[-4000:]

    def journals(self) -> dict[Path, list[str]]:
        """Whole records by journal file, as the keys of the simulations that they hold."""
        files = self.folder.joinpath("results", "resume", "work", "journal").rglob("*.jsonl")
        return {path: [json.loads(line)["key"] for line in path.read_bytes().split(b"\n")[:-1]] for path in files}

    def records(self) -> int:
        return sum(len(keys) for keys in self.journals().values())


def copy_project(folder: Path) -> Workflow:
    """A copy of what the workflow runs from, with a study of seconds."""
    for name in ("pipeline", "rtl", "sim", "learned", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", folder)
    study = yaml.safe_load((STUDIES / "smoke.yaml").read_text())
    study |= {"name": "resume", "hardware": [{"dim": 4, "scratchpad_kib": 32, "accumulator_kib": 16}]}
    study["sampling"] |= {"points": POINTS, "max_cycles": 100_000, "random": 0.5, "constructive": 0.5, "searched": 0}
    study["simulation"]["driver"] = "inprocess"
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return Workflow(folder)


@pytest.fixture
def workflow(tmp_path):
    return copy_project(tmp_path / "project")


def run_until(workflow: Workflow, moment: Callable[[], bool], victims: Callable[[psutil.Process], list]) -> bool:
    """Start the workflow and kill -9 ``victims`` at ``moment``; whether it was still running then."""
    process = workflow.start()
    started = time.monotonic()
    while process.poll() is None and time.monotonic() - started < DEADLINE_S:
        if moment():
            for victim in victims(psutil.Process(process.pid)):
                try:
                    victim.kill()
                except psutil.NoSuchProcess:
                    continue
            process.wait(DEADLINE_S)
            return True
        time.sleep(0.02)
    assert process.poll() is not None, "the workflow hangs"
    return False


def only_the_workflow(process: psutil.Process) -> list[psutil.Process]:
    return [process]


def everything(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def check_dataset(workflow: Workflow, expected: pd.DataFrame | None = None) -> pd.DataFrame:
    """No row is lost or doubled, and an uninterrupted run gives the same."""
    table = read_table(workflow.folder / "results" / "resume" / "dataset.parquet")
    assert len(table) == POINTS
    assert not table.duplicated([c for c in table if c.startswith(("prob.", "arch.", "mapping."))]).any()
    if expected is not None:
        pd.testing.assert_frame_equal(table, expected)
    return table


def test_a_killed_workflow_goes_on_and_repeats_no_finished_simulation(workflow):
    assert run_until(workflow, lambda: workflow.records() >= 2, only_the_workflow)
    first = workflow.journals()
    was_running = run_until(workflow, lambda: workflow.records() >= 8, everything)
    second = workflow.journals()
    workflow.finish()
    table = check_dataset(workflow)
    assert was_running or len(table) == POINTS
    for before in (first, second):
        done = {key for keys in before.values() for key in keys}
        later = [key for path, keys in workflow.journals().items() if path not in before for key in keys]
        assert not done & set(later), "a finished simulation was run again"
    assert not list(workflow.folder.glob("results/resume/**/.part-*.parquet"))


def test_a_second_run_has_nothing_to_do_and_a_touched_file_changes_nothing(workflow):
    workflow.finish()
    table = check_dataset(workflow)
    outputs = sorted(workflow.folder.glob("results/resume/**/*.parquet"))
    before = {path: path.stat().st_mtime_ns for path in outputs}
    for name in ("rtl/gemmini/gemmini.sv", "pipeline/mapping.py", "study.yaml"):
        (workflow.folder / name).touch()
    workflow.finish()
    assert {path: path.stat().st_mtime_ns for path in outputs} == before
    check_dataset(workflow, table)


@pytest.mark.long
def test_twenty_kills_at_random_places_change_nothing(workflow, tmp_path):
    chosen = random.Random(0)
    whole = copy_project(tmp_path / "whole")
    whole.finish()
    expected = check_dataset(whole)
    kills = 0
    while kills < 20:
        until = time.monotonic() + chosen.uniform(0.5, 12)

        def one_of_them(process: psutil.Process) -> list[psutil.Process]:
            family = everything(process)
            return chosen.choice([[process], family, [chosen.choice(family)]])

        if run_until(workflow, lambda until=until: time.monotonic() > until, one_of_them):
            kills += 1
        else:
            for name in ("work", "sim", "points", "dataset.parquet"):
                path = workflow.folder / "results" / "resume" / name
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    workflow.finish()
    check_dataset(workflow, expected)


def test_signals_are_what_the_test_believes():
    """psutil's kill is SIGKILL, which no process can catch."""
    process = subprocess.Popen(["sleep", "60"])
    psutil.Process(process.pid).kill()
    assert process.wait() == -signal.SIGKILL
