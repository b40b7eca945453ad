"""Every command in README.md and docs/ runs, in a copy of the project.

A block that takes minutes is preceded by ``<!-- long -->``; it runs with the long tests. ``make test`` itself is what
runs these tests, so it is only checked to exist.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.files import ROOT

RECURSIVE = {"make test", "make test-long"}
BLOCK = re.compile(r"(?P<long><!-- long -->\n+)?```sh\n(?P<body>.*?)```", re.DOTALL)


def blocks() -> list:
    """One case a block of shell commands."""
    cases = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for number, match in enumerate(BLOCK.finditer(path.read_text(encoding="utf-8")), 1):
            marks = [pytest.mark.long] if match["long"] else []
            cases.append(pytest.param(match["body"], marks=marks, id=f"{path.name}-{number}"))
    return cases


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the tracked files that shares the installed environment."""
    copy = tmp_path_factory.mktemp("project")
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in tracked:
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    return copy


@pytest.mark.xdist_group("documents")
@pytest.mark.parametrize("body", blocks())
def test_the_commands_of_the_documentation_run(body, project):
    # The console script of the shared environment would otherwise import the original.
    environment = os.environ | {"PYTHONPATH": str(project)}
    for line in body.replace("\\\n", " ").splitlines():
        command = line.split("  #")[0].strip()
        if not command or command.startswith("#"):
            continue
        if command in RECURSIVE:
            command = f"make --dry-run {command.split()[1]}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\nmake run\n" in text
    assert "\nmake test\n" in text


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name)
def test_links_inside_the_documentation_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
