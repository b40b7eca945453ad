"""Runs a method step by step, and saves its state so that an interrupted search goes on where it was."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from pipeline.files import digest, write_atomically
from pipeline.search.problem import Problem, Recorder
from pipeline.search.result import SearchResult, result_of

SAVE_SECONDS = 2.0
"""Least time between two checkpoints."""


@runtime_checkable
class Method(Protocol):
    """A search method as explicit state. The state holds tensors, numbers, text and lists of them."""

    def begin(self, recorder: Recorder, generator: torch.Generator) -> dict[str, Any]:
        """The first state; its entry ``phase`` is ``done`` when nothing is left to do."""
        ...

    def advance(self, state: dict[str, Any], recorder: Recorder, generator: torch.Generator) -> dict[str, Any]:
        """The next state."""
        ...


def search(
    problem: Problem,
    method: Method,
    name: str,
    *,
    evaluations: int,
    seed: int,
    checkpoint: Path | None = None,
    observe: Callable[[Recorder], None] = lambda _: None,
) -> SearchResult:
    """Run ``method`` with at most about ``evaluations`` evaluations.

    With ``checkpoint`` the state is saved there and an earlier run of the same search goes on from it; the file is
    removed at the end. The result is the same with and without interruption, but for its seconds. ``observe`` is called
    after every step.
    """
    if evaluations < 1:
        raise ValueError(f"evaluations = {evaluations}: must be at least 1")
    key = _key(problem, method, name, evaluations, seed)
    saved = _load(checkpoint, key)
    earlier, began = (0.0 if saved is None else saved["recorder"]["seconds"]), time.perf_counter()
    recorder = Recorder(problem, evaluations, clock=lambda: earlier + time.perf_counter() - began)
    generator = torch.Generator().manual_seed(seed)
    if saved is None:
        state = method.begin(recorder, generator)
    else:
        recorder.restore(saved["recorder"])
        generator.set_state(saved["generator"])
        state = saved["state"]
    last_save = recorder.clock()
    while state["phase"] != "done":
        state = method.advance(state, recorder, generator)
        observe(recorder)
        if checkpoint is not None and recorder.clock() - last_save > SAVE_SECONDS:
            content = {"key": key, "state": state, "recorder": recorder.state(), "generator": generator.get_state()}
            write_atomically(checkpoint, lambda path, content=content: torch.save(content, path))  # type: ignore[misc]
            last_save = recorder.clock()
    result = result_of(problem, recorder, method=name, seed=seed)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return result


def _key(problem: Problem, method: Method, name: str, evaluations: int, seed: int) -> str:
    return digest(
        str(problem.workload),
        problem.model.name,
        str(problem.constraints),
        problem.objective,
        str(method),
        name,
        evaluations,
        seed,
    )


def _load(checkpoint: Path | None, key: str) -> dict[str, Any] | None:
    if checkpoint is None or not checkpoint.exists():
        return None
    try:
        saved: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    except Exception:
        return None  # not a checkpoint of this version: start anew
    return saved if saved.get("key") == key else None
