"""What is wrong with a file, in plain words: every problem on a line of its own, with the field and the value."""

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "model": "a section of fields",
    "dict": "a section of fields",
}
"""What a value must be, by the beginning of pydantic's name of the problem."""

_LIMITS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """``; did you mean x?`` for the known name that is most like ``given``, nothing where none is."""
    close = get_close_matches(given, list(known), 1, 0.6)
    return f"; did you mean {close[0]}?" if close else ""


def problems(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Every problem that kept a file from being a ``model``, in the order of its fields."""
    found = error.errors()
    places = {problem["loc"][:depth] for problem in found for depth in range(len(problem["loc"]))}
    # pydantic counts only the entries without a problem: a list that is too short for want of them is no problem more
    real = [problem for problem in found if problem["type"] != "too_short" or problem["loc"] not in places]
    return [line for problem in real for line in _lines(problem, model)]


def _lines(problem: ErrorDetails, model: type[BaseModel]) -> list[str]:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "value_error":
        said = str(problem.get("ctx", {}).get("error", problem["msg"])).splitlines()
        return [f"{where[:80]}: {line}" if where else line for line in said]
    return [f"{where[:80] or '(file)'}: {_said(problem, model)}"]


def _said(problem: ErrorDetails, model: type[BaseModel]) -> str:
    kind, limits, shown = problem["type"], problem.get("ctx", {}), shorten(problem["input"])
    if kind == "extra_forbidden":
        known = _fields(model, problem["loc"][:-1])
        return f"there is no such field (given: {shown}){did_you_mean(str(problem['loc'][-1]), known)}"
    if kind == "literal_error":
        known = [text.strip("'") for text in str(limits["expected"]).replace(" or ", ", ").split(", ")]
        return f"{shown} is not one of {', '.join(known)}{did_you_mean(str(problem['input']), known)}"
    if kind in ("too_short", "too_long"):
        bound = limits.get("min_length", limits.get("max_length"))
        count = f"at {'least' if kind == 'too_short' else 'most'} {bound} {'entry' if bound == 1 else 'entries'}"
        return f"must have {count}, has {limits['actual_length'] or 'none'}"
    return _needed(problem, limits) + ("" if kind == "missing" else f", not {shown}")


def _needed(problem: ErrorDetails, limits: dict[str, Any]) -> str:
    """What a value must be."""
    kind = problem["type"]
    if kind in _LIMITS:
        word, name = _LIMITS[kind]
        return f"must be {word} {limits[name]:g}"
    known = {
        "missing": "is missing",
        "string_too_long": f"must have at most {limits.get('max_length')} characters",
        "string_pattern_mismatch": f"may only be of the form {limits.get('pattern')}",
        "finite_number": "must be a finite number",
    }
    if kind in known:
        return known[kind]
    wanted = _KINDS.get(kind.split("_", maxsplit=1)[0])
    return f"must be {wanted}" if wanted else problem["msg"][:300]


def shorten(value: Any) -> str:
    """The beginning of a value. A list may hold itself, or a few others many times over."""
    return repr(str(value)[:80] if isinstance(value, str) else value) if _is_plain(value) else reprlib.repr(value)[:80]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | float | str) or (isinstance(value, int) and abs(value) < 10**30)


def _fields(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Names of the fields of the section at ``path``."""
    section: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int) or section is None:
            continue
        field = section.model_fields.get(part)
        section = None if field is None else _section(field.annotation)
    return [] if section is None else list(section.model_fields)


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds: alone, in a list, or where it may also be null."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, list, Annotated, Union, UnionType):
        found = (_section(argument) for argument in get_args(annotation))
        return next((section for section in found if section is not None), None)
    return None
