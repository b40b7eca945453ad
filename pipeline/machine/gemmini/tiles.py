"""Tiles: what one command loop of the accelerator works on, averaged over the tiles of a layer.

The DRAM loops (L3) of a mapping hand tiles to the accelerator. Inside a tile the hardware's own loop order rules, so
only the tile's extents matter. With ragged mappings the last tile of a dimension is smaller; costs are products of
one function a dimension, so their mean over all tiles is the product of means over full and last extents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.template import SCRATCHPAD_BANKS, TEMPLATE
from pipeline.machine.rounding import happens
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import C, K, N, P, Q, R, S

OUTPUTS = [P, Q, K, N]

LEAST_DIFFERENCE = 1e-6
"""Of extents, and of their standard deviation over their mean, from which tiles differ."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles of a batch of mapped layers; the axis ``ends`` stands for (a full tile, the last tile)."""

    size: Float[Tensor, "dims ..."]
    """Sizes of the layer."""
    loops: Float[Tensor, "dims ..."]
    """DRAM loops of each dimension."""
    rank: Int[Tensor, "dims ..."]
    """Position of each dimension among the DRAM loops, 0 = outermost."""
    extent: Float[Tensor, "dims ends *b"]
    """Extent of a tile."""
    mean: Float[Tensor, "dims ..."]
    """Mean extent over all tiles."""
    stride: Float[Tensor, "axes ..."]
    """Strides (W, H)."""
    dilation: Float[Tensor, "axes ..."]
    """Dilations (W, H)."""
    dim: Float[Tensor, "*b"]
    """Rows and columns of the array."""
    bank_rows: Float[Tensor, "*b"]
    """Rows of one of the scratchpad's banks."""
    banks: Float[Tensor, "*b"]
    """Banks that a tile has: half of the scratchpad's, or the only one."""
    is_matmul: Float[Tensor, "*b"]
    """1 where the layer is a plain matrix product, else 0."""
    public: bool = False
    """Run as in the public FPGA measurements: convolutions' tensors start 8 bytes into a line, and strided 1x1 filters
    load every pixel (``sim.program``)."""

    def average(self, dim: int, values: Float[Tensor, "ends ..."]) -> Float[Tensor, "*b"]:
        """Mean over the tiles of ``dim`` of a quantity given for (a full tile, the last tile)."""
        return values[0] + (values[1] - values[0]) / self.loops[dim]

    @property
    def count(self) -> Float[Tensor, "*b"]:
        """Tiles of the layer."""
        return self.loops.prod(0)

    @property
    def output_tiles(self) -> Float[Tensor, "*b"]:
        """Tiles of the output."""
        return self.loops[OUTPUTS].prod(0)

    @property
    def pixels(self) -> Float[Tensor, "*b"]:
        """Mean output pixels of a tile."""
        return self.mean[N] * self.mean[Q] * self.mean[P]

    @property
    def visits(self) -> Float[Tensor, "*b"]:
        """How often an output tile is worked on with others in between: loops over C, R, S outside output loops.

        An output loop of one turn is none; the loop counts in full from two turns on.
        """
        result = torch.ones_like(self.loops[0])
        outputs = self.loops[OUTPUTS]
        for dim in (C, R, S):
            inside = self.rank[OUTPUTS] > self.rank[dim]
            others = torch.where(inside, outputs, 1.0).prod(0)
            result = result * (1 + (self.loops[dim] - 1) * happens(others))
        return result

    @property
    def inner_loops(self) -> Float[Tensor, "*b"]:
        """Turns of the innermost DRAM loop."""
        return self.loops.gather(0, self._inner()).squeeze(0)

    @property
    def are_ragged(self) -> Bool[Tensor, "*b"]:
        """Whether a last tile is smaller than the others."""
        return (self.extent[:, 1] < self.extent[:, 0] - LEAST_DIFFERENCE).any(0)

    def at(self, end: int) -> "Tiles":
        """The tiles with the innermost loop at its first turn (``end`` 0) or its last (1)."""
        return self._with(torch.zeros_like(self.loops).scatter(0, self._inner(), 1.0) > 0, end)

    def kinds(self) -> tuple[tuple["Tiles", "Tiles"], Float[Tensor, "*b"]]:
        """The full and the last tiles of the loop, besides the innermost, in which they differ most; share of the last.

        All other dimensions stay as they are. A share of 0 says that there is no such loop.
        """
        difference = (self.extent[:, 0] - self.extent[:, 1]) / self.mean * (self.loops - 1).clamp(min=0.0).sqrt()
        # A relaxed loop of little more than one turn is none.
        difference = torch.where(self.loops.detach() > 1.5, difference / self.loops, 0.0)
        difference = difference.scatter(0, self._inner(), 0.0)
        largest = difference.argmax(0, keepdim=True)
        chosen = torch.zeros_like(self.loops).scatter(0, largest, 1.0) > 0
        differs = difference.gather(0, largest).squeeze(0) > LEAST_DIFFERENCE
        share = torch.where(differs, 1 / self.loops.gather(0, largest).squeeze(0), 0.0)
        chosen = chosen & differs
        return (self._with(chosen, 0), self._with(chosen, 1)), share

    def _with(self, chosen: Bool[Tensor, "dims ..."], end: int) -> "Tiles":
        """The tiles with the ``chosen`` dimensions at one of their ends."""
        there = self.extent[:, end]
        return replace(
            self,
            extent=torch.where(chosen.unsqueeze(1), there.unsqueeze(1), self.extent),
            mean=torch.where(chosen, there, self.mean),
        )

    @staticmethod
    def stack(parts: Sequence["Tiles"]) -> "Tiles":
        """``parts`` along a new first axis of the batch."""
        batch = parts[0].dim.dim()

        def together(name: str) -> Any:
            # The batch comes after dimensions or axes, and ends.
            values = [getattr(part, name) for part in parts]
            return torch.stack(values, values[0].dim() - batch)

        names = [field.name for field in fields(Tiles) if field.name != "public"]
        return replace(parts[0], **{name: together(name) for name in names})

    def _inner(self) -> Int[Tensor, "1 ..."]:
        rank = torch.where(self.loops.detach() > 1, self.rank, -1)
        return rank.argmax(0, keepdim=True)


