"""Tiles: what one command loop of the accelerator works on, averaged over the tiles of a layer.

The DRAM loops (L3) of a mapping hand tiles to the accelerator. Inside a tile the hardware's own loop order rules, so
only the tile's extents matter. With ragged mappings the last tile of a dimension is smaller; costs are products of
one function a dimension, so their mean over all tiles is the product of means over full and last extents.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.model.rtl_relax import happens
from pipeline.workload import DIMS

R, S, P, Q, C, K, N = range(len(DIMS))


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles of a batch of mapped layers. Leading dimensions of 2 stand for (a full tile, the last tile)."""

    size: Float[Tensor, "7 *b"]
    """Sizes of the layer."""
    loops: Float[Tensor, "7 *b"]
    """DRAM loops of each dimension."""
    rank: Int[Tensor, "7 *b"]
    """Position of each dimension among the DRAM loops, 0 = outermost."""
    extent: Float[Tensor, "7 2 *b"]
    """Extent of a tile."""
    mean: Float[Tensor, "7 *b"]
    """Mean extent over all tiles."""
    stride: Float[Tensor, "2 *b"]
    """Strides (W, H)."""
    dilation: Float[Tensor, "2 *b"]
    """Dilations (W, H)."""
    is_matmul: Float[Tensor, "*b"]
    """1 where the layer is a plain matrix product, else 0."""

    def average(self, dim: int, values: Float[Tensor, "2 *b"]) -> Float[Tensor, "*b"]:
        """Mean over the tiles of ``dim`` of a quantity given for (a full tile, the last tile)."""
        loops = self.loops[dim]
        return ((loops - 1) * values[0] + values[1]) / loops

    @property
    def count(self) -> Float[Tensor, "*b"]:
        """Tiles of the layer."""
        return self.loops.prod(0)

    @property
    def output_tiles(self) -> Float[Tensor, "*b"]:
        """Tiles of the output."""
        return self.loops[[P, Q, K, N]].prod(0)

    @property
    def visits(self) -> Float[Tensor, "*b"]:
        """How often an output tile is left for another one, at least 1: loops over C, R and S outside output loops."""
        outputs, result = [P, Q, K, N], torch.ones_like(self.loops[0])
        for dim in (C, R, S):
            inside = (self.rank[outputs] > self.rank[dim]).to(self.loops.dtype)
            others = (1 + (self.loops[outputs] - 1) * inside).prod(0)
            result = result * (1 + (self.loops[dim] - 1) * happens(others))
        return result


def tiles_of(layers: LayerTensors, mappings: MappingTensors) -> Tiles:
    """The tiles that ``mappings`` cut ``layers`` into."""
    loops = mappings.temporal[..., 3, :]
    shape = torch.broadcast_shapes(loops.shape[:-1], layers.size.shape[:-1])
    product = mappings.temporal[..., :3, :].prod(-2)
    spatial = torch.ones_like(product)
    spatial[..., C], spatial[..., K] = mappings.spatial[..., 0], mappings.spatial[..., 1]
    size = _first(layers.size, shape)
    full = torch.minimum(_first(product * spatial, shape), size)
    loops = _first(loops, shape)
    last = (size - (loops - 1) * full).clamp(min=1.0)
    stride, dilation = _first(layers.stride, shape), _first(layers.dilation, shape)
    plain = (size[[R, S, Q, N]].amax(0) == 1) & (stride.amax(0) == 1)
    return Tiles(
        size,
        loops,
        _first(mappings.rank[..., 3, :], shape),
        torch.stack((full, last), 1),
        ((loops - 1) * full + last) / loops,
        stride,
        dilation,
        plain.to(size.dtype),
    )


def _first(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``tensor`` [*b n] broadcast to [n *shape], contiguous along the batch."""
    return tensor.broadcast_to((*shape, tensor.shape[-1])).movedim(-1, 0).contiguous()
