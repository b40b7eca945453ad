"""Nothing outside ``pipeline/machine`` and ``rtl`` looks at which machine it works on, or lists a choice again."""

import ast
import tomllib
from pathlib import Path

import pytest

from learned.kinds.kind import Kind
from pipeline.choices import METHODS, MODEL_KINDS, OBJECTIVES, load
from pipeline.files import ROOT
from pipeline.machine.machine import machine_names

SOURCES = [
    path
    for package in ("pipeline", "learned", "sim")
    for path in sorted((ROOT / package).rglob("*.py"))
    if not path.is_relative_to(ROOT / "pipeline" / "machine")
]

NAMED = {
    "pipeline/config/study.py": {"gemmini"},
    "sim/compiler.py": {"gemmini"},
    "pipeline/stages/machines.py": {"timeloop"},
    "pipeline/cli.py": {"timeloop"},
    "pipeline/stages/export.py": {"timeloop"},
    "learned/published.py": {"timeloop"},
}
"""Names of machines that may be written: the default design of a study and of a task, what ``--platform`` offers, the
command of that name, the folder of exported files, and the analytical part published with the residual model."""

IMPORTED = {
    "pipeline/stages/export.py": {"gemmini", "timeloop"},
    "pipeline/stages/tile.py": {"gemmini"},
    "pipeline/stages/timeloop.py": {"timeloop"},
}
"""Commands that are about one machine, or about the forms of two, by their contract."""


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_module_names_a_machine(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    written = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in machine_names() and id(node) not in docstrings
    }
    assert written <= NAMED.get(_name(path), set())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipeline.machine."):
            part = (node.module or "").split(".")[2]
            assert part not in machine_names() or part in IMPORTED.get(_name(path), set()), node.module
        if isinstance(node, ast.Compare):
            names = {side.attr for side in (node.left, *node.comparators) if isinstance(side, ast.Attribute)}
            assert "platform" not in names, f"line {node.lineno} compares a platform"


def test_every_choice_of_code_can_be_loaded() -> None:
    for path in METHODS.values():
        method = load(path)()
        assert hasattr(method, "begin")
        assert hasattr(method, "advance")
    for path in MODEL_KINDS.values():
        assert isinstance(load(path)(), Kind)


def test_the_choices_are_documented() -> None:
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    for name in (*METHODS, *OBJECTIVES, *MODEL_KINDS, "gemmini", "timeloop"):
        assert f"| `{name}` |" in page, name


def test_every_module_of_the_pipeline_has_its_place_in_the_import_order() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    placed = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    modules = {path.stem for path in (ROOT / "pipeline").glob("*.py")} - {"__init__"}
    modules |= {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert {f"pipeline.{name}" for name in modules} == {name for name in placed if name.startswith("pipeline.")}
