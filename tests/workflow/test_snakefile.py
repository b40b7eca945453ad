"""The workflow file: errors in one line, rules that declare everything, bounded concurrency."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.config import local
from pipeline.config.plan import cpus, memory_mb
from pipeline.files import ROOT

RULES = sorted((ROOT / "pipeline" / "rules").glob("*.smk"))
DIRECTIVES = ("output:", "params:", "log:", "benchmark:", "threads:", "resources:", "shell:")


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [str(Path(sys.executable).parent / "snakemake"), "--snakefile", str(ROOT / "Snakefile")]
    command += ["--workflow-profile", "none", "--directory", str(folder), "--cores", "16", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("setting", "named"),
    [("study=nope", "nope"), ("sudy=smoke", "sudy"), ("design=nothing", "nothing"), ("study=gone.yaml", "gone.yaml")],
)
def test_a_wrong_setting_is_named_in_one_line_and_nothing_is_written(tmp_path, setting, named):
    done = snakemake(tmp_path, "all", "--config", setting)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert named in errors[0]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("target", ["all", "smoke", "paper", "dataset"])
def test_every_target_has_a_plan(tmp_path, target):
    done = snakemake(tmp_path, target, "--dry-run", "--quiet")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Exception" not in done.stdout + done.stderr  # of a rule that is asked for files of another
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_rule_declares_everything_and_runs_one_python_line(path):
    for rule in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name = rule.split(":")[0]
        for directive in DIRECTIVES:
            assert f"    {directive}" in rule, f"{path.name}: rule {name} has no {directive}"
        assert rule.count("{PYTHON:q} -m ") == 1, f"{path.name}: rule {name}"
        command = rule[rule.index("    shell:") :]
        unquoted = re.findall(r"{(?:PYTHON|input|output|log)[\w.]*}", command)
        assert not unquoted, f"{path.name}: rule {name}: {unquoted}"
        assert "slots=" in rule
        assert "mem_mb=" in rule


def test_concurrency_is_bounded_by_the_machine_unless_said_otherwise():
    registered = {"slots": 99}
    workflow = SimpleNamespace(global_resources=registered, register_resource=registered.__setitem__)
    local.limit_resources(workflow)
    assert registered == {"slots": 99, "mem_mb": memory_mb()}
    assert 1 <= cpus() <= 4096
    assert memory_mb() > 100


@pytest.mark.long
def test_the_smoke_study_runs_from_end_to_end(tmp_path):
    done = snakemake(tmp_path, "smoke")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert (tmp_path / "results" / "smoke" / "report" / "report.html").stat().st_size > 10_000
