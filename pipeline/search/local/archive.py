"""What refinement remembers: every mapping that was judged stays known, on all hardware that holds it.

Words, and as good as always cycles, do not depend on how large the memories are, so a mapping that was judged on one
hardware says what it costs on another. From all known mappings the best design for any hardware can be put together
without asking the model: one choice a layer (``Problem.choose``). Mappings on arrays of different sizes are not
exchanged. Cycles do depend on the structure of the hardware: what is known holds on one.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.words import Words
from pipeline.mapping import TENSORS
from pipeline.search.local.moves import inner_products, outer_factors
from pipeline.search.points import Points, each_layer
from pipeline.search.problem import Costs, Problem
from pipeline.workload import DIMS

TRACE = 1 + 1e-6
"""A memory this much larger is one that tiles do not fill."""

WORDS = ("macs", "register", "accumulator", "scratchpad", "dram")


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
