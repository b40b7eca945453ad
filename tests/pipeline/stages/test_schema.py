"""JSON schemas: those that are kept are those of the code, and real files keep to them."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml

from pipeline.config.study import SHIPPED, STUDIES
from pipeline.files import WORKLOADS
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import MachineChoice
from pipeline.stages.schema import FOLDER, File, schema_of
from pipeline.stages.search import run_search
from pipeline.workload import load_workload

NAMES = get_args(File)


def check(file: File, content: Any) -> None:
    """Raise ValidationError when ``content`` is no ``file`` by the schema that is kept."""
    jsonschema.validate(content, json.loads((FOLDER / f"{file}.schema.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", NAMES)
def test_the_schema_that_is_kept_is_that_of_the_code(file: File) -> None:
    """``python -c "from pipeline.stages.schema import write_all; write_all()"`` renews them."""
    kept = json.loads((FOLDER / f"{file}.schema.json").read_text(encoding="utf-8"))
    assert kept == schema_of(file)
    jsonschema.Draft202012Validator.check_schema(kept)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_studies_keep_to_the_schema(name: str) -> None:
    content = yaml.safe_load((STUDIES / f"{name}.yaml").read_text(encoding="utf-8"))
    check("study", content)
    for wrong in ({"roundz": 3}, {"rounds": 0}, {"search": {"method": "gradent"}}, {"learning": {"kind": "a b:C"}}):
        with pytest.raises(jsonschema.ValidationError):
            check("study", content | wrong)
    check("study", content | {"search": {"method": "mine.methods:Draws"}})


def test_shipped_workloads_keep_to_the_schema() -> None:
    for path in WORKLOADS.glob("*.yaml"):
        check("workload", yaml.safe_load(path.read_text(encoding="utf-8")))
    with pytest.raises(jsonschema.ValidationError):
        check("workload", {"name": "x", "source": "y", "layers": [{"name": "a", "Z": 3}]})


@pytest.mark.parametrize("limit", [[], [1e6]])
def test_what_a_search_writes_keeps_to_the_schema(limit: list[float], tmp_path: Path) -> None:
    workload, model = load_workload("bert"), AnalyticalModel(MachineChoice().find())
    run_search(workload, max_ms=limit, method="default", evaluations=1, model=model, seed=0, out=tmp_path)
    content = json.loads((tmp_path / "design.json").read_text(encoding="utf-8"))
    check("design", content)
    for name in content:
        with pytest.raises(jsonschema.ValidationError):
            check("design", {key: value for key, value in content.items() if key != name})
    with pytest.raises(jsonschema.ValidationError):
        check("design", content | {"another": 1})
