"""Classes of one's own: ``module:Class`` wherever a search method or a latency model is asked for.

The module is looked for as Python does, then in the current folder.
"""

import ast
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from pipeline.plain import did_you_mean

_OWN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def is_own(name: str) -> bool:
    """Whether ``name`` is a ``module:Class``."""
    return _OWN.fullmatch(name) is not None


def short_name(name: str) -> str:
    """What tables, columns and folders call ``name``: of ``module:Class`` the class in lower case, else itself."""
    return re.sub(r"[^a-z0-9]", "", name.partition(":")[2].lower()) if is_own(name) else name


def module_of(name: str) -> str:
    """The module of a ``module:Class``."""
    return name.partition(":")[0]


def own_class(name: str) -> Callable[..., Any]:
    """The class that ``name``, a ``module:Class``, stands for.

    Raises ValueError that says whether the module or the class is missing, or what went wrong while it was loaded.
    """
    module_name, _, attribute = name.partition(":")
    if module_name not in sys.modules and _found(module_name) is None:
        raise ValueError(f"{name}: there is no module {module_name!r} in {os.getcwd()} or among the installed ones")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the module does
        raise ValueError(f"{name}: {module_name} cannot be loaded: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise ValueError(f"{name}: module {module_name!r} has no {attribute!r}{did_you_mean(attribute, classes)}")
    own: Callable[..., Any] = getattr(module, attribute)
    if not callable(own):
        raise ValueError(f"{name}: is {type(own).__name__}, not a class")
    return own


def made(name: str, *arguments: object, members: Iterable[str]) -> Any:
    """An instance of the class ``name``, made from ``arguments``.

    Raises ValueError when that fails, or when the instance lacks one of ``members``.
    """
    own = own_class(name)
    try:
        instance = own(*arguments)
    except Exception as error:  # whatever the class does
        given = ", ".join(type(argument).__name__ for argument in arguments)
        failed = f"{type(error).__name__}: {error}"
        raise ValueError(f"{name}: {name.partition(':')[2]}({given}) failed: {failed}") from error
    missing = [member for member in members if not hasattr(instance, member)]
    if missing:
        raise ValueError(f"{name}: the class has no {' and no '.join(missing)}")
    return instance


def own_files(module: str, without: Collection[str] = ()) -> set[Path]:
    """The source files of ``module`` and of everything that it imports from the same folder or package.

    Packages named in ``without`` are left out. A module without a file, such as one that was typed in, has none.
    """
    spec = _found(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return set()
    root = Path(spec.origin).resolve()
    for _ in range(module.count(".") + (spec.submodule_search_locations is not None) + 1):
        root = root.parent
    seen: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name.partition(".")[0] in (*without, *sys.stdlib_module_names):
            continue
        for path in _paths(root, name) - seen:
            seen.add(path)
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            waiting += _imported(path, package)
    return seen


def _found(module: str) -> ModuleSpec | None:
    """Where ``module`` is; the current folder is looked at last, as ``python -m`` looks at it first."""
    if module in sys.modules:
        return getattr(sys.modules[module], "__spec__", None)
    for _ in range(2):
        try:
            spec = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            spec = None
        if spec is not None or os.getcwd() in sys.path:
            return spec
        sys.path.append(os.getcwd())
        importlib.invalidate_caches()
    return None


def _paths(root: Path, module: str) -> set[Path]:
    """Files below ``root`` that hold ``module`` and the packages that it is in."""
    parts = module.split(".")
    packages = [root.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return {path for path in (*packages, root.joinpath(*parts).with_suffix(".py")) if path.is_file()}


def _imported(path: Path, package: str) -> Iterator[str]:
    """Modules that a file may import, by their full names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            whole = ".".join(part for part in (base, node.module or "") if part)
            yield from (whole, *(f"{whole}.{alias.name}" for alias in node.names if alias.name != "*"))
