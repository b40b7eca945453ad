"""The tiles of mappings on a tile pipeline, as tensors: extents, counts and what a mean tile loads, computes, stores.

A tile is everything inside DRAM. Reduction loops (C, R, S) run inside all others, and channels of a tile are whole
blocks of the array's size. Ragged mappings have a smaller last tile of a dimension.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.machine.rounding import blocks, happens, last_block
from pipeline.machine.system import LINE_BYTES
from pipeline.mapping import Hierarchy
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, C, K, N, P, Q, R, S

REDUCTION = (C, R, S)


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles of a batch of layers, dimensions first."""

    size: Float[Tensor, "dims ..."]
    """Sizes of the layer."""
    loops: Float[Tensor, "dims ..."]
    """Tiles along each dimension."""
    full: Float[Tensor, "dims ..."]
    """Extent of a full tile."""
    last: Float[Tensor, "dims ..."]
    """Extent of the last tile."""
    rank: Int[Tensor, "dims ..."]
    """Position of each dimension among the DRAM loops, 0 = outermost."""
    stride: Float[Tensor, "axes ..."]
    dilation: Float[Tensor, "axes ..."]
    dim: Float[Tensor, "*b"]

    @classmethod
    def of(
        cls, layers: LayerTensors, mappings: MappingTensors, dim: Float[Tensor, "*#b"], hierarchy: Hierarchy
    ) -> "Tiles":
        """The tiles of ``mappings``."""
        inner = list(mappings.temporal[..., :-1, :].prod(-2).unbind(-1))
        for (_, name), factor in zip(hierarchy.spatial, mappings.spatial.unbind(-1), strict=True):
            inner[DIMS.index(name)] = inner[DIMS.index(name)] * factor
        size = list(layers.size.unbind(-1))
        extent = [torch.minimum(tile, whole) for tile, whole in zip(inner, size, strict=True)]
        for channel in (C, K):
            extent[channel] = torch.minimum(blocks(extent[channel], dim) * dim, size[channel])
        shape = sum(extent, dim).shape
        sizes, full = (torch.stack([value.expand(shape) for value in values]) for values in (size, extent))
        loops = torch.ceil(sizes / full - 1e-9) + 0 * full
        return cls(
            size=sizes,
            loops=loops,
            full=full,
            last=sizes - (loops - 1) * full,
            rank=mappings.rank[..., -1, :].movedim(-1, 0).expand(full.shape),
            stride=layers.stride.movedim(-1, 0),
            dilation=layers.dilation.movedim(-1, 0),
            dim=dim,
        )

    @property
    def mean(self) -> Float[Tensor, "dims ..."]:
        """Mean extent over all tiles."""
        return self.full + (self.last - self.full) / self.loops

    def average(self, dim: int, function: Callable[[Tensor], Tensor]) -> Float[Tensor, "*b"]:
        """Mean over the tiles of a dimension of a function of the extent."""
        full = function(self.full[dim])
        return full + (function(self.last[dim]) - full) / self.loops[dim]

    @property
    def count(self) -> Float[Tensor, "*b"]:
        """Tiles of the layer."""
        return self.loops.prod(0)

    @property
    def splits(self) -> Float[Tensor, "*b"]:
        """Tiles that share the outputs of one."""
        return self.loops[list(REDUCTION)].prod(0)

    @property
    def is_wide(self) -> Bool[Tensor, "*b"]:
        """Whether P lies down the rows of the array rather than Q: whichever leaves fewer of them empty."""
        return self._down(P, self.full) * self.full[Q] <= self._down(Q, self.full) * self.full[P]

    def _down(self, dim: int, extent: Tensor) -> Tensor:
        return blocks(extent[dim], self.dim)

    def order(self) -> Int[Tensor, "dims ..."]:
        """Dimensions of the DRAM loops from the innermost outwards; reduction loops run inside all others."""
        inside = torch.zeros_like(self.rank)
        inside[list(REDUCTION)] = len(DIMS)
        return (self.rank + inside).argsort(0, descending=True)

    def changes(self, dims: Iterable[int]) -> Float[Tensor, "*b"]:
        """How many of ``dims`` have another index than in the tile before, of a mean tile.

        A loop goes on, or begins again, once in as many tiles as the loops inside it make.
        """
        inside = self._inside()
        return sum((happens(self.loops[dim]) / inside[dim] for dim in dims), torch.zeros_like(self.count))

    def resizes(self) -> Float[Tensor, "*b"]:
        """How many dimensions have another extent than in the tile before, of a mean tile.

        A ragged loop has it at its last tile and at the one after that.
        """
        ragged = (self.full - self.last).clamp(0.0, 1.0)
        edges = (2 / self.loops).clamp(max=1.0)
        return (ragged * edges * happens(self.loops) / self._inside()).sum(0)

    def _inside(self) -> Float[Tensor, "dims ..."]:
        """Tiles that the loops inside each dimension's make."""
        order = self.order()
        inside, passed = torch.ones_like(self.loops), torch.ones_like(self.count)
        for turn in range(len(DIMS)):
            mask = torch.nn.functional.one_hot(order[turn], len(DIMS)).movedim(-1, 0).bool()
            inside = torch.where(mask, passed, inside)
            passed = passed * torch.where(mask, self.loops, 1.0).prod(0)
        return inside

    def innermost(self) -> tuple[Bool[Tensor, "dims ..."], Float[Tensor, "*b"]]:
        """Which loop is innermost among those that run, as a mask, and its turns."""
        inside = torch.zeros_like(self.loops)
        inside[list(REDUCTION)] = len(DIMS)
        place = torch.where(self.loops > 1, self.rank + inside, -1.0)
        mask = torch.nn.functional.one_hot(place.argmax(0), len(DIMS)).movedim(-1, 0).bool()
        return mask, torch.where(mask, self.loops, 0.0).sum(0)

    def only(self, mask: Bool[Tensor, "dims ..."], extent: Float[Tensor, "dims ..."]) -> "Tiles":
        """The tiles with ``extent`` along the masked dimension, ragged along the others."""
        return replace(self, full=torch.where(mask, extent, self.full), last=torch.where(mask, extent, self.last))


