"""The linters find nothing, and every waiver says why it is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.files import ROOT

WAIVERS = ROOT / "rtl" / "lint" / "waivers.vlt"


def test_every_group_of_waivers_begins_with_a_reason() -> None:
    groups = WAIVERS.read_text(encoding="utf-8").strip().split("\n\n")[1:]
    assert groups
    for group in groups:
        assert group.startswith("// "), group


def test_waivers_name_files_that_exist() -> None:
    names = [
        line.split('-file "')[1].split('"')[0]
        for line in WAIVERS.read_text(encoding="utf-8").splitlines()
        if "-file" in line
    ]
    for name in names:
        assert list((ROOT / "rtl").rglob(Path(name).name)), name


@pytest.mark.long
def test_the_rtl_is_lint_clean_at_every_array_size() -> None:
    done = subprocess.run([sys.executable, "-m", "rtl.lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
