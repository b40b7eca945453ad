"""Adding a design as docs/adding-rtl.md says, and what is simulated again when its files change."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from pipeline.files import ROOT

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("new-rtl")]

COPIED = ("Snakefile", "pyproject.toml", "pipeline", "rtl", "sim", "learned", "profiles")
DATASET = ".venv/bin/snakemake dataset --cores 2 --config study=smoke design=mine"


def shell(project: Path, command: str) -> str:
    """Run a command of the walk-through; its output, standard error included."""
    environment = os.environ | {"PYTHONPATH": str(project)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout + done.stderr


def walk_through() -> Iterable[str]:
    """The shell commands of the page."""
    text = (ROOT / "docs" / "adding-rtl.md").read_text(encoding="utf-8").replace("\\\n", " ")
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        yield from block.strip().splitlines()


def jobs(project: Path, design: str = "mine") -> set[str]:
    """Rules that would run for the dataset of the smoke study."""
    output = shell(project, f"{DATASET.replace('mine', design)} --dry-run")
    return set(re.findall(r"^(?:local)?rule (\w+):", output, re.MULTILINE)) - {"dataset"}


def journal(project: Path) -> list[Path]:
    return sorted(project.glob("results/smoke/sim/r0/.*.work/journal/**/*.jsonl"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the walk-through was followed."""
    copy = tmp_path_factory.mktemp("project")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / name)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    (copy / "results").mkdir()
    commands = list(walk_through())
    assert DATASET in commands
    for command in commands:
        shell(copy, command)
    return copy


def test_the_copy_is_simulated_with_its_own_parameter(project: Path) -> None:
    base, mine, exact = (pd.read_csv(project / "results" / f"{name}.csv") for name in ("base", "mine", "exact"))
    assert "error" not in exact or exact["error"].isna().all()
    assert exact["sim.cycles"].tolist() == mine["sim.cycles"].tolist()
    assert (mine["sim.cycles"] < 0.7 * base["sim.cycles"]).all()
    assert (mine["sim.macs"] == base["sim.macs"]).all()
    assert (mine["sim.rtl_digest"] != base["sim.rtl_digest"]).all()


def test_the_dataset_was_measured_on_the_copy(project: Path) -> None:
    table = pd.read_parquet(project / "results" / "smoke" / "dataset.parquet")
    assert len(table) == 40
    assert (table["sim.cycles"] > 0).all()
    assert journal(project)
    assert all(path.parent.name.startswith("mine-") for path in journal(project))


def test_touching_files_and_changing_other_designs_runs_nothing(project: Path) -> None:
    for path in (project / "rtl").glob("*/*"):
        path.touch()
    unroller = project / "rtl" / "gemmini" / "loop_unroller.sv"
    unroller.write_text(unroller.read_text(encoding="utf-8") + "// changed\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in journal(project)}
    assert jobs(project) == set()
    assert "Nothing to be done" in shell(project, DATASET)
    assert {path: path.read_bytes() for path in journal(project)} == before


def test_changing_a_shared_source_or_the_parameter_simulates_again(project: Path) -> None:
    for name, old, new in (
        ("gemmini/fifo.sv", "module fifo", "// changed\nmodule fifo"),
        ("mine/design.yaml", "{value: 2,", "{value: 3,"),
    ):
        path = project / "rtl" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        assert jobs(project) == {"generate", "simulate", "collect_samples"}, name
        path.write_text(text, encoding="utf-8")
        assert jobs(project) == set(), name
