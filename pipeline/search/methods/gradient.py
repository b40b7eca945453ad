"""One-loop search: hardware and mappings descend together, then the discrete search finishes.

Descent is after DOSA (Hong et al., MICRO 2023): hardware is what the mappings imply, mappings are real factors under
Adam, rounded every so many steps. All starts and layers are one batch. Descent gives less than the refinement that its
evaluations would pay for, so the default recipe has none; the published one has nothing else.
"""

import math
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.optim.adam import adam

from pipeline.hardware import HardwareTensors
from pipeline.search.local.archive import Archive, archive_of
from pipeline.search.local.construct import DRAWN, constructive_starts
from pipeline.search.local.refinement import RefinementSettings, advanced
from pipeline.search.local.vary import fit
from pipeline.search.orders import OrderMethod, orders_of
from pipeline.search.points import Points, each_layer, smallest, trim, with_dram_order
from pipeline.search.problem import Problem, Recorder
from pipeline.search.relaxation import Relaxed, loss, project, round_to_divisors

_LEAST_PER_START = 50
"""Evaluations that a start needs to be worth it."""


@dataclass(frozen=True, slots=True)
class GradientSettings:
    """A recipe. ``evaluations`` of the whole search are split by it."""

    drawn: int = DRAWN
    """Random hardware tried with a constructive mapping."""
    tiler: bool = True
    """Whether the design of the machine's own tiler is tried too."""
    starts: int = 12
    """Starts that descend."""
    rounds: tuple[int, ...] = ()
    """Steps between roundings; empty: no descent."""
    keep: float = 0.5
    """Share of starts that goes on after each rounding."""
    learning_rate: float = 0.05
    orders: OrderMethod = "all"
    refine: RefinementSettings | None = field(default_factory=RefinementSettings)
    """Discrete refinement with what is left of the budget; None: none."""


PUBLISHED = GradientSettings(
    drawn=7, tiler=False, starts=7, rounds=(500, 500, 490), keep=1.0, learning_rate=0.05, orders="three", refine=None
)
"""The published recipe: 7 starts, 1,490 steps, rounding every 500, three loop orders re-chosen at rounding."""


@dataclass(frozen=True, slots=True)
class GradientState:
    """Designs, best first after the first rounding."""

    slots: Int[Tensor, "designs L slots"]
    rank: Int[Tensor, "designs L levels 7"]
    rounds: tuple[int, ...]
    """Steps of the rounds of descent still to come; then refinement."""
    archive: tuple[Tensor, ...] = ()
    """What refinement knows: the parts of an ``Archive``."""
    sizes: tuple[Tensor, ...] = ()
    """Of the hardware [1] that refinement is at: the machine's, then the searched parts of its structure."""
    done: bool = False


Factors = Float[Tensor, "designs L slots"]


@dataclass(frozen=True, slots=True)
class Moments:
    """What Adam remembers of the gradients so far."""

    mean: Factors
    square: Factors
    steps: Float[Tensor, ""]


@dataclass(frozen=True, slots=True)
class Gradient:
    """The search as explicit state: ``begin``, then ``advance`` until the state says it is done."""

    settings: GradientSettings = field(default_factory=GradientSettings)

    @property
    def state(self) -> type[GradientState]:
        """The type of its states."""
        return GradientState

    def begin(self, recorder: Recorder, generator: torch.Generator) -> GradientState:
        """Constructive starts on random hardware; the best ones go on."""
        points, _ = constructive_starts(
            recorder, self.settings.drawn, generator, self.settings.drawn, tiler=self.settings.tiler
        )
        settings = scaled(self.settings, recorder.budget, recorder.left)
        if settings.rounds:
            points = points[slice(0, settings.starts)]
        done = not settings.rounds and settings.refine is None
        return GradientState(points.slots, points.rank, settings.rounds, done=done)

    def advance(self, state: GradientState, recorder: Recorder, generator: torch.Generator) -> GradientState:
        """One round of descent with its rounding, or one step of refinement."""
        points = Points(state.slots, state.rank)
        if state.rounds:
            points = descend(points, recorder, state.rounds[0], self.settings)
            score, _, _ = recorder.designs(points)
            kept = max(1, round(len(score) * self.settings.keep))
            best = score.argsort()[:kept]
            points, rounds = points[best], state.rounds[1:]
            done = not rounds and self.settings.refine is None
            return GradientState(points.slots, points.rank, rounds, done=done)
        return self._step(state, recorder, generator)

    def _step(self, state: GradientState, recorder: Recorder, generator: torch.Generator) -> GradientState:
        """One step of refinement."""
        refine = self.settings.refine
        assert refine is not None
        problem = recorder.problem
        names = (*problem.machine.template.sizes, *problem.constraints.structure)
        if recorder.left < refine.cost(recorder):
            return replace(state, done=True)
        if state.archive:
            archive, best = Archive(*state.archive), HardwareTensors(dict(zip(names, state.sizes, strict=True)))
        else:
            points = Points(state.slots, state.rank)
            # Descent does not know the area limit: designs beyond it are made to fit what it leaves.
            hardware = smallest(problem.tensors(points), problem.layers, problem.constraints)
            hardware = problem.constraints.within(hardware)
            archive = archive_of(fit(points, hardware, problem, generator), hardware, problem)
            best = hardware[:1]
        archive, best = advanced(archive, best, recorder, refine, generator)
        return replace(state, archive=archive.parts, sizes=tuple(best.sizes[name] for name in names))


