"""The linters find nothing, and every waiver says why it is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.files import ROOT

WAIVERS = sorted((ROOT / "rtl").glob("*/waivers.vlt"))


@pytest.mark.parametrize("path", WAIVERS, ids=lambda path: path.parent.name)
def test_every_group_of_waivers_begins_with_a_reason(path: Path) -> None:
    groups = path.read_text(encoding="utf-8").strip().split("\n\n")[1:]
    assert groups
    for group in groups:
        assert group.startswith("// "), group


@pytest.mark.parametrize("path", WAIVERS, ids=lambda path: path.parent.name)
def test_waivers_name_files_that_exist(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    for name in [line.split('-file "')[1].split('"')[0] for line in lines if "-file" in line]:
        assert list((ROOT / "rtl").rglob(Path(name).name)), name


@pytest.mark.long
def test_the_rtl_is_lint_clean_at_every_array_size() -> None:
    done = subprocess.run([sys.executable, "-m", "rtl.lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
