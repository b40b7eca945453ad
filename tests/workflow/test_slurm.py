"""The workflow on a Slurm cluster: the same data, in few jobs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.config.study import STUDIES
from pipeline.files import ROOT
from pipeline.table import read_table
from sim.build import cache_folder
from tests.workflow import slurm_cluster

COPIED = ("Snakefile", "pipeline", "rtl", "sim", "learned", "profiles")
SHARDS, POINTS = 4, 24

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(slurm_cluster.missing() != "", reason=slurm_cluster.missing() or "Slurm is there"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with a study of four shards."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy)
    study = yaml.safe_load((STUDIES / "smoke.yaml").read_text(encoding="utf-8"))
    study |= {"name": "tiny", "hardware": [{"dim": 4, "scratchpad_kib": 32, "accumulator_kib": 16}]}
    study["sampling"] |= {"points": POINTS, "max_cycles": 50_000, "random": 0.5, "constructive": 0.5, "searched": 0}
    study["simulation"] = {"memory": "simple", "driver": "inprocess", "shards": SHARDS}
    (copy / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    return copy


def snakemake(project: Path, *arguments: str) -> str:
    """Run a target in ``project``; what Snakemake said."""
    command = [str(Path(sys.executable).parent / "snakemake"), *arguments, "--config", "study=study.yaml"]
    environment = os.environ | {"DOSA_HIL_CACHE": str(cache_folder()), "PYTHONPATH": str(project)}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout + done.stderr


def test_a_study_on_slurm_gives_the_same_data_with_its_shards_in_one_job(project: Path, tmp_path: Path) -> None:
    with slurm_cluster.cluster(tmp_path / "slurm"):
        said = snakemake(
            project, "dataset", "results/tiny/models/r1/residual.model", "--workflow-profile", "profiles/slurm"
        )
    assert len(re.findall(r"submitted with SLURM jobid", said)) == 2, "one for all shards, one for the fit"
    assert len(list(project.glob("results/tiny/sim/r0/*.parquet"))) == SHARDS
    assert (project / "results" / "tiny" / "models" / "r1" / "residual.model").stat().st_size > 0
    table = read_table(project / "results" / "tiny" / "dataset.parquet")
    assert POINTS / 2 < len(table) <= POINTS  # shards may draw the same mapping
    shutil.rmtree(project / "results")
    snakemake(project, "dataset", "--cores", "2")
    pd.testing.assert_frame_equal(read_table(project / "results" / "tiny" / "dataset.parquet"), table)
