"""What each part of the recipe gives: start, descent and refinement, alone and together, at equal evaluations.

Part of ``make bench-search``. Every recipe begins with the same constructive starts. On ``gemmini`` the array is 16x16
and the gap is to the best possible over all exact and evenly ragged tilings, loop orders and sizes that are built; on
``timeloop`` array and memories are free, no optimum is certified, and the gap is to the best design of all runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import geometric_mean

from benches.common import GEMMINI, TIMELOOP, Cell, write
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import Machine
from pipeline.search.constraints import Constraints
from pipeline.search.driver import search
from pipeline.search.methods.exhaustive import with_ragged
from pipeline.search.methods.gradient import Gradient, GradientSettings
from pipeline.search.problem import Problem
from pipeline.search.result import SearchResult
from pipeline.workload import load_workload

DESCENT = (60, 60)
RECIPES = {
    "start": GradientSettings(refine=None),
    "descent": GradientSettings(rounds=DESCENT, refine=None),
    "refinement": GradientSettings(),
    "descent, refinement": GradientSettings(rounds=DESCENT),
}


@dataclass(frozen=True, slots=True)
class Runs:
    """Results of one recipe on one problem, a seed each."""

    recipe: str
    evaluations: int
    results: list[SearchResult]

    @property
    def edp(self) -> float:
        """Geometric mean over the seeds."""
        return geometric_mean(result.edp for result in self.results)

    def row(self, workload: str, machine: str, best: float) -> dict[str, Cell]:
        """As the table shows it, against the ``best`` EDP."""
        return {
            "workload": workload,
            "machine": machine,
            "recipe": self.recipe,
            "evaluations": self.evaluations,
            "edp": self.edp,
            "gap_percent": 100 * (self.edp / best - 1),
            "worst_percent": 100 * (max(result.edp for result in self.results) / best - 1),
            "seconds": sum(result.seconds for result in self.results) / len(self.results),
        }


def compare_recipes(workloads: Sequence[str], evaluations: Sequence[int], seeds: Sequence[int]) -> None:
    """The table, written after every network."""
    rows: list[dict[str, Cell]] = []
    for name in workloads:
        rows += _rows(name, GEMMINI, 16, evaluations, seeds)
        rows += _rows(name, TIMELOOP, None, evaluations, seeds)
        write("search-recipe", rows, seeds=seeds)


def _rows(
    name: str, machine: Machine, dim: int | None, evaluations: Sequence[int], seeds: Sequence[int]
) -> list[dict[str, Cell]]:
    problem = Problem(load_workload(name), AnalyticalModel(machine), Constraints(machine, fix_dim=dim))
    runs = [
        Runs(
            recipe,
            budget,
            [search(problem, Gradient(settings), recipe, evaluations=budget, seed=seed) for seed in seeds],
        )
        for recipe, settings in RECIPES.items()
        for budget in evaluations
    ]
    if dim is not None:
        best = search(problem, with_ragged(), "exhaustive-ragged", evaluations=1, seed=0).edp
    else:
        best = min(result.edp for run in runs for result in run.results)
    return [run.row(name, machine.name, best) for run in runs]
