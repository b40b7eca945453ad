"""Digests of the code behind a stage or a search, so that changed code reruns exactly what uses it."""

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

from pipeline.choices import MODEL_KINDS
from pipeline.files import ROOT, digest_files
from pipeline.plugins import module_of, own_files

PACKAGES = ("pipeline", "rtl", "sim", "learned", "benches")

INPUTS = ("pipeline/workloads", "pipeline/rules", "rtl")
"""Folders whose data files are inputs of a run: workloads and designs have digests of their own, rules are no code of a
stage."""


@cache
def source_digest(*modules: str) -> str:
    """Digest of ``modules``, of all project modules that they import, directly or not, and of the data beside these.

    A module of another package counts with what it imports from there.
    """
    names, own = set(), set()
    for name in modules:
        if name.partition(".")[0] in _packages():
            names |= {name, *_graph().find_upstream_modules(name)}
        else:
            own |= own_files(name, without=PACKAGES)
    names |= {".".join(name.split(".")[:depth]) for name in names for depth in range(1, name.count(".") + 1)}
    return digest_files(own | {path for name in names for path in _files(name)})


@cache
def _packages() -> tuple[str, ...]:
    """The project's packages that are installed: the benches are not."""
    return tuple(name for name in PACKAGES if importlib.util.find_spec(name) is not None)


@cache
def _graph() -> grimp.ImportGraph:
    graph = grimp.build_graph(*_packages(), cache_dir=None)
    for path in MODEL_KINDS.values():  # loaded by name, not imported
        graph.add_import(importer="learned.model", imported=module_of(path))
    return graph


def _files(module: str) -> Iterator[Path]:
    """The file of ``module``; of a package also the files in its folder that are no Python."""
    path = ROOT / module.replace(".", "/")
    if not path.is_dir():
        yield path.with_suffix(".py")
        return
    yield path / "__init__.py"
    yield from _data(path)


def _data(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.relative_to(ROOT).as_posix() in INPUTS or folder.relative_to(ROOT).as_posix() in INPUTS:
            continue
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists():
            yield from _data(path)
        elif path.is_file() and path.suffix != ".py":
            yield path
