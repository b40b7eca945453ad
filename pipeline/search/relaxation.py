"""Mappings as real numbers: logarithms of factors, the hardware they imply, rounding back to integers."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.mapping_tensors import MappingTensors
from pipeline.search.orders import THREE, OrderMethod
from pipeline.search.points import Points, align, each_layer, tensors_of, with_dram_order
from pipeline.search.problem import Costs, Problem
from pipeline.search.safe_math import log_excess, log_shortfall
from pipeline.workload import DIMS


@dataclass(frozen=True, slots=True)
class Relaxed:
    """A batch of relaxed designs."""

    log_factors: Float[Tensor, "*b L slots"]
    rank: Int[Tensor, "*b L levels 7"]

    @classmethod
    def of(cls, points: Points) -> "Relaxed":
        """Integer designs as a starting point."""
        return cls(points.slots.to(torch.float64).log(), points.rank)


def relaxed_hardware(mappings: MappingTensors, problem: Problem) -> HardwareTensors:
    """The hardware [*b] that relaxed mappings [*b, L] imply: the largest array side and tile of any layer.

    Differentiable (DOSA, equations 1 to 4); unlike the integer rule it does not round sizes up.
    """
    constraints, machine = problem.constraints, problem.machine
    shape = mappings.spatial.shape[:-2]
    if constraints.fixed is not None:
        return constraints.fixed_as(tuple(shape))
    dim = mappings.spatial.amax((-1, -2)).clamp(min=float(constraints.dims[0]))
    if constraints.fix_dim is not None:
        dim = torch.full(shape, float(constraints.fix_dim), dtype=torch.float64)
    need = machine.footprint_kib(align(problem.layers, mappings), mappings, dim[..., None])
    low = machine.grid.low_kib
    return HardwareTensors({"dim": dim} | {size: kib.amax(-1).clamp(min=low) for size, kib in need.items()})


def loss(relaxed: Relaxed, problem: Problem, orders: OrderMethod) -> Float[Tensor, "*b"]:
    """Logarithm of the objective of each relaxed design plus penalties; one evaluation (``soft``: one per order)."""
    slots = relaxed.log_factors.exp()
    mappings = tensors_of(slots, problem.layers.size, relaxed.rank, problem.machine.space, ceil=False)
    short = log_shortfall(mappings.temporal[..., -1, :])
    temporal = torch.cat([mappings.temporal[..., :-1, :], mappings.temporal[..., -1:, :].clamp(min=1.0)], -2)
    mappings = MappingTensors(temporal, mappings.spatial, mappings.rank)
    hardware = relaxed_hardware(mappings, problem)
    if orders == "soft":
        totals = problem.totals(_soft_costs(mappings, hardware, problem))
    else:
        totals = problem.totals(problem.costs(mappings, problem.layers, each_layer(hardware)))
    return problem.log_score(totals) + 10 * short.square().sum((-1, -2)) + 10 * _excess(mappings, hardware, problem)


def _soft_costs(mappings: MappingTensors, hardware: HardwareTensors, problem: Problem) -> Costs:
    """Costs of each layer as a mixture over three DRAM orders, the better one weighing more (DOSA, section 5.2)."""
    rank = mappings.rank[..., None, :, :].repeat(*(1,) * (mappings.rank.dim() - 2), len(THREE), 1, 1)
    rank = with_dram_order(rank, THREE)
    temporal = mappings.temporal[..., None, :, :].expand(rank.shape)
    spatial = mappings.spatial[..., None, :].expand(*rank.shape[:-2], mappings.spatial.shape[-1])
    every = MappingTensors(temporal, spatial, rank)
    costs = problem.costs(every, problem.layers[:, None], each_layer(hardware, 2))
    weight = torch.softmax(-4 * (costs.cycles.log() + costs.energy_uj.log()), -1)
    return Costs((costs.cycles * weight).sum(-1), (costs.energy_uj * weight).sum(-1))


def _excess(mappings: MappingTensors, hardware: HardwareTensors, problem: Problem) -> Float[Tensor, "*b"]:
    """How far the hardware is over the limits: sum of squared logarithmic excesses."""
    limits = problem.constraints
    over = log_excess(mappings.spatial.amax((-1, -2)) / limits.dims[-1]).square()
    need = problem.machine.footprint_kib(align(problem.layers, mappings), mappings, hardware.dim[..., None])
    for size, limit in limits.limits_kib.items():
        over = over + log_excess(need[size] / limit).square().sum(-1)
    if limits.max_area_mm2 is not None:
        over = over + log_excess(problem.machine.area_mm2(hardware) / limits.max_area_mm2).square()
    return over


def project(log_factors: Float[Tensor, "*b slots"], problem: Problem) -> Float[Tensor, "*b slots"]:
    """The nearest factors of at least one; slots that the machine does not search stay one."""
    open_mask = torch.zeros(log_factors.shape[-1], dtype=torch.float64)
    open_mask[list(problem.machine.space.open)] = 1.0
    return log_factors.clamp(min=0.0) * open_mask


def round_to_divisors(log_factors: Float[Tensor, "*b L slots"], problem: Problem) -> Int[Tensor, "*b L slots"]:
    """Integer factors: each the divisor of what remains that is nearest in logarithm, the array first, then from the
    inside out. The result is exact (no ragged tiles); it may need more memory than there is."""
    remaining = problem.size.expand(*log_factors.shape[:-1], len(DIMS)).clone()
    slots = torch.ones(log_factors.shape, dtype=torch.long)
    space = problem.machine.space
    first = list(space.spatial)
    for index in first + [i for i in space.open if i not in first]:
        d = space.slots[index].dim
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
