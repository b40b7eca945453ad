"""Writes docs/study.md from the study's schema: ``python -m pipeline.config.reference``."""

import json
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.config.own import OWN, OneOf
from pipeline.config.study import Study
from pipeline.files import ROOT, write_text

PAGE = ROOT / "docs" / "study.md"

_HEAD = """# The study file

A study is one YAML file. Four come with the package (`pipeline/config/`): `default.yaml`, `smoke.yaml`, `paper.yaml`
and `output_stationary.yaml`, which is of another family. A field that is left out takes its default, which is that of
the default study; an unknown field is an error that names it. This page is written from the schema by
`python -m pipeline.config.reference`.

Check a study without running it:

```sh
cp pipeline/config/smoke.yaml my.yaml
.venv/bin/snakemake all --cores 2 --dry-run --config study=my.yaml
```

Results are in `results/<name>/`, so a study with another `name` does not touch those of this one.
"""


def page() -> str:
    """The page as Markdown."""
    lines = [_HEAD, "| field | type | default | meaning |", "|---|---|---|---|"]
    lines += _rows(Study, "")
    return "\n".join(lines) + "\n"


def _rows(model: type[BaseModel], prefix: str) -> list[str]:
    rows = []
    for name, field in model.model_fields.items():
        inner = _section(field.annotation)
        if inner is not None and get_origin(field.annotation) is None:
            rows.append(f"| **`{prefix}{name}`** | section | | {field.description} |")
            rows += _rows(inner, f"{prefix}{name}.")
            continue
        rows.append(f"| `{prefix}{name}` | {_type(field)} | {_default(field)} | {field.description} |")
        if inner is not None:
            rows += _rows(inner, f"{prefix}{name}[].")
    return rows


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, alone or in a list; None for plain values and optional sections."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is tuple:
        return _section(get_args(annotation)[0])
    return None


def _type(field: FieldInfo) -> str:
    limits = [_limit(item) for item in field.metadata]
    named = [_choices(item) for item in field.metadata if isinstance(item, OneOf)]
    return " ".join([*(named or [_name(field.annotation)]), *(text for text in limits if text)])


def _choices(names: OneOf) -> str:
    return " or ".join(f"`{value}`" for value in (*names.names, OWN))


def _name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Annotated, tuple, dict):
        named = [_choices(item) for item in arguments if isinstance(item, OneOf)]
        forms = {Annotated: "{}", tuple: "list of {}", dict: "{} by name"}
        return named[0] if named else forms[origin].format(_name(arguments[-1 if origin is dict else 0]))
    options = [option for option in get_args(annotation) if isinstance(option, type)]
    if len(options) > 1:
        return " or ".join("null" if option is NoneType else _name(option) for option in options)
    if options:
        return _name(options[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "hardware point"
    return {int: "integer", float: "number", str: "text", bool: "true or false"}.get(annotation, str(annotation))


def _limit(item: Any) -> str:
    for attribute, text in (("ge", "from"), ("gt", "above"), ("le", "to"), ("min_length", "at least")):
        if getattr(item, attribute, None) is not None:
            return f"{text} {getattr(item, attribute):,}"
    return ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.default
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return f"{len(value)} points"
    if isinstance(value, tuple):
        return "`[" + ", ".join(str(item) for item in value) + "]`"
    if value is None or isinstance(value, bool):
        return f"`{json.dumps(value)}`"
    return f"`{value}`"


def main(path: Path = PAGE) -> None:
    """Write the page."""
    write_text(path, page())


if __name__ == "__main__":
    main()