def tiles_of(layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, public: bool = False) -> Tiles:
    """The tiles that ``mappings`` cut ``layers`` into on ``hardware``; shapes broadcast."""
    dim = hardware.dim
    inside = mappings.tile(TEMPLATE.hierarchy)
    loops = mappings.temporal[..., 3, :]
    shape = tuple((loops[..., 0] * layers.size[..., 0] * dim).shape)
    size, loops, stride = (_dims_first(tensor, shape) for tensor in (layers.size, loops, layers.stride))
    full = torch.minimum(_dims_first(inside, shape), size)
    last = (size - (loops - 1) * full).clamp(min=1.0)
    banks = torch.as_tensor(SCRATCHPAD_BANKS.default * hardware.over_default(SCRATCHPAD_BANKS), dtype=size.dtype)
    plain = (size[[R, S, Q, N]].amax(0) == 1) & (stride.amax(0) == 1)
    return Tiles(
        size,
        loops,
        _dims_first(mappings.rank[..., 3, :], shape),
        torch.stack((full, last), 1),
        full + (last - full) / loops,
        stride,
        _dims_first(layers.dilation, shape),
        dim.broadcast_to(shape),
        (hardware.scratchpad_kib * 1024 / dim / banks).broadcast_to(shape),
        (banks / 2).clamp(min=1.0).broadcast_to(shape),
        plain.to(size.dtype),
        public,
    )


def _dims_first(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``tensor`` [*b n] broadcast to [n *shape], contiguous along the batch."""
    return tensor.broadcast_to((*shape, tensor.shape[-1])).movedim(-1, 0).contiguous()
