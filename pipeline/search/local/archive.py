"""Refinement that remembers: every mapping that was judged stays known, on all hardware that holds it.

Words, and as good as always cycles, do not depend on how large the memories are, so a mapping that was judged on one
hardware says what it costs on another. From all known mappings the best design for any hardware can be put together
without asking the model: one choice a layer (``Problem.choose``). A step does so for the best hardware so far and for
random neighbours, has the model judge the best of these designs, and draws new candidates for their layers that are
not known yet. Mappings on arrays of different sizes are not exchanged.

Cycles do depend on the structure of the hardware: what is known holds on one. Where the structure is searched, a step
tries the best design on neighbouring ones; when one is better, the best mappings are judged again on it and the others
are forgotten.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.words import Words
from pipeline.mapping import TENSORS
from pipeline.search.local.moves import Moves, inner_products, outer_factors
from pipeline.search.local.vary import vary, vary_structure
from pipeline.search.points import Points, concatenate, each_layer, smallest, structure_of
from pipeline.search.problem import Costs, Problem, Recorder
from pipeline.workload import DIMS

TRACE = 1 + 1e-6
"""A memory this much larger is one that tiles do not fill."""

WORDS = ("macs", "register", "accumulator", "scratchpad", "dram")


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """How refinement spends its evaluations."""

    designs: int = 2
    """Hardware on which a step draws candidates, the best and random neighbours; one more where array sizes differ."""
    steps: float = 7.0
    """How many candidates of each layer a step draws on each of them: the root of the budget over this."""
    least: int = 3
    """But no fewer than these,"""
    widest: int = 16
    """and no more than these."""
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


@dataclass(frozen=True, slots=True)
class Archive:
    """Known mappings of every layer; those that did not fit have infinite cycles."""

    slots: Int[Tensor, "L known slots"]
    rank: Int[Tensor, "L known levels 7"]
    dim: Float[Tensor, "L known"]
    """Array size that they were judged on."""
    need: Float[Tensor, "L known memories"]
    """Smallest memories in KiB on which they cost as much (``needed``)."""
    cycles: Float[Tensor, "L known"]
    words: Float[Tensor, "kinds L known"]
    held: Int[Tensor, "L known 3"]
    seen: Int[Tensor, "L drawn"]
    """Names of all mappings that were ever judged, sorted."""

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """All tensors."""
        return self.slots, self.rank, self.dim, self.need, self.cycles, self.words, self.held, self.seen

    def costs_on(self, hardware: HardwareTensors, problem: Problem) -> tuple[Costs, Bool[Tensor, "h L known"]]:
        """What is known on ``hardware`` [h], and what of it fits there."""
        each = each_layer(hardware, 2)
        sizes = torch.stack([each.sizes[name] for name in problem.machine.template.sizes[1:]], -1)
        valid = (self.need <= sizes * (1 + 1e-9)).all(-1) & (self.dim == each.dim) & torch.isfinite(self.cycles)
        energy = problem.machine.energy(Words(*self.words), each).total
        return Costs(self.cycles.expand_as(energy), energy), valid

    def assembled(self, hardware: HardwareTensors, problem: Problem) -> tuple[Points, Float[Tensor, " h"]]:
        """The best known design on each ``hardware`` [h], its log score (infinite where a layer has no mapping)."""
        costs, valid = self.costs_on(hardware, problem)
        index = problem.choose(costs, valid)
        score = problem.log_score(problem.totals(costs.gather(index)))
        alive = valid.gather(-1, index[..., None])[..., 0].all(-1)
        return self.points(index), torch.where(alive, score, torch.inf)

    def points(self, index: Int[Tensor, "h L"]) -> Points:
        """The mapping of each layer that ``index`` picks."""
        layer = torch.arange(index.shape[-1])
        return Points(self.slots[layer, index], self.rank[layer, index], self.held[layer, index])


def archive_of(points: Points, hardware: HardwareTensors, problem: Problem) -> Archive:
    """What designs [n, L] that were judged on ``hardware`` [n] say about their layers; nothing is counted again."""
    hardware = each_layer(hardware)
    with torch.no_grad():
        costs = problem.costs(problem.tensors(points), problem.layers, hardware)
    layers, slots, rank = len(problem.counts), points.slots.shape[-1], points.rank.shape[-2:]
    memories = len(problem.machine.template.memories)
    empty = Archive(
        torch.ones(layers, 0, slots, dtype=torch.long),
        torch.zeros(layers, 0, *rank, dtype=torch.long),
        torch.zeros(layers, 0, dtype=torch.float64),
        torch.zeros(layers, 0, memories, dtype=torch.float64),
        torch.zeros(layers, 0, dtype=torch.float64),
        torch.zeros(len(WORDS), layers, 0, dtype=torch.float64),
        torch.zeros(layers, 0, len(TENSORS), dtype=torch.long),
        torch.zeros(layers, 0, dtype=torch.long),
    )
    turned = points.map(lambda part: part.transpose(0, 1))
    there = hardware.map(lambda size: size.expand_as(costs.cycles).T)
    return extended(empty, turned, there, costs.cycles.T, torch.ones_like(there.dim, dtype=torch.bool), problem)


def extended(
    archive: Archive,
    points: Points,
    hardware: HardwareTensors,
    cycles: Float[Tensor, "L n"],
    valid: Bool[Tensor, "L n"],
    problem: Problem,
) -> Archive:
    """``archive`` with mappings [L, n] judged on ``hardware`` [L, n]; those that are not ``valid`` take no part."""
    machine, layers = problem.machine, problem.layers[:, None]
    need = needed(points, hardware, problem)
    found = machine.words(layers, problem.tensors(points, layers), hardware)
    words = torch.stack([getattr(found, name).expand_as(cycles) for name in WORDS])
    new = (
        points.slots,
        points.rank,
        hardware.dim,
        need,
        torch.where(valid, cycles, torch.inf),
        words,
        points.places_held,
    )
    axes = (1, 1, 1, 1, 1, 2, 1)
    joined = [torch.cat([a, b], axis) for a, b, axis in zip(archive.parts[:-1], new, axes, strict=True)]
    seen = torch.cat([archive.seen, names_of(points, hardware, problem)], 1).sort(-1).values
    return Archive(*[*joined, seen])


def needed(points: Points, hardware: HardwareTensors, problem: Problem) -> Float[Tensor, "L n memories"]:
    """Smallest memories on which mappings [L, n] cost as much as on ``hardware`` [L, n].

    A machine may be slower where a tile fills the first memory: what was judged on a larger one holds on larger ones.
    """
    machine, layers = problem.machine, problem.layers[:, None]
    footprint = machine.footprint_kib(layers, problem.tensors(points, layers), hardware.dim)
    need = []
    for at, name in enumerate(machine.template.sizes[1:]):
        size = footprint[name].expand_as(hardware.dim)
        size = size if problem.constraints.fixed is not None else machine.grid.round_up(size)
        need.append(torch.where(hardware.sizes[name] > size, size * TRACE, size) if at == 0 else size)
    return torch.stack(need, -1)


def names_of(points: Points, hardware: HardwareTensors, problem: Problem) -> Int[Tensor, "L n"]:
    """A number for each mapping [L, n] judged on ``hardware`` [L, n], the same where it would cost the same.

    Loops of one turn may stand anywhere. Where a mapping is one tile, only the tile's extents count, not how array and
    loops share them.
    """
    space, size = problem.machine.space, problem.size[:, None].expand(*hardware.dim.shape, len(DIMS))
    outer = outer_factors(points.slots, size, space)
    turns = torch.where(outer > 1, points.rank[..., -1, :] + 1, 0)
    turning = turns[..., None, :] > 0
    place = torch.where(turns > 0, ((turns[..., None, :] <= turns[..., :, None]) & turning).sum(-1), 0)
    levels = [level for level in space.ordered_levels if level < space.hierarchy.levels - 1]
    inner = points.rank[..., levels, :].flatten(-2)
    tile = inner_products(points.slots, space) if space.is_tiled_once else points.slots
    first = problem.machine.template.sizes[1]
    loose = needed(points, hardware, problem)[..., 0] != hardware.sizes[first]
    held = problem.tensors(points, problem.layers[:, None]).loops_held(space.hierarchy)
    content = torch.cat([tile, place, inner, held, hardware.dim[..., None].long(), loose[..., None].long()], -1)
    multipliers = torch.randint(1, 2**62, (content.shape[-1],), generator=torch.Generator().manual_seed(0)) | 1
    return (content * multipliers).sum(-1)


def advanced(
    archive: Archive,
    best: HardwareTensors,
    recorder: Recorder,
    settings: ArchiveSettings,
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
    bases = _bases(archive, hardware, settings, problem, generator)
    archive = draw(archive, bases, hardware, recorder, settings, generator)
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
    settings: ArchiveSettings,
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


def _bases(
    archive: Archive, hardware: HardwareTensors, settings: ArchiveSettings, problem: Problem, generator: torch.Generator
) -> Points:
    """A mapping for each layer on ``hardware`` [d]: mostly the best one, else one of the next best."""
    costs, valid = archive.costs_on(hardware, problem)
    per_cycle, per_uj = problem.slopes(costs.gather(problem.choose(costs, valid)))
    cost = per_cycle[..., None] * costs.cycles + per_uj[..., None] * costs.energy_uj
    order = torch.where(valid, cost, torch.inf).argsort(-1)
    place = (torch.rand(order.shape[:-1], generator=generator) ** settings.greed * settings.bases).long()
    place = torch.minimum(place, valid.sum(-1) - 1)
    return archive.points(order.gather(-1, place[..., None])[..., 0])


def draw(
    archive: Archive,
    bases: Points,
    hardware: HardwareTensors,
    recorder: Recorder,
    settings: ArchiveSettings,
    generator: torch.Generator,
) -> Archive:
    """``archive`` with new mappings near ``bases`` [d, L] on ``hardware`` [d], so many of a layer on each."""
    problem = recorder.problem
    count = settings.candidates(recorder.budget) * settings.hardware(recorder) // hardware.dim.shape[0]
    layers, each = problem.layers[:, None], each_layer(hardware, 2)
    moves = Moves.of(problem.size, problem.machine)
    if not problem.own_tiles:
        bases = replace(bases, held=None)
    changed = moves.propose(bases, hardware.dim.long(), 2 * count, generator)
    filled = moves.refill(bases, layers, each, 2 * count, generator)
    drawn = concatenate([changed, filled], 2)
    shape = drawn.slots.shape[:-1]
    names = names_of(_by_layer(drawn), each.map(lambda size: _flat(size.expand(shape))), problem)
    new = _fresh(names, archive.seen).reshape(shape[1], shape[0], shape[2]).transpose(0, 1)
    # The first new ones, small changes and refilled tiles in turn.
    turn = torch.arange(4 * count) % (2 * count) * 2 + torch.arange(4 * count) // (2 * count)
    chosen = torch.where(new, turn, 8 * count).argsort(-1)[..., :count]
    wanted, picked = new.gather(-1, chosen), _pick(drawn, chosen)
    costs, valid = recorder.candidates(picked, layers, each, wanted)
    there = each.map(lambda size: _flat(size.expand_as(costs.cycles)))
    return extended(archive, _by_layer(picked), there, _flat(costs.cycles), _flat(valid), problem)


def pruned(archive: Archive, points: Points, hardware: HardwareTensors, most: int, problem: Problem) -> Archive:
    """The ``most`` mappings of each layer that cost least for the first of designs [d, L].

    Half of them fit its hardware, as far as there are so many, or none might be left that does; the others may need any
    memory. Costs are weighted as the objective weighs them there.
    """
    first = hardware[:1]
    with torch.no_grad():
        now = problem.costs(problem.tensors(points[:1]), problem.layers, each_layer(first))
    per_cycle, per_uj = problem.slopes(now)
    names = problem.machine.template.sizes[1:]
    sizes = {name: torch.maximum(archive.need[..., at], first.sizes[name]) for at, name in enumerate(names)}
    built = HardwareTensors({"dim": archive.dim} | sizes)
    energy = problem.machine.energy(Words(*archive.words), built).total
    cost = per_cycle[0, :, None] * archive.cycles + per_uj[0, :, None] * energy
    there = torch.stack([first.sizes[name] for name in names], -1)
    fits = (archive.need <= there * (1 + 1e-9)).all(-1) & (archive.dim == first.dim)
    fitting = torch.where(fits, cost, torch.inf).argsort(-1).argsort(-1) < most // 2
    kept = torch.where(fits & fitting, -torch.inf, cost).argsort(-1)[:, :most]
    parts = [_rows(part, kept) for part in archive.parts[:5]]
    words = torch.stack([_rows(kind, kept) for kind in archive.words])
    return Archive(*[*parts, words, _rows(archive.held, kept), archive.seen])


def _rows(values: Tensor, kept: Int[Tensor, "L kept"]) -> Tensor:
    return values[torch.arange(kept.shape[0])[:, None], kept]


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
