"""The study file: shipped ones are complete, wrong ones are named in one line."""

import re

import pytest
import yaml
from pydantic import BaseModel

from pipeline.config import reference
from pipeline.config.study import SHIPPED, STUDIES, Study, load_study

SMALL = {"dim": 64, "scratchpad_kib": 8, "accumulator_kib": 8}
"""Too small for one block of a matrix product."""


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
        ({"search": {"method": "exhaustive"}}, ["search.method", "exhaustive"]),
        ({"workloads": ["bert", "nobody"]}, ["nobody"]),
        ({"workloads": ["bert", "bert"]}, ["bert", "twice"]),
        ({"design": "nothing"}, ["nothing"]),
        ({"design": "../rtl"}, ["design", "../rtl"]),
        ({"name": "../elsewhere"}, ["name", "../elsewhere"]),
        ({"name": "rtl"}, ["rtl", "reserved"]),
        ({"hardware": [{"dim": 16, "scratchpad_kib": 0.01, "accumulator_kib": 64}]}, ["scratchpad_kib", "0.01"]),
        ({"sampling": {"random": 0.9}}, ["random", "1.6"]),
        ({"search": {"seeds": [1, 1]}}, ["seeds", "1", "twice"]),
        ({"workloads": ["bert", "resnet50"], "weights": [1]}, ["weights: 1 for 2 workloads"]),
        ({"weights": [0]}, ["weights.0", "0"]),
        ({"search": {"objective": "edpp"}}, ["search.objective", "'edpp' is not one of edp", "did you mean edp?"]),
        ({"search": {"max_latency_ms": [5, 5, 5]}}, ["search.max_latency_ms: 3 for 1 workloads"]),
        ({"search": {"max_latency_ms": [0.1]}}, ["max_latency_ms.0 = 0.1: bert", "16x16", "500 MHz"]),
        ({"search": {"max_latency_ms": [-1]}}, ["search.max_latency_ms.0", "-1"]),
        ({"roundz": 3}, ["did you mean rounds?"]),
        ({"search": {"evaluatons": 3}}, ["search.evaluatons", "did you mean evaluations?"]),
        ({"hardware": [{"dimm": 16}]}, ["hardware.0.dimm", "did you mean dim?"]),
        ({"search": {"fix_hardware": {"dimm": 16}}}, ["search.fix_hardware.dimm", "did you mean dim?"]),
        ({"simulation": {"memory": "sok"}}, ["'sok' is not one of simple, soc; did you mean soc?"]),
        ({"workloads": ["resnet5"]}, ["'resnet5'; did you mean resnet50?"]),
        ({"workloads": "bert"}, ["workloads: must be a list, not 'bert'"]),
        ({"rounds": 2.5}, ["rounds: must be a whole number, not 2.5"]),
        ({"search": 3}, ["search: must be a section of fields, not 3"]),
        ({"hardware": []}, ["hardware: must have at least 1 entry, has none"]),
        ({"search": {"max_area_mm2": 0.0001}}, ["search.max_area_mm2 = 0.0001", "smallest hardware"]),
        ({"search": {"fix_dim": 12}}, ["search.fix_dim", "fixed dim = 12: must be one of 2, 4, 8"]),
        ({"hardware": [SMALL], "sampling": {"points": 40}}, ["hardware.0 (dim 64, 8 KiB, 8 KiB)", "layer bert/mm_0"]),
        ({"search": {"fix_hardware": SMALL}}, ["search.fix_hardware (dim 64, 8 KiB, 8 KiB)", "layer bert/mm_0"]),
        ({"workloads": ["conv_test"]}, ["1 layer shape in all, at least 2"]),
        ({"sampling": {"points": 9}}, ["sampling.points = 9: at least 10"]),
        ({"structure": {"buss": [16]}}, ["structure.buss: hardware of gemmini has no buss; it has bus_bytes"]),
        ({"structure": {"bus_bytes": [16, 48]}}, ["structure.bus_bytes: hardware bus_bytes = 48", "a power of two"]),
        ({"structure": {"bus_bytes": [32, 16]}}, ["structure.bus_bytes = [32, 16]: must be numbers in ascending"]),
        (
            {
                "structure": {"bus_bytes": [16]},
                "search": {"fix_hardware": {"dim": 16, "scratchpad_kib": 256, "accumulator_kib": 64}},
            },
            ["structure: is searched, search.fix_hardware keeps it"],
        ),
    ],
)
def test_a_wrong_field_is_named_with_its_value(tmp_path, changes, named):
    with pytest.raises(ValueError, match="study") as caught:
        load_study(write(tmp_path, **changes))
    message = str(caught.value)
    assert all(part in message for part in named), message
    assert not any(phrase in message for phrase in ("Input should", "Extra inputs", "valid ", "Value error")), message


def test_all_problems_are_said_at_once(tmp_path):
    changes = {"roundz": 3, "workloads": ["bert", "nobody"], "seed": -1, "search": {"metod": "random", "fix_dim": 200}}
    with pytest.raises(ValueError, match=r"study\.yaml: 5 problems") as caught:
        load_study(write(tmp_path, **changes))
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "workloads.1",
        "seed",
        "search.fix_dim",
        "search.metod",
        "roundz",
    ]


def test_a_list_whose_entries_are_all_wrong_is_not_called_empty(tmp_path):
    with pytest.raises(ValueError, match="2 problems") as caught:
        load_study(write(tmp_path, workloads=["nobody", "noone"]))
    assert "at least" not in str(caught.value)
    with pytest.raises(ValueError, match="workloads: must have at least 1 entry, has none"):
        load_study(write(tmp_path, workloads=[]))


def test_problems_that_show_only_together_are_said_at_once(tmp_path):
    points = [{"dim": dim, "scratchpad_kib": 12, "accumulator_kib": 12} for dim in (6, 12)]
    changes = {"name": "rtl", "workloads": ["bert", "bert"], "hardware": points}
    with pytest.raises(ValueError, match="problems") as caught:
        load_study(write(tmp_path, **changes))
    message = str(caught.value)
    assert all(part in message for part in ("reserved", "bert occurs twice", "hardware.0", "hardware.1")), message


def test_limits_that_can_just_be_kept_are_accepted(tmp_path):
    with pytest.raises(ValueError, match="has ") as caught:
        load_study(write(tmp_path, search={"max_area_mm2": 0.0001}))
    area = float(re.search(r"has ([\d.]+)", str(caught.value))[1])
    assert load_study(write(tmp_path, search={"max_area_mm2": area * 1.01})).search.max_area_mm2 == area * 1.01


def test_a_value_without_end_is_shown_by_its_beginning(tmp_path):
    for changes in (
        {"learning": {"kind": "x" * 5000}},
        {"search": {"method": "x" * 5000}},
        {"workloads": ["x" * 5000]},
    ):
        with pytest.raises(ValueError, match="xxx") as caught:
            load_study(write(tmp_path, **changes))
        assert len(str(caught.value)) < 1000


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
