"""A sensible default mapping of a tile pipeline: the tile that moves least between memory and scratchpad.

Every tile is loaded whole, so what a layer moves depends on the tile's extents alone. Tried are all tiles of even
parts of a layer in whole blocks of the array, so that the last tile of a dimension is hardly smaller than the others.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.mapping import Hierarchy
from pipeline.mapping_tensors import MappingTensors
from pipeline.workload import DIMS, C, K, Layer, N, P, Q


def candidates(layer: Layer, dim: int, hierarchy: Hierarchy) -> MappingTensors:
    """Mappings [B] of ``layer`` on an array of ``dim``, one for each tile, spatial loops as large as they can be.

    Of the DRAM loops the one that passes over the larger operand is outermost: the smaller one comes again and again.
    """
    tile = _tiles(layer, dim)
    size = torch.tensor(layer.sizes, dtype=torch.float64)
    lanes = torch.ones_like(tile)
    for at in hierarchy.spatial_dims:
        lanes[:, at] = tile[:, at].clamp(max=dim)
    inner = torch.ceil(tile / lanes)
    temporal = torch.ones(len(tile), hierarchy.levels, len(DIMS), dtype=torch.float64)
    temporal[:, -2] = inner
    temporal[:, -1] = torch.ceil(size / (inner * lanes))
    rank = _rank("NQPKSRC").repeat(len(tile), hierarchy.levels, 1)
    weights = layer.R * layer.S * layer.C * layer.K
    inputs = layer.N * layer.C * layer.P * layer.stride_w * layer.Q * layer.stride_h
    if weights >= inputs:
        rank[:, -1] = _rank("KNQPSRC")
    return MappingTensors(temporal, lanes[:, list(hierarchy.spatial_dims)], rank)


def _tiles(layer: Layer, dim: int) -> Float[Tensor, "tiles dims"]:
    """Extents of the tiles that are tried: a filter whole, a row of it, or a tap; parts of everything else."""
    taps = torch.tensor(sorted({(layer.R, layer.S), (layer.R, 1), (1, 1)}), dtype=torch.float64)
    parts = {at: _parts(layer.sizes[at], dim if at in (P, C, K) else 1) for at in (P, Q, C, K, N)}
    rest = torch.cartesian_prod(*parts.values())
    return torch.cat((taps.repeat_interleave(len(rest), 0), rest.repeat(len(taps), 1)), 1)


def _parts(size: int, block: int) -> Float[Tensor, " parts"]:
    """``size`` in one part, in two and so on, as even as whole blocks allow, each extent once."""
    count = math.ceil(size / block)
    extents = {min(size, math.ceil(count / parts) * block) for parts in range(1, count + 1)}
    return torch.tensor(sorted(extents, reverse=True), dtype=torch.float64)


def _rank(order: str) -> Int[Tensor, " dims"]:
    """Position of each dimension in ``order``, outermost first."""
    return torch.tensor([order.index(name) for name in DIMS])
