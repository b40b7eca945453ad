"""Digests of the source files behind a stage, so that changed code reruns exactly the stages that use it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pipeline.files import ROOT, digest_files

PACKAGES = ("pipeline", "rtl", "sim", "learned")

_DATA = {"pipeline.model": ("*.yaml",), "sim": ("native/*", "tb/*")}
"""Files that the modules of a package read, relative to the package."""


@cache
def stage_digest(module: str) -> str:
    """Digest of ``module``, of all project modules that it imports, directly or not, and of what those read."""
    modules = _closure(module)
    files = {_file(name) for name in modules}
    for package, patterns in _DATA.items():
        if any(name == package or name.startswith(package + ".") for name in modules):
            folder = ROOT / package.replace(".", "/")
            files |= {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return digest_files(files)


def _closure(module: str) -> set[str]:
    found: set[str] = set()
    open_modules = [module]
    while open_modules:
        name = open_modules.pop()
        if name in found:
            continue
        found.add(name)
        parents = name.split(".")
        open_modules += [".".join(parents[:depth]) for depth in range(1, len(parents))]
        open_modules += [target for target in _imports(_file(name)) if _exists(target)]
    return found


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _exists(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in PACKAGES and _file(module).is_file()


def _file(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
