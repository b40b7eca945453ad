"""Search methods and latency models in a study: a name of the project's, or ``module:Class`` for one's own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from pipeline.choices import METHODS, MODEL_KINDS, PARTS
from pipeline.machine.machine import MachineChoice
from pipeline.machine.own import own_model
from pipeline.plain import did_you_mean, shorten
from pipeline.plugins import is_own, short_name
from pipeline.search.named import method_named

OWN = "module:Class"
RESERVED = ("reference", "analytical", *PARTS)
"""Names of searches that a study has besides its methods."""

Fields = Iterable[tuple[str, tuple[str, ...]]]
"""Names of fields with the methods or models that they hold."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text that is one of ``names``, or names a class of one's own."""

    names: tuple[str, ...]

    def check(self, name: str) -> str:
        """The name itself. Raises ValueError when it is neither."""
        if name not in self.names and not is_own(name):
            known = ", ".join((*self.names, OWN))
            raise ValueError(f"{shorten(name)} is not one of {known}{did_you_mean(name, self.names)}")
        return name

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "anyOf": [{"enum": list(self.names)}, {"type": "string", "pattern": "^[A-Za-z_][\\w.]*:[A-Za-z_]\\w*$"}]
        }


_METHOD, _MODEL = OneOf(tuple(METHODS)), OneOf(tuple(MODEL_KINDS))

MethodName = Annotated[str, AfterValidator(_METHOD.check), _METHOD]
ModelName = Annotated[str, AfterValidator(_MODEL.check), _MODEL]


def wrong_classes(methods: Fields, models: Fields, machine: MachineChoice) -> list[str]:
    """What keeps the classes of one's own that a study names from being used on ``machine``."""
    wrong = []
    for field, names in methods:
        wrong += [_failure(field, lambda name=name: method_named(name)) for name in names if is_own(name)]
    for field, names in models:
        wrong += [_failure(field, lambda name=name: own_model(name, machine.find())) for name in names if is_own(name)]
    return [
        *filter(None, wrong),
        *_same_names(methods, (*METHODS, *RESERVED)),
        *_same_names(models, tuple(MODEL_KINDS)),
    ]


def _failure(field: str, load: Any) -> str:
    try:
        load()
    except ValueError as error:
        return f"{field}: {error}"
    return ""


def _same_names(fields: Fields, taken: tuple[str, ...]) -> list[str]:
    """Classes whose names in tables would be those of others."""
    own = dict.fromkeys((field, name) for field, names in fields for name in names if is_own(name))
    wrong, seen = [], {name: name for name in taken}
    for field, name in own:
        short = short_name(name)
        is_round = short[:1] == "r" and short[1:].isdigit()
        if not short or is_round or seen.setdefault(short, name) != name:
            wrong.append(f"{field}: {name}: would be called {short!r} in tables, which is taken; rename the class")
    return wrong
