"""Search methods by name: those of the project, or a class of one's own."""

import dataclasses
from typing import Any

from pipeline.choices import METHODS, load
from pipeline.plain import did_you_mean
from pipeline.plugins import is_own, made, module_of
from pipeline.search.driver import Method


def method_named(name: str) -> Method[Any]:
    """The method ``name``, or one made by ``module:Class``.

    Raises ValueError when there is no such method, or when the class is none.
    """
    if not is_own(name):
        known = f"known: {', '.join(METHODS)}, or module:Class for one of your own"
        if name not in METHODS:
            raise ValueError(f"unknown search method {name!r}{did_you_mean(name, METHODS)}; {known}")
        method: Method[Any] = load(METHODS[name])()
        return method
    method = made(name, members=("state", "begin", "advance"))
    if not (isinstance(method.state, type) and dataclasses.is_dataclass(method.state)):
        raise ValueError(f"{name}: state = {method.state!r}: must be the class of its states, a dataclass")
    return method


def method_module(name: str) -> str:
    """The module that holds the method ``name``."""
    return module_of(METHODS.get(name, name))
