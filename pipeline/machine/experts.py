"""Hardware that people designed, by name, for comparison."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from pipeline.hardware import Hardware, Template

PATH = Path(__file__).with_suffix(".yaml")


class Expert(BaseModel):
    """Physical sizes of a design, and where they come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dim: int
    scratchpad_kib: float
    accumulator_kib: float
    source: str


@cache
def experts() -> dict[str, Expert]:
    """The designs in ``experts.yaml`` by name."""
    return TypeAdapter(dict[str, Expert]).validate_python(yaml.safe_load(PATH.read_text(encoding="utf-8")))


def expert_hardware(name: str, template: Template) -> Hardware:
    """The hardware of that name. Raises ValueError that lists the names when there is none."""
    expert = experts().get(name)
    if expert is None:
        raise ValueError(f"unknown hardware {name!r}; known: {', '.join(experts())}")
    return template.hardware(*(getattr(expert, size) for size in template.sizes))
