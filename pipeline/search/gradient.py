"""One-loop gradient search: hardware and mappings descend together, then the discrete search finishes.

After DOSA (Hong et al., MICRO 2023): hardware is what the mappings imply, mappings are real factors under Adam, rounded
every so many steps. All starts and layers are one batch.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch

from pipeline.hardware import HardwareTensors
from pipeline.search.construct import construct, random_priorities
from pipeline.search.orders import OrderMethod, orders_of
from pipeline.search.problem import Problem, Recorder
from pipeline.search.refine import RefineSettings, each_layer, fit, generation
from pipeline.search.relaxation import Relaxed, loss, project, round_to_divisors
from pipeline.search.space import Points, smallest, trim


@dataclass(frozen=True, slots=True)
class GradientSettings:
    """A recipe. ``evaluations`` of the whole search are split by it."""

    drawn: int = 64
    """Random hardware tried with a constructive mapping."""
    starts: int = 12
    """Starts that descend."""
    rounds: tuple[int, ...] = (60, 60)
    """Steps between roundings."""
    keep: float = 0.5
    """Share of starts that goes on after each rounding."""
    learning_rate: float = 0.05
    orders: OrderMethod = "all"
    refine: RefineSettings | None = field(default_factory=RefineSettings)
    """Discrete refinement with what is left of the budget; None: none."""


PUBLISHED = GradientSettings(
    drawn=7, starts=7, rounds=(500, 500, 490), keep=1.0, learning_rate=0.05, orders="three", refine=None
)
"""The published recipe: 7 starts, 1,490 steps, rounding every 500, three loop orders re-chosen at rounding."""


@dataclass(frozen=True, slots=True)
class Gradient:
    """The search as explicit state: ``begin``, then ``advance`` until the state says it is done."""

    settings: GradientSettings = field(default_factory=GradientSettings)

    def begin(self, recorder: Recorder, generator: torch.Generator) -> dict[str, Any]:
        """Constructive starts on random hardware; the best ones go on."""
        points = starts(recorder, self.settings, generator)
        settings = scaled(self.settings, recorder.budget)
        return {
            "phase": "descend",
            "round": 0,
            "rounds": list(settings.rounds),
            "slots": points.slots,
            "rank": points.rank,
        }

    def advance(self, state: dict[str, Any], recorder: Recorder, generator: torch.Generator) -> dict[str, Any]:
        """One round of descent with its rounding, or one generation of refinement."""
        points = Points(state["slots"], state["rank"])
        if state["phase"] == "descend":
            steps = state["rounds"][state["round"]]
            points = descend(points, recorder, steps, self.settings)
            score, _, _ = recorder.designs(points)
            kept = max(1, round(len(score) * self.settings.keep))
            points = points[score.argsort()[:kept]]
            after = state["round"] + 1
            phase = "descend" if after < len(state["rounds"]) else "refine" if self.settings.refine else "done"
            return {**state, "phase": phase, "round": after, "slots": points.slots, "rank": points.rank}
        refine = self.settings.refine
        assert refine is not None
        before = recorder.layer_evaluations
        points, _ = generation(points[slice(0, refine.kept)], recorder, refine, generator)
        done = recorder.left < 2 * refine.kept * (refine.children + 1) or recorder.layer_evaluations == before
        return {**state, "phase": "done" if done else "refine", "slots": points.slots, "rank": points.rank}


def scaled(settings: GradientSettings, budget: int) -> GradientSettings:
    """The recipe with its steps cut down so that descent takes at most half of a small ``budget`` (all of it without
    refinement)."""
    share = 0.5 if settings.refine else 1.0
    planned = sum(steps * max(1, settings.starts * settings.keep**i) for i, steps in enumerate(settings.rounds))
    factor = min(1.0, share * (budget - 4 * settings.starts) / planned)
    return replace(settings, rounds=tuple(max(1, int(steps * factor)) for steps in settings.rounds))


def starts(recorder: Recorder, settings: GradientSettings, generator: torch.Generator) -> Points:
    """The best ``settings.starts`` of constructive designs on random hardware; every one is an evaluation."""
    problem = recorder.problem
    count = max(1, min(settings.drawn, recorder.budget // 8))
    hardware = problem.constraints.sample(count, generator)
    shape = (count, len(problem.workload.layers))
    points = construct(
        problem.layers, each_layer(hardware), random_priorities(shape, generator), problem.constraints.platform
    )
    score, _, _ = recorder.designs(points)
    if not bool(torch.isfinite(score).any()):
        raise ValueError(f"workload {problem.workload.name!r}: no mapping fits within the constraints")
    order = score.argsort()[: max(1, min(settings.starts, int(torch.isfinite(score).sum())))]
    return points[order]


def descend(points: Points, recorder: Recorder, steps: int, settings: GradientSettings) -> Points:
    """Adam for ``steps`` on relaxed copies of designs [b, L], then rounding to integers that fit, orders re-chosen."""
    problem = recorder.problem
    start = Relaxed.of(points)
    factors = start.log_factors.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([factors], lr=settings.learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps), settings.learning_rate / 10)
    per_step = len(orders_of("soft")) if settings.orders == "soft" else 1
    for _ in range(steps):
        if recorder.left < points.slots.shape[0] * (per_step + len(orders_of(settings.orders)) + 1):
            break
        optimiser.zero_grad()
        value = loss(Relaxed(factors, start.rank), problem, settings.orders)
        recorder.count(points.slots.shape[0] * per_step)
        value.sum().backward()  # type: ignore[no-untyped-call]
        factors.grad = torch.nan_to_num(factors.grad) if factors.grad is not None else None
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            factors.copy_(project(factors, problem))
    return choose_orders(rounded(factors.detach(), start, problem), recorder, settings.orders)


def rounded(factors: torch.Tensor, start: Relaxed, problem: Problem) -> Points:
    """Integer designs that keep the size limits: nearest divisors, then tiles shrunk where they are too large."""
    limits = problem.constraints
    slots = round_to_divisors(factors, problem)
    shape = slots.shape[:-2]
    caps = HardwareTensors(
        *(x.expand(shape) for x in (limits.largest.dim, limits.largest.scratchpad_kib, limits.largest.accumulator_kib))
    )
    slots = trim(slots, problem.size, caps.dim[..., None].long(), limits.platform)
    return fit(Points(slots, start.rank), caps, problem, torch.Generator().manual_seed(0))


def choose_orders(points: Points, recorder: Recorder, method: OrderMethod) -> Points:
    """Designs [*b, L] with the DRAM loop order of each layer re-chosen on the hardware they imply."""
    orders = orders_of(method)
    if len(orders) == 1:
        return points
    problem = recorder.problem
    hardware = smallest(points.tensors(problem.layers), problem.layers, problem.constraints)
    shape = (*points.slots.shape[:-1], len(orders))
    rank = points.rank[..., None, :, :].expand(*shape, 4, 7).clone()
    rank[..., 3, :] = orders
    every = Points(points.slots[..., None, :].expand(*shape, points.slots.shape[-1]), rank)
    costs, valid = recorder.candidates(every, problem.layers[:, None], each_layer(hardware, 2))
    return every.gather(problem.choose(costs, valid))