def scaled(settings: GradientSettings, budget: int, left: float) -> GradientSettings:
    """The recipe for a small ``budget`` of which ``left`` is left: fewer starts, and steps cut down so that descent
    with its roundings takes at most half of it (all of it without refinement)."""
    count = max(1, min(settings.starts, budget // _LEAST_PER_START))
    each = [max(1, round(count * settings.keep**i)) for i in range(len(settings.rounds))]
    rounding = sum(each) * (_orders_cost(settings.orders) + 1)
    share = 0.5 if settings.refine else 1.0
    planned = sum(
        steps * starts * _step_cost(settings.orders) for steps, starts in zip(settings.rounds, each, strict=True)
    )
    factor = min(1.0, max(0.0, (share * left - rounding) / max(planned, 1)))  # without rounds nothing is planned
    return replace(settings, starts=count, rounds=tuple(int(steps * factor) for steps in settings.rounds))


def _step_cost(orders: OrderMethod) -> int:
    """Evaluations of one step: a soft choice evaluates every order."""
    return len(orders_of(orders)) if orders == "soft" else 1


def _orders_cost(orders: OrderMethod) -> int:
    """Evaluations of re-choosing orders after rounding."""
    return len(orders_of(orders)) if len(orders_of(orders)) > 1 else 0


def descend(points: Points, recorder: Recorder, steps: int, settings: GradientSettings) -> Points:
    """Adam on relaxed copies of designs [b, L], then rounding to integers, then orders."""
    problem = recorder.problem
    start = Relaxed.of(points)
    factors = start.log_factors.clone()
    moments = Moments(torch.zeros_like(factors), torch.zeros_like(factors), torch.tensor(0.0))
    for step in range(steps):
        recorder.count(points.slots.shape[0] * _step_cost(settings.orders))
        gradient = _gradient(factors, start.rank, problem, settings.orders)
        rate = settings.learning_rate * (0.55 + 0.45 * math.cos(math.pi * step / steps))
        factors, moments = adam_step(factors, gradient, moments, rate)
        factors = project(factors, problem)
    return choose_orders(rounded(factors, start, problem), recorder, settings.orders)


def adam_step(factors: Factors, gradient: Factors, moments: Moments, rate: float) -> tuple[Factors, Moments]:
    """Factors and moments after one step of Adam (Kingma and Ba, 2015); what is given stays as it is."""
    factors, mean, square, steps = (x.clone() for x in (factors, moments.mean, moments.square, moments.steps))
    adam(
        [factors],
        [gradient],
        [mean],
        [square],
        [],
        [steps],
        amsgrad=False,
        beta1=0.9,
        beta2=0.99,
        lr=rate,
        weight_decay=0.0,
        eps=1e-8,
        maximize=False,
    )
    return factors, Moments(mean, square, steps)


def _gradient(factors: Tensor, rank: Tensor, problem: Problem, orders: OrderMethod) -> Tensor:
    leaf = factors.requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(Relaxed(leaf, rank), problem, orders).sum(), leaf)
    factors.requires_grad_(False)
    if not bool(gradient.isfinite().all()):
        raise ValueError(f"model {problem.model.name!r} has a gradient that is no number on {problem.workload.name!r}")
    return gradient


def rounded(factors: Tensor, start: Relaxed, problem: Problem) -> Points:
    """Integer designs that keep the size limits: nearest divisors, then tiles shrunk where they are too large."""
    limits = problem.constraints
    slots = round_to_divisors(factors, problem)
    shape = slots.shape[:-2]
    caps = limits.largest.map(lambda size: size.expand(shape))
    slots = trim(slots, problem.size, caps.dim[..., None].long(), problem.machine.space)
    return fit(Points(slots, start.rank), caps, problem, torch.Generator().manual_seed(0))


def choose_orders(points: Points, recorder: Recorder, method: OrderMethod) -> Points:
    """Designs [*b, L] with the DRAM loop order of each layer re-chosen on the hardware they imply."""
    orders = orders_of(method)
    if len(orders) == 1 or recorder.left < points.slots.shape[0] * (len(orders) + 1):
        return points
    problem = recorder.problem
    hardware = smallest(problem.tensors(points), problem.layers, problem.constraints)
    shape = (*points.slots.shape[:-1], len(orders))
    rank = with_dram_order(points.rank[..., None, :, :].expand(*shape, *points.rank.shape[-2:]), orders)
    every = Points(points.slots[..., None, :].expand(*shape, points.slots.shape[-1]), rank)
    costs, valid = recorder.candidates(every, problem.layers[:, None], each_layer(hardware, 2))
    return every.gather(problem.choose(costs, valid))


def published() -> Gradient:
    """The search with the published recipe."""
    return Gradient(PUBLISHED)
