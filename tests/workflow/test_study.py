"""The study file: shipped ones are complete, wrong ones are named in one line."""

import pytest
import yaml
from pydantic import BaseModel

from pipeline.config import reference
from pipeline.config.study import SHIPPED, STUDIES, Study, load_study


def fields(model: type[BaseModel]) -> dict:
    """Field names of a model, nested ones as dicts."""
    found = {}
    for name, field in model.model_fields.items():
        nested = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        found[name] = fields(field.annotation) if nested else None
    return found


def keys(content: object, schema: dict) -> dict:
    """The same shape from a file's content."""
    return {name: keys(value, schema[name]) if schema.get(name) else None for name, value in content.items()}


def write(tmp_path, **changes):
    """A study file: the smoke study with changes."""
    content = yaml.safe_load((STUDIES / "smoke.yaml").read_text()) | changes
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_the_default_file_repeats_the_defaults_of_the_schema():
    assert load_study("default") == Study()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_studies_spell_out_every_field(name):
    content = yaml.safe_load((STUDIES / f"{name}.yaml").read_text())
    assert keys(content, fields(Study)) == fields(Study)
    assert load_study(name).name == name


def test_the_reference_page_is_in_sync_with_the_schema():
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"roundz": 3}, ["roundz", "3"]),
        ({"rounds": "many"}, ["rounds", "many"]),
        ({"rounds": 0}, ["rounds", "0"]),
        ({"workloads": ["bert", "nobody"]}, ["nobody"]),
        ({"workloads": ["bert", "bert"]}, ["bert", "twice"]),
        ({"design": "nothing"}, ["nothing"]),
        ({"design": "../rtl"}, ["design", "../rtl"]),
        ({"name": "../elsewhere"}, ["name", "../elsewhere"]),
        ({"name": "rtl"}, ["rtl", "reserved"]),
        ({"hardware": [{"dim": 16, "scratchpad_kib": 0.01, "accumulator_kib": 64}]}, ["scratchpad_kib", "0.01"]),
        ({"sampling": {"random": 0.9}}, ["random", "1.6"]),
        ({"search": {"seeds": [1, 1]}}, ["seeds", "1", "twice"]),
    ],
)
def test_a_wrong_field_is_named_with_its_value(tmp_path, changes, named):
    with pytest.raises(ValueError, match="study") as caught:
        load_study(write(tmp_path, **changes))
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in named), message


@pytest.mark.parametrize("text", ["", "- a\n- b", "{", "!!python/object/apply:os.system [ls]", "a: &a [*a]"])
def test_a_file_that_is_no_study_is_named_in_one_line(tmp_path, text):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"study\.yaml") as caught:
        load_study(str(path))
    assert "\n" not in str(caught.value)


def test_an_unknown_study_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'nope'.*default, smoke, paper"):
        load_study("nope")


def test_the_design_of_a_study_can_be_replaced(tmp_path):
    with pytest.raises(ValueError, match="other"):
        load_study(write(tmp_path), design="other")
    assert load_study(write(tmp_path), design="gemmini").design == "gemmini"
