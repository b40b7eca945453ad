"""Runs a method step by step, and saves its state so that an interrupted search goes on where it was."""

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch

from pipeline.files import digest, write_atomically
from pipeline.search.problem import Problem, Recorder
from pipeline.search.result import SearchResult, result_of
from pipeline.sources import source_digest

SAVE_SECONDS = 2.0
"""Least time between two checkpoints."""


@runtime_checkable
class State(Protocol):
    """Where a method is: a frozen dataclass of tensors, numbers, text and tuples of them."""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        ...


S = TypeVar("S", bound=State)


@runtime_checkable
class Method(Protocol[S]):
    """A search method as explicit state."""

    @property
    def state(self) -> type[Any]:
        """The type of its states."""
        ...

    def begin(self, recorder: Recorder, generator: torch.Generator) -> S:
        """The first state."""
        ...

    def advance(self, state: S, recorder: Recorder, generator: torch.Generator) -> S:
        """The next state."""
        ...


def search(
    problem: Problem,
    method: Method[Any],
    name: str,
    *,
    evaluations: int,
    seed: int,
    checkpoint: Path | None = None,
    observe: Callable[[Recorder], None] = lambda _: None,
) -> SearchResult:
    """Run ``method`` with at most about ``evaluations`` evaluations.

    With ``checkpoint`` the state is saved there and an earlier run of the same search goes on from it; the file is
    removed at the end, and at the beginning when it is of any other search: another workload, model (its weights
    included), constraint, method, seed or code. The result is the same with and without interruption, but for its
    seconds. ``observe`` is called after every step.
    """
    if evaluations < 1:
        raise ValueError(f"evaluations = {evaluations}: must be at least 1")
    key = "" if checkpoint is None else search_key(problem, method, name, evaluations, seed)
    saved = _load(checkpoint, key)
    earlier, began = (0.0 if saved is None else saved["recorder"]["seconds"]), time.perf_counter()
    recorder = Recorder(problem, evaluations, clock=lambda: earlier + time.perf_counter() - began)
    generator = torch.Generator().manual_seed(seed)
    if saved is None:
        state = method.begin(recorder, generator)
    else:
        recorder.restore(saved["recorder"])
        generator.set_state(saved["generator"])
        state = method.state(**saved["state"])
    last_save = recorder.clock()
    while not state.done:
        state = method.advance(state, recorder, generator)
        observe(recorder)
        if checkpoint is not None and recorder.clock() - last_save > SAVE_SECONDS:
            fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
            content = {"key": key, "state": fields, "recorder": recorder.state(), "generator": generator.get_state()}
            write_atomically(checkpoint, lambda path, content=content: torch.save(content, path))  # type: ignore[misc]
            last_save = recorder.clock()
    result = result_of(problem, recorder, method=name, seed=seed)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return result


def search_key(problem: Problem, method: Method[Any], name: str, evaluations: int, seed: int) -> str:
    """Names everything that decides the result of a search, the code included."""
    code = source_digest(__name__, type(problem.model).__module__, type(method).__module__)
    solved = (problem.workload, problem.networks, problem.model, problem.constraints, problem.objective)
    asked = (*solved, problem.one_tile, method, name, evaluations, seed)
    return digest(code, hashlib.sha256("\n".join(_content(asked)).encode()).hexdigest())


def _content(value: object) -> Iterator[str]:
    """Everything that ``value`` holds, as text: two values with the same text do the same."""
    if value is None or isinstance(value, str | int | float):
        yield repr(value)
    elif isinstance(value, torch.Tensor):
        data = value.detach().contiguous().cpu().reshape(-1).view(torch.uint8).numpy()
        yield f"{value.dtype} {tuple(value.shape)} {hashlib.sha256(data.tobytes()).hexdigest()}"
    elif isinstance(value, Mapping):
        yield f"mapping of {len(value)}"
        for key, item in value.items():
            yield from (*_content(key), *_content(item))
    elif isinstance(value, tuple | list):
        yield f"sequence of {len(value)}"
        for item in value:
            yield from _content(item)
    elif isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        yield f"{value.__module__}.{value.__qualname__}"
    else:
        names = [f.name for f in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else list(vars(value))
        yield from _content(type(value))
        yield from _content({name: getattr(value, name) for name in names})


def _load(checkpoint: Path | None, key: str) -> dict[str, Any] | None:
    """What an earlier run of this search saved. A file of another search, or of another version, is removed."""
    if checkpoint is None or not checkpoint.exists():
        return None
    saved: dict[str, Any] = {}
    with suppress(Exception):  # not a checkpoint at all
        saved = torch.load(checkpoint, weights_only=True)
    if saved.get("key") == key:
        return saved
    checkpoint.unlink()
    return None
