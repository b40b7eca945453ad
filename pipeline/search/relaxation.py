"""Mappings as real numbers: logarithms of factors, the hardware they imply, rounding back to integers."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.capacity import footprint_kib
from pipeline.mapping import MappingTensors
from pipeline.search.constraints import KIB_RANGE
from pipeline.search.orders import THREE, OrderMethod
from pipeline.search.problem import Costs, Problem
from pipeline.search.space import C_SLOT, K_SLOT, OPEN_SLOTS, SLOT_DIM, SLOTS, Points, align, tensors_of
from pipeline.workload import DIMS


@dataclass(frozen=True, slots=True)
class Relaxed:
    """A batch of relaxed designs."""

    log_factors: Float[Tensor, "*b L 19"]
    rank: Int[Tensor, "*b L 4 7"]

    @classmethod
    def of(cls, points: Points) -> "Relaxed":
        """Integer designs as a starting point."""
        return cls(points.slots.to(torch.float64).log(), points.rank)


def relaxed_hardware(mappings: MappingTensors, problem: Problem) -> HardwareTensors:
    """The hardware [*b] that relaxed mappings [*b, L] imply: the largest array side and tile of any layer.

    Differentiable (DOSA, equations 1 to 4); unlike the integer rule it does not round sizes up.
    """
    constraints = problem.constraints
    shape = mappings.spatial.shape[:-2]
    if constraints.fixed is not None:
        return constraints.fixed_as(tuple(shape))
    dim = mappings.spatial.amax((-1, -2)).clamp(min=float(constraints.dims[0]))
    if constraints.fix_dim is not None:
        dim = torch.full(shape, float(constraints.fix_dim), dtype=torch.float64)
    scratchpad, accumulator = footprint_kib(
        align(problem.layers, mappings), mappings, dim[..., None], constraints.platform
    )
    low = KIB_RANGE[constraints.platform][0]
    return HardwareTensors(dim, scratchpad.amax(-1).clamp(min=low), accumulator.amax(-1).clamp(min=low))


def loss(relaxed: Relaxed, problem: Problem, orders: OrderMethod) -> Float[Tensor, "*b"]:
    """Logarithm of the objective of each relaxed design plus penalties; one evaluation (``soft``: one per order)."""
    slots = relaxed.log_factors.exp()
    mappings = tensors_of(slots, problem.layers.size, relaxed.rank, ceil=False)
    short = torch.relu(-mappings.temporal[..., 3, :].log())
    temporal = torch.cat([mappings.temporal[..., :3, :], mappings.temporal[..., 3:, :].clamp(min=1.0)], -2)
    mappings = MappingTensors(temporal, mappings.spatial, mappings.rank)
    hardware = relaxed_hardware(mappings, problem)
    if orders == "soft":
        totals = problem.totals(_soft_costs(mappings, hardware, problem))
    else:
        totals = problem.totals(problem.costs(mappings, problem.layers, _each(hardware)))
    return problem.log_score(totals) + 10 * short.square().sum((-1, -2)) + 10 * _excess(mappings, hardware, problem)


def _soft_costs(mappings: MappingTensors, hardware: HardwareTensors, problem: Problem) -> Costs:
    """Costs of each layer as a mixture over three DRAM orders, the better one weighing more (DOSA, section 5.2)."""
    rank = mappings.rank[..., None, :, :].repeat(*(1,) * (mappings.rank.dim() - 2), len(THREE), 1, 1)
    rank[..., 3, :] = THREE
    temporal = mappings.temporal[..., None, :, :].expand(rank.shape)
    spatial = mappings.spatial[..., None, :].expand(*rank.shape[:-2], 2)
    every = MappingTensors(temporal, spatial, rank)
    one = HardwareTensors(
        *(x[..., None, None] for x in (hardware.dim, hardware.scratchpad_kib, hardware.accumulator_kib))
    )
    costs = problem.costs(every, problem.layers[:, None], one)
    weight = torch.softmax(-4 * (costs.cycles.log() + costs.energy_uj.log()), -1)
    return Costs((costs.cycles * weight).sum(-1), (costs.energy_uj * weight).sum(-1))


def _excess(mappings: MappingTensors, hardware: HardwareTensors, problem: Problem) -> Float[Tensor, "*b"]:
    """How far the hardware is over the limits: sum of squared logarithmic excesses."""
    limits = problem.constraints
    over = torch.relu((mappings.spatial.amax((-1, -2)) / limits.dims[-1]).log()).square()
    need = footprint_kib(align(problem.layers, mappings), mappings, hardware.dim[..., None], limits.platform)
    for kib, limit in zip(need, (limits.scratchpad_kib, limits.accumulator_kib), strict=True):
        over = over + torch.relu((kib / limit).log()).square().sum(-1)
    if limits.max_area_mm2 is not None:
        from pipeline.machine.area import area_mm2  # noqa: PLC0415

        over = over + torch.relu((area_mm2(hardware, limits.platform) / limits.max_area_mm2).log()).square()
    return over


def _each(hardware: HardwareTensors) -> HardwareTensors:
    return HardwareTensors(*(x[..., None] for x in (hardware.dim, hardware.scratchpad_kib, hardware.accumulator_kib)))


def project(log_factors: Float[Tensor, "*b 19"], problem: Problem) -> Float[Tensor, "*b 19"]:
    """The nearest factors of at least one; slots that the platform does not search stay one."""
    open_mask = torch.zeros(len(SLOTS), dtype=torch.float64)
    open_mask[list(OPEN_SLOTS[problem.constraints.platform])] = 1.0
    return log_factors.clamp(min=0.0) * open_mask


def round_to_divisors(log_factors: Float[Tensor, "*b L 19"], problem: Problem) -> Int[Tensor, "*b L 19"]:
    """Integer factors: each the divisor of what remains that is nearest in logarithm, the array first, then from the
    inside out. The result is exact (no ragged tiles); it may need more memory than there is."""
    remaining = problem.size.expand(*log_factors.shape[:-1], len(DIMS)).clone()
    slots = torch.ones(log_factors.shape, dtype=torch.long)
    first = [C_SLOT, K_SLOT]
    for index in first + [i for i in OPEN_SLOTS[problem.constraints.platform] if i not in first]:
        d = int(SLOT_DIM[index])
        limit = problem.constraints.dims[-1] if index in first else None
        slots[..., index] = _nearest_divisor(log_factors[..., index], remaining[..., d], limit)
        remaining[..., d] = remaining[..., d] // slots[..., index]
    return slots


def _nearest_divisor(log_factor: Tensor, number: Tensor, limit: int | None) -> Int[Tensor, "*b"]:
    result = torch.ones_like(number)
    for value in sorted(set(number.flatten().tolist())):
        if value == 1:
            continue
        divisors = torch.tensor([d for d in range(1, value + 1) if value % d == 0 and (limit is None or d <= limit)])
        mask = number == value
        distance = (log_factor[mask][:, None] - divisors.to(torch.float64).log()).abs()
        result[mask] = divisors[distance.argmin(-1)]
    return result
