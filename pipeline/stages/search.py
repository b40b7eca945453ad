"""Search hardware and mappings of a workload: design.json, mappings.csv and trace.csv in one folder."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TextIO

from pipeline.hardware import Hardware, Platform
from pipeline.machine.latency import LatencyModel
from pipeline.progress import Line, time_left
from pipeline.search.bayesian import Bayesian
from pipeline.search.constraints import Constraints
from pipeline.search.default import (
    GEMMINI_ACCUMULATOR_KIB,
    GEMMINI_DIM,
    GEMMINI_SCRATCHPAD_KIB,
    Default,
)
from pipeline.search.driver import Method, search
from pipeline.search.genetic import Genetic
from pipeline.search.gradient import PUBLISHED, Gradient
from pipeline.search.problem import Objective, Problem, Recorder
from pipeline.search.random_search import RandomSearch
from pipeline.search.result import SearchResult
from pipeline.stages import command
from pipeline.workload import Workload, load_workload

MethodName = Literal["gradient", "published", "random", "bayesian", "genetic", "default"]

METHODS: dict[str, Callable[[], Method]] = {
    "gradient": Gradient,
    "published": lambda: Gradient(PUBLISHED),
    "random": RandomSearch,
    "bayesian": Bayesian,
    "genetic": Genetic,
    "default": Default,
}


def run_search(
    workload: Workload,
    *,
    method: str,
    evaluations: int,
    model: LatencyModel,
    seed: int,
    out: Path | None = None,
    objective: Objective = "edp",
    fix_dim: int | None = None,
    fix_hardware: tuple[int, float, float] | None = None,
    max_area_mm2: float | None = None,
    max_dim: int | None = None,
    max_scratchpad_kib: float | None = None,
    max_accumulator_kib: float | None = None,
    stream: TextIO | None = None,
) -> SearchResult:
    """Search ``workload`` on the platform of ``model`` with about ``evaluations`` evaluations.

    ``fix_hardware`` is (DIM, scratchpad KiB, accumulator KiB), physical. With ``out`` the result is written there and
    an interrupted search goes on from the checkpoint in it. Progress is shown on ``stream``. Raises ValueError that
    names what is wrong.
    """
    if method not in METHODS:
        raise ValueError(f"unknown search method {method!r}; known: {', '.join(METHODS)}")
    platform: Platform = model.platform
    if method == "default" and fix_hardware is None:
        fix_hardware = (GEMMINI_DIM, GEMMINI_SCRATCHPAD_KIB, GEMMINI_ACCUMULATOR_KIB)
        if fix_dim not in (None, GEMMINI_DIM):
            raise ValueError(f"method default: Gemmini's default hardware has dim {GEMMINI_DIM}, not {fix_dim}")
        fix_dim = None
    constraints = Constraints(
        platform,
        fix_dim=fix_dim,
        fixed=None if fix_hardware is None else Hardware(*fix_hardware, platform),
        max_dim=max_dim,
        max_scratchpad_kib=max_scratchpad_kib,
        max_accumulator_kib=max_accumulator_kib,
        max_area_mm2=max_area_mm2,
    )
    problem = Problem(workload, model, constraints, objective)
    checkpoint = None if out is None else out / "checkpoint.pt"
    progress = Progress(stream, f"{method} on {workload.name}")
    result = search(
        problem,
        METHODS[method](),
        method,
        evaluations=evaluations,
        seed=seed,
        checkpoint=checkpoint,
        observe=progress.observe,
    )
    progress.end()
    if out is not None:
        result.write(out)
    return result


class Progress:
    """Shows how far a search is: evaluations, the best design so far and the time left."""

    def __init__(self, stream: TextIO | None, name: str) -> None:
        self._line = Line(stream)
        self._name = name
        self._before: float | None = None
        self._text = ""

    def observe(self, recorder: Recorder) -> None:
        """Take note of a step."""
        if self._before is None:
            self._before = recorder.evaluations  # those of an earlier run that was interrupted, or of the first step
        done, total = recorder.evaluations, recorder.budget
        self._text = f"{self._name}: {done:,.0f} of {total:,} evaluations"
        if recorder.trace:
            *_, cycles, energy_uj = recorder.trace[-1]
            self._text += f", best EDP {cycles * energy_uj:.4g}"
        self._line.show(self._text + time_left(done - self._before, total - self._before, self._line.seconds))

    def end(self) -> None:
        """Show how it ended."""
        self._line.end(self._text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline.stages.search", description=__doc__)
    parser.add_argument("--workload", required=True, help="name or .yaml file")
    parser.add_argument("--method", required=True, choices=list(METHODS))
    parser.add_argument("--evaluations", required=True, type=int)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--model", default="analytical", help="'analytical' or the file of a trained model")
    parser.add_argument("--platform", choices=["timeloop", "rtl"], default=None)
    parser.add_argument("--objective", choices=["edp", "latency", "energy", "ed2p"], default="edp")
    parser.add_argument("--fix-dim", type=int, default=None)
    parser.add_argument("--fix-hardware", default=None, metavar="DIM,SPAD_KIB,ACC_KIB")
    parser.add_argument("--max-area", type=float, default=None, metavar="MM2")
    parser.add_argument("--max-dim", type=int, default=None)
    parser.add_argument("--max-scratchpad", type=float, default=None, metavar="KIB")
    parser.add_argument("--max-accumulator", type=float, default=None, metavar="KIB")
    return parser


def _stage(given: argparse.Namespace) -> None:
    from pipeline.stages.models import load_latency_model  # noqa: PLC0415 (loads GPyTorch)

    sizes = None if given.fix_hardware is None else command.hardware(given.fix_hardware)
    result = run_search(
        load_workload(given.workload),
        method=given.method,
        evaluations=given.evaluations,
        model=load_latency_model(given.model, given.platform, "spill"),
        seed=given.seed,
        out=given.out,
        objective=given.objective,
        fix_dim=given.fix_dim,
        fix_hardware=None if sizes is None else (sizes.dim, sizes.scratchpad_kib, sizes.accumulator_kib),
        max_area_mm2=given.max_area,
        max_dim=given.max_dim,
        max_scratchpad_kib=given.max_scratchpad,
        max_accumulator_kib=given.max_accumulator,
        stream=sys.stderr,
    )
    print(result.summary())


if __name__ == "__main__":
    arguments = _parser().parse_args()
    command.run(lambda: _stage(arguments))
