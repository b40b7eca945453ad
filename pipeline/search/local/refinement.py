"""Steps of the discrete search: designs put together from what is known, and new candidates near their mappings.

A step puts designs together for the best hardware so far and for random neighbours, has the model judge the best of
them, and draws new candidates for their layers. Several times as many are drawn as are judged: energy and the cycles of
a full array cost little to know, and a candidate that by them cannot be better on its hardware than the layer's mapping
there waits until no other is left.

Where the structure is searched, a step tries the best design on neighbouring ones; when one is better, the best
mappings are judged again on it and the others are forgotten.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.search.local.archive import Archive, extended, names_of, pruned
from pipeline.search.local.moves import Moves
from pipeline.search.local.vary import vary, vary_structure
from pipeline.search.points import Points, align, concatenate, each_layer, fits, smallest, structure_of
from pipeline.search.problem import Costs, Problem, Recorder


@dataclass(frozen=True, slots=True)
class RefinementSettings:
    """How refinement spends its evaluations."""

    designs: int = 2
    """Hardware on which a step draws candidates, the best and random neighbours; one more where array sizes differ."""
    steps: float = 7.0
    """How many candidates of each layer a step judges on each of them: the root of the budget over this."""
    least: int = 3
    """But no fewer than these,"""
    widest: int = 16
    """and no more than these."""
    proposals: int = 16
    """As many are proposed for each of them that is judged."""
    bases: int = 12
    """Of so many best known mappings of a layer one is changed."""
    greed: float = 2.0
    """How much more often a better one is: a share (n / bases)^(1 / greed) of all draws takes one of the best n."""
    neighbours: int = 24
    """Hardware that a step puts a design together for."""
    widest_step: float = 0.8
    """Standard deviation of memory changes at first, in powers of two; it shrinks to a tenth."""
    most: int = 384
    """Mappings of a layer that are kept; beyond, the worse half is forgotten."""
    structures: int = 6
    """Neighbouring structures that a step tries the best design on, where the structure is searched."""
    rejudged: int = 12
    """Mappings of a layer that are judged again when the structure changes."""

    def candidates(self, budget: int) -> int:
        """New candidates of each layer on one hardware of a step."""
        return max(self.least, min(self.widest, round(math.sqrt(budget) / self.steps)))

    def cost(self, recorder: Recorder) -> int:
        """Evaluations of a step at most."""
        others = self.structures + self.rejudged if recorder.problem.constraints.structure else 0
        return self.hardware(recorder) * (1 + self.candidates(recorder.budget)) + others

    def hardware(self, recorder: Recorder) -> int:
        """Hardware on which a step draws candidates."""
        return self.designs + (len(recorder.problem.constraints.dims) > 1)


def advanced(
    archive: Archive,
    best: HardwareTensors,
    recorder: Recorder,
    settings: RefinementSettings,
    generator: torch.Generator,
) -> tuple[Archive, HardwareTensors]:
    """One step from the ``best`` hardware [1]: the archive with new mappings, and the hardware that is best then."""
    problem = recorder.problem
    width = settings.widest_step * max(0.1, recorder.left / recorder.budget)
    pool = vary(best[torch.zeros(settings.neighbours, dtype=torch.long)], problem, width, generator)
    pool = HardwareTensors({name: torch.cat([best.sizes[name], pool.sizes[name]]) for name in pool.sizes})
    pool = pool[_first_of_equal(pool)]
    points, score = archive.assembled(pool, problem)
    order = score.argsort(stable=True)
    order = order[torch.isfinite(score[order])]
    others = order[1:][torch.randperm(max(len(order) - 1, 0), generator=generator)]
    order = torch.cat([order[:1], others])[: settings.hardware(recorder)]
    points, hardware = points[order], pool[order]
    kept = structure_of(hardware, problem.constraints)
    judged, _, _ = recorder.designs(
        points, smallest(problem.tensors(points), problem.layers, problem.constraints, kept)
    )
    first = judged.argmin()[None]
    leader = hardware[first]
    archive = draw(archive, hardware, recorder, settings, generator)
    if archive.cycles.shape[1] > settings.most:
        archive = pruned(archive, points, hardware, settings.most // 2, problem)
    if kept:
        return restructured(archive, points[first], leader, judged[first], recorder, settings, generator)
    return archive, leader


def restructured(
    archive: Archive,
    points: Points,
    hardware: HardwareTensors,
    score: Float[Tensor, " 1"],
    recorder: Recorder,
    settings: RefinementSettings,
    generator: torch.Generator,
) -> tuple[Archive, HardwareTensors]:
    """A design [1, L], judged ``score`` on ``hardware`` [1], tried on other structures: the archive, the hardware.

    Where one is better, the archive is what is known on it.
    """
    problem, count = recorder.problem, settings.structures
    near = vary_structure(hardware, count, problem, generator)
    every = points[torch.zeros(count, dtype=torch.long)]
    kept = structure_of(near, problem.constraints)
    tried = smallest(problem.tensors(every), problem.layers, problem.constraints, kept)
    scores, _, _ = recorder.designs(every, tried)
    best = scores.argmin()[None]
    if not bool(scores[best] < score):
        return archive, hardware
    best_hardware = tried[best]
    archive = pruned(archive, points, best_hardware, settings.rejudged, problem)
    there = _where_known(archive, best_hardware, problem)
    known = Points(archive.slots, archive.rank, archive.held)
    costs, valid = recorder.candidates(known, problem.layers[:, None], there, torch.isfinite(archive.cycles))
    seen = names_of(known, there, problem).sort(-1).values
    return replace(archive, cycles=torch.where(valid, costs.cycles, torch.inf), seen=seen), best_hardware


def _where_known(archive: Archive, hardware: HardwareTensors, problem: Problem) -> HardwareTensors:
    """The smallest hardware [L, known] of the structure of ``hardware`` [1] for each known mapping."""
    sizes = {name: archive.need[..., at] for at, name in enumerate(problem.machine.template.sizes[1:])}
    kept = structure_of(hardware, problem.constraints)
    return HardwareTensors(
        {"dim": archive.dim} | sizes | {name: part.expand_as(archive.dim) for name, part in kept.items()}
    )


def draw(
    archive: Archive,
    hardware: HardwareTensors,
    recorder: Recorder,
    settings: RefinementSettings,
    generator: torch.Generator,
) -> Archive:
    """``archive`` with new mappings near the best known ones on ``hardware`` [d], so many of a layer on each."""
    problem = recorder.problem
    count = settings.candidates(recorder.budget) * settings.hardware(recorder) // hardware.dim.shape[0]
    layers, each = problem.layers[:, None], each_layer(hardware, 2)
    moves = Moves.of(problem.size, problem.machine)
    known, valid = archive.costs_on(hardware, problem)
    best = known.gather(problem.choose(known, valid))
    bases = archive.points(_bases(known, valid, best, settings, problem, generator))
    if not problem.own_tiles:
        bases = replace(bases, held=None)
    half = settings.proposals * count // 2
    changed = moves.propose(bases, hardware.dim.long(), half, generator)
    filled = moves.refill(bases, layers, each, half, generator)
    drawn = concatenate([changed, filled], 2)
    shape = drawn.slots.shape[:-1]
    names = names_of(_by_layer(drawn), each.map(lambda size: _flat(size.expand(shape))), problem)
    new = _fresh(names, archive.seen).reshape(shape[1], shape[0], shape[2]).transpose(0, 1)
    # Small changes and refilled tiles in turn; those that may be better come first, and new ones before all others.
    turn = torch.arange(half).repeat(2) * 2 + torch.arange(2).repeat_interleave(half)
    last = 2 * half * (~promising(drawn, hardware, best, problem) + 2 * ~new)
    chosen = (turn + last).argsort(-1)[..., :count]
    wanted, picked = new.gather(-1, chosen), _pick(drawn, chosen)
    costs, valid = recorder.candidates(picked, layers, each, wanted)
    there = each.map(lambda size: _flat(size.expand_as(costs.cycles)))
    return extended(archive, _by_layer(picked), there, _flat(costs.cycles), _flat(valid), problem)


def _bases(
    known: Costs,
    valid: Bool[Tensor, "d L known"],
    best: Costs,
    settings: RefinementSettings,
    problem: Problem,
    generator: torch.Generator,
) -> Int[Tensor, "d L"]:
    """Which known mapping of each layer is changed: mostly the best one, else one of the next best."""
    per_cycle, per_uj = problem.slopes(best)
    cost = per_cycle[..., None] * known.cycles + per_uj[..., None] * known.energy_uj
    order = torch.where(valid, cost, torch.inf).argsort(-1)
    place = (torch.rand(order.shape[:-1], generator=generator) ** settings.greed * settings.bases).long()
    place = torch.minimum(place, valid.sum(-1) - 1)
    return order.gather(-1, place[..., None])[..., 0]


def promising(drawn: Points, hardware: HardwareTensors, best: Costs, problem: Problem) -> Bool[Tensor, "d L n"]:
    """Which of ``drawn`` fit ``hardware`` [d] and may make designs there better whose layers cost ``best`` [d, L].

    No mapping takes less than a cycle for a multiply-accumulate in each lane of the array, and energy follows from
    words. One that makes the design no better with these costs does not with its true ones.
    """
    layers, each, machine = problem.layers[:, None], each_layer(hardware, 2), problem.machine
    mappings = problem.tensors(drawn, layers)
    words = machine.words(align(layers, mappings), mappings, each)
    least = Costs(words.macs / each.dim**2, machine.energy(words, each).total)
    return fits(mappings, layers, each, machine) & (problem.change(best, least) < 0)


def _pick(points: Points, chosen: Int[Tensor, "d L c"]) -> Points:
    designs, layers, _ = chosen.shape
    at = torch.arange(designs)[:, None, None], torch.arange(layers)[None, :, None], chosen
    return points[at]


def _flat(values: Tensor) -> Tensor:
    """[d, L, c] as [L, d c]."""
    return values.transpose(0, 1).reshape(values.shape[1], -1)


def _by_layer(points: Points) -> Points:
    """Mappings [d, L, c] as [L, d c]."""
    shape = points.slots.shape[1], points.slots.shape[0] * points.slots.shape[2]
    return points.map(lambda part: part.transpose(0, 1).reshape(*shape, *part.shape[3:]))


def _fresh(names: Int[Tensor, "L n"], seen: Int[Tensor, "L m"]) -> Bool[Tensor, "L n"]:
    """Whether a name is neither in ``seen`` nor among those before it."""
    before = (names[:, :, None] == names[:, None, :]).tril(-1).any(-1)
    place = torch.searchsorted(seen, names).clamp(max=max(seen.shape[1] - 1, 0))
    return ~before & (seen.gather(1, place) != names if seen.shape[1] else torch.ones_like(before))


def _first_of_equal(hardware: HardwareTensors) -> Int[Tensor, " different"]:
    """Places of hardware [h] that none before equals, in order."""
    sizes = torch.stack(list(hardware.sizes.values()), -1)
    equal = (sizes[:, None] == sizes[None]).all(-1).tril(-1).any(-1)
    return torch.nonzero(~equal)[:, 0]
