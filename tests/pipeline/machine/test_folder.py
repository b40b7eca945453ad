"""A design's ``machine.py``: the machine that it makes is used, and what it does wrong is one clear error."""

from pathlib import Path

import pytest

from pipeline import foreign
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import machine_of
from pipeline.machine.tile_pipeline.machine import TilePipeline
from pipeline.stages.search import run_search
from pipeline.workload import Layer, Workload, WorkloadLayer

TOY = """from dataclasses import replace

from tests.pipeline.machine.toy import TEMPLATE, Toy


def make_machine(folder, memory, partial_sums="spill"):
    return Toy(memory, partial_sums, name=folder, template=replace(TEMPLATE, name=folder))
"""
WORKLOAD = Workload("small", "test", (WorkloadLayer("product", Layer(R=1, S=1, P=30, Q=1, C=64, K=20), 1),))


def folder_with(tmp_path: Path, text: str) -> str:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "machine.py").write_text(text, encoding="utf-8")
    return str(folder)


def test_the_machine_that_it_makes_is_searched(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, TOY)
    machine = machine_of(folder, "simple")
    assert (machine.name, machine.memory, machine.template.name) == (folder, "simple", folder)
    result = run_search(WORKLOAD, method="random", evaluations=50, model=AnalyticalModel(machine), seed=1)
    assert result.machine.find() is machine


def test_a_folder_without_one_is_a_pipeline_of_tiles(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert isinstance(machine_of(str(tmp_path / "mine")), TilePipeline)


def own(method: str, body: str) -> str:
    """A ``machine.py`` whose ``method`` does ``body``."""
    changed = f"class Mine(Toy):\n    def {method}(self, *given):\n        {body}\n\n\ndef make_machine"
    return TOY.replace("def make_machine", changed).replace("return Toy(", "return Mine(")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name", r"^mine/machine\.py: ModuleNotFoundError: No module named"),
        ("def make_machine(:", r"^mine/machine\.py: SyntaxError: "),
        ("x = 1", r"^mine/machine\.py: has no function make_machine$"),
        ("def make_machine(f, m, p): return 1 // 0", r"^mine/machine\.py: ZeroDivisionError: integer division"),
        ("def make_machine(f, m, p): raise ValueError('not on soc')", r"^mine/machine\.py: not on soc$"),
        ("def make_machine(f, m, p): raise SystemExit(3)", r"^mine/machine\.py: SystemExit: 3$"),
        ("def make_machine(f, m, p): return None", r"^mine/machine\.py: the machine's name is None, not its folder"),
        (
            TOY.replace(", template=replace(TEMPLATE, name=folder)", ""),
            r"^mine/machine\.py: the machine's template is named 'toy', not its folder",
        ),
        (
            "class M:\n def __init__(self, name): self.name = name\ndef make_machine(f, m, p): return M(f)",
            r"^mine/machine\.py: the machine has no area_mm2, constants, cost, default_hardware, .*words$",
        ),
        ("while True: pass", r"^mine/machine\.py: no result after 0\.5 s of CPU time$"),
        ("def make_machine(f, m, p):\n while True: pass", r"^mine/machine\.py: no result after 0\.5 s of CPU time$"),
        (own("area_mm2", "return 1 / 0"), r"^mine/machine\.py: ZeroDivisionError: division by zero$"),
        (
            own("footprint_kib", "return {'buffer_kib': float('nan')}"),
            r"^mine/machine\.py: buffer_kib of the default mapping of R1 S1 P64 .* is nan, not a tensor of one number",
        ),
        (
            own("latency", "return -super().latency(*given)"),
            r"^mine/machine\.py: latency of the default mapping of .*, not a tensor of one number above 0$",
        ),
        (own("default_mapping", "raise ValueError('no such layer')"), r"^mine/machine\.py: no such layer$"),
    ],
)
def test_what_it_does_wrong_is_said_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setattr(foreign, "LIMIT_SECONDS", 0.5)
    with pytest.raises(ValueError, match=message):
        machine_of(folder_with(tmp_path, text))


@pytest.mark.parametrize("name", ["machine.py", "machine.yaml"])
def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").write_text("raise SystemExit('was run')", encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=rf"{name} is a link out of mine/$"):
        machine_of(str(tmp_path / "mine"))
