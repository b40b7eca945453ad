"""Search methods and latency models of one's own, named ``module:Class``."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.choices import METHODS as SHIPPED_METHODS
from pipeline.cli import command_line
from pipeline.config.own import RESERVED
from pipeline.config.plan import Plan
from pipeline.config.study import STUDIES, load_study
from pipeline.machine.machine import MachineChoice
from pipeline.machine.own import own_model
from pipeline.plugins import is_own, own_files, short_name
from pipeline.search.named import method_named
from pipeline.sources import source_digest
from pipeline.stages.models import model_asked

MODELS = '''
from dataclasses import dataclass

from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine

from .factor import FACTOR


@dataclass(frozen=True)
class Slower:
    machine: Machine
    name: str = "slower"

    def __call__(self, layers, mappings, hardware):
        return Latency(FACTOR * self.machine.latency(layers, mappings, hardware))


class Nameless:
    def __init__(self, machine):
        self.machine = machine

    def __call__(self, layers, mappings, hardware):
        return None


class Numbers(Slower):
    def __call__(self, layers, mappings, hardware):
        return 3.0


class Broken(Slower):
    def __call__(self, layers, mappings, hardware):
        return self.weights


class Default(Slower):
    """Would be called as a model of the project."""


def Nothing():
    return None
'''

METHODS = '''
from pipeline.search.methods.random_search import RandomSearch


class Draws(RandomSearch):
    """Random search with few mappings at once."""

    def __init__(self):
        super().__init__(mappings=20)


class Stateless:
    state = 3

    def begin(self, recorder, generator): ...
    def advance(self, state, recorder, generator): ...
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a package ``mine`` in the current folder."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in (("__init__", ""), ("models", MODELS), ("factor", "FACTOR = 2.0\n"), ("methods", METHODS)):
        (folder / f"{name}.py").write_text(text)
    (folder / "broken.py").write_text("import nowhere_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    source_digest.cache_clear()
    yield folder
    source_digest.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def study(folder: Path, **changes: object) -> str:
    """A study file: the smoke study with changes."""
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load((STUDIES / "smoke.yaml").read_text()) | changes))
    return str(path)


def test_a_name_with_a_colon_between_identifiers_is_ones_own() -> None:
    assert is_own("mine.models:Slower")
    assert not is_own("results/a.model")
    assert not is_own("default")
    assert short_name("mine.models:Slower") == "slower"
    assert short_name("default") == "default"


def test_a_search_takes_ones_own_method_and_model(package: Path) -> None:
    command = ["search", "--workload", "bert", "--evaluations", "60", "--seed", "0", "--fix-hardware", "16,256,64"]
    run = command_line("search")
    run([*command, "--method", "mine.methods:Draws", "--out", "plain"], standalone_mode=False)
    run(
        [*command, "--method", "mine.methods:Draws", "--model", "mine.models:Slower", "--out", "own"],
        standalone_mode=False,
    )
    plain, own = (yaml.safe_load((package.parent / name / "design.json").read_text()) for name in ("plain", "own"))
    assert own["method"] == "mine.methods:Draws"
    assert own["model"] == "slower"
    assert own["totals"]["cycles"] == pytest.approx(2 * plain["totals"]["cycles"])
    tables = [pd.read_csv(f"{name}/mappings.csv") for name in ("own", "plain")]
    assert tables[0]["mapping.mapping"].equals(tables[1]["mapping.mapping"])
    assert tables[0]["pred.cycles"].to_numpy() == pytest.approx(2 * tables[1]["pred.cycles"].to_numpy())


def test_digests_follow_the_file_of_a_class_and_what_it_imports(package: Path) -> None:
    files = own_files("mine.models")
    assert files == {package / "__init__.py", package / "models.py", package / "factor.py"}
    seen = {source_digest("pipeline.files", "mine.models")}
    for name in ("models.py", "factor.py"):
        (package / name).write_text((package / name).read_text() + "# another line\n")
        source_digest.cache_clear()
        seen.add(source_digest("pipeline.files", "mine.models"))
    assert len(seen) == 3
    (package / "methods.py").write_text("")
    source_digest.cache_clear()
    assert source_digest("pipeline.files", "mine.models") in seen


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (lambda: method_named("mine.method:Draws"), "mine.method:Draws: there is no module 'mine.method'"),
        (lambda: method_named("nobody:Draws"), "nobody:Draws: there is no module 'nobody'"),
        (lambda: method_named("mine.methods:Draw"), "module 'mine.methods' has no 'Draw'; did you mean Draws?"),
        (lambda: method_named("mine.broken:Draws"), "mine.broken cannot be loaded: ModuleNotFoundError: .*nowhere_at"),
        (lambda: method_named("mine.models:Nothing"), "the class has no state and no begin and no advance"),
        (lambda: method_named("mine.methods:Stateless"), "state = 3: must be the class of its states"),
        (lambda: method_named("mine.models:Slower"), r"Slower\(\) failed: TypeError"),
        (lambda: method_named("gradent"), "did you mean gradient"),
        (lambda: _model("mine.models:Nameless"), "mine.models:Nameless: the class has no name"),
        (lambda: _model("mine.models:Nothing"), r"Nothing\(Gemmini\) failed: TypeError"),
        (lambda: _model("mine.models:Numbers"), "gave float for a batch of mappings: must be Latency"),
        (lambda: _model("mine.models:Broken"), "failed on one mapping: AttributeError: .*weights"),
    ],
)
def test_a_class_that_is_no_method_or_model_is_named_with_the_reason(
    load: Callable[[], object], said: str, package: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        load()


def _model(name: str) -> object:
    return own_model(name, MachineChoice().find())


def test_ones_own_model_is_for_the_machine_that_a_command_names(package: Path) -> None:
    assert MachineChoice.of(model_asked("mine.models:Slower", "timeloop").machine).machine == "timeloop"
    assert model_asked("mine.models:Slower", memory="simple").machine.memory == "simple"


def test_a_study_searches_with_ones_own_method_and_model(package: Path) -> None:
    path = study(
        package.parent,
        learning={"kind": "mine.models:Slower", "compare": ["analytical", "mine.models:Slower"], "seed": 0},
        baselines={"methods": ["mine.methods:Draws"], "analytical": False, "parts": False},
    )
    plan = Plan(load_study(path))
    assert plan.variants == {"r1": (0,), "draws": (0,)}
    assert plan.method("r1") == "gradient"
    assert plan.method("draws") == "mine.methods:Draws"
    assert plan.model("r1") == "mine.models:Slower"
    assert plan.model_files("r1") == []
    assert plan.model_modules("draws") == ["mine.models"]
    assert plan.kinds == ("analytical",)
    assert plan.own_models == ("mine.models:Slower",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"search": {"method": "mine.methods:Draw"}}, "search.method: .*did you mean Draws"),
        ({"learning": {"kind": "mine.models:Nameless"}}, "learning.kind: .*the class has no name"),
        ({"learning": {"compare": ["mine.models:Default"]}}, "learning.compare: .*'default' in tables, which is taken"),
        ({"search": {"method": "gradent"}}, "search.method: .*module:Class; did you mean gradient"),
    ],
)
def test_a_study_with_a_class_that_is_none_is_refused(changes: dict, said: str, package: Path) -> None:
    with pytest.raises(ValueError, match=said):
        load_study(study(package.parent, **changes))


def test_the_names_of_a_studys_other_searches_are_taken() -> None:
    plan = Plan(load_study("default"))
    assert {name for name in plan.variants if not name[1:].isdigit()} <= {*SHIPPED_METHODS, *RESERVED}
