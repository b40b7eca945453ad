"""Digests of the code behind a stage."""

import re
import shutil

import pytest

from pipeline import sources
from pipeline.files import ROOT
from pipeline.sources import INPUTS, PACKAGES, source_digest

STAGES = sorted(
    re.findall(
        r"source_digest\(\s*\"([\w.]+)\"",
        "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pipeline" / "rules").glob("*.smk")),
    )
)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the sources that digests are of; called with a file of it, what it does to the stages' digests."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    source_digest.cache_clear()

    def changed_by(path: str) -> set[str]:
        before = {stage: source_digest(stage) for stage in STAGES}
        with (tmp_path / path).open("a") as stream:
            stream.write("\n")
        source_digest.cache_clear()
        return {stage for stage in STAGES if source_digest(stage) != before[stage]}

    yield changed_by
    source_digest.cache_clear()


def test_a_digest_follows_the_code_that_a_stage_imports_and_no_other(copied):
    assert copied("pipeline/mapping.py") > {"pipeline.stages.search", "pipeline.stages.sample"}
    assert copied("pipeline/stages/validate.py") == {"pipeline.stages.validate"}


def test_a_digest_follows_the_kinds_of_models_that_are_loaded_by_name(copied):
    for path in ("learned/kinds/timing.py", "learned/guarded.py", "learned/published.py"):
        assert copied(path) > {"pipeline.stages.train", "pipeline.stages.search", "pipeline.stages.select"}


def test_every_file_that_is_no_input_of_its_own_decides_some_stage(copied):
    """Among them the page of the report and the constants of the machines."""
    data = [
        path
        for package in ("pipeline", "sim", "learned")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    names = [path.relative_to(ROOT).as_posix() for path in data]
    owned = [name for name in names if not name.startswith(INPUTS)]
    assert "pipeline/stages/reporting/page.html.jinja" in owned
    for name in owned:
        assert copied(name), name


def test_modules_of_other_packages_have_no_part_in_a_digest():
    assert source_digest("pipeline.files", "json") == source_digest("pipeline.files")