@dataclass(frozen=True, slots=True)
class Work:
    """What a mean tile is made of."""

    slots: Float[Tensor, "*b"]
    """Cycles that feed the array."""
    blocks: Float[Tensor, "*b"]
    """Blocks of DIM pixels and DIM channels of the output."""
    pixels: Float[Tensor, "*b"]
    """Rows of DIM outputs."""
    block_pixels: Float[Tensor, "*b"]
    """Pixels of one block."""
    input_rows: Float[Tensor, "*b"]
    weight_rows: Float[Tensor, "*b"]
    lines: Float[Tensor, "*b"]
    """Bursts of a line that load both."""


def work_of(tiles: Tiles) -> Work:
    """The work of the mean tile."""
    mean, dim, wide = tiles.mean, tiles.dim, tiles.is_wide
    c_blocks, k_blocks = (tiles.average(d, lambda extent: blocks(extent, dim)) for d in (C, K))
    taps = mean[R] * mean[S]
    along = torch.where(wide, _slots(tiles, P) * mean[Q], _slots(tiles, Q) * mean[P])
    pixel_blocks = [tiles.average(d, lambda extent: blocks(extent, dim)) for d in (P, Q)]
    outputs = mean[N] * k_blocks
    input_rows, input_runs = _inputs(tiles, c_blocks)
    weight_rows = k_blocks * taps * mean[C]
    joined = (tiles.loops[C] == 1) & wide
    weight_runs = k_blocks * mean[S] * torch.where(joined, 1.0, mean[R])
    return Work(
        slots=along * taps * outputs,
        blocks=torch.where(wide, pixel_blocks[0] * mean[Q], pixel_blocks[1] * mean[P]) * outputs,
        pixels=mean[P] * mean[Q] * outputs,
        block_pixels=torch.minimum(dim, torch.where(wide, mean[P], mean[Q])),
        input_rows=input_rows,
        weight_rows=weight_rows,
        lines=_lines(input_rows, input_runs, dim) + _lines(weight_rows, weight_runs, dim),
    )


def _slots(tiles: Tiles, down: int) -> Float[Tensor, "*b"]:
    """Cycles for one line, tap and block of output channels: DIM for a whole block of pixels or channels."""
    dim = tiles.dim

    def cycles(pixels: Tensor, channels: Tensor) -> Tensor:
        whole = (blocks(pixels, dim) * blocks(channels, dim) - 1) * dim
        return whole + torch.maximum(last_block(pixels, dim), last_block(channels, dim))

    def over_channels(pixels: Tensor) -> Tensor:
        return tiles.average(C, lambda channels: cycles(pixels, channels))

    return tiles.average(down, over_channels)


def _inputs(tiles: Tiles, c_blocks: Float[Tensor, "*b"]) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Input rows of a tile, and the runs without a gap that they come in."""
    width = window(tiles, P, R)
    height = torch.where(tiles.size[S] == 1, tiles.mean[Q], window(tiles, Q, S))
    whole = width >= tiles.size[P] * tiles.stride[0] - 1e-9
    joined = whole & ((tiles.size[S] != 1) | (tiles.stride[1] == 1))
    planes = tiles.mean[N] * c_blocks
    return planes * height * width, planes * torch.where(joined, 1.0, height)


def window(tiles: Tiles, out: int, tap: int) -> Float[Tensor, "*b"]:
    """Mean input columns (P with R) or rows (Q with S) of a tile that lie inside the image."""
    axis = 0 if out == P else 1
    stride, dilation = tiles.stride[axis], tiles.dilation[axis]
    size = tiles.size
    needed = (tiles.mean[out] - 1) * stride + (tiles.mean[tap] - 1) * dilation + 1
    before = torch.floor(size[tap] / 2)
    after = ((size[out] - 1) * stride + (size[tap] - 1) * dilation + 1 - before - size[out] * stride).clamp(min=0)
    inside = torch.where(tiles.loops[tap] == 1, needed - (before + after) / tiles.loops[out], needed)
    return torch.minimum(inside, size[out] * stride).clamp(min=1)


def largest_window(tiles: Tiles, out: int, tap: int) -> Float[Tensor, "*b"]:
    """Input columns or rows of the largest tile: all that its outputs touch, at most the whole input."""
    axis = 0 if out == P else 1
    stride, dilation = tiles.stride[axis], tiles.dilation[axis]
    needed = (tiles.full[out] - 1) * stride + (tiles.full[tap] - 1) * dilation + 1
    inside = torch.minimum(needed, tiles.size[out] * stride)
    return torch.where(tiles.size[tap] == 1, tiles.full[out], inside) if out == Q else inside


def _lines(rows: Tensor, runs: Tensor, dim: Tensor) -> Tensor:
    """Lines that runs of rows touch, starting anywhere in a line."""
    return runs * (rows / runs * dim + LINE_BYTES - dim).clamp(min=LINE_BYTES) / LINE_BYTES
