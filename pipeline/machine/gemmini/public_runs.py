"""What the public FPGA runs executed in place of the mapping they are listed under.

The program behind the public cycle counts differs from its mappings in three ways, each visible in the counts:
images are square (rows with P = 10 Q take ten times as long), filters of even size give one more output along an axis,
and matrix products are cut into whole blocks that are counted in units of 16 but executed in units of DIM (their
cycles are multiples of the host's time for that many calls). Only comparisons with those runs need this. Two more
differences, where tensors lie and which pixels strided 1x1 filters load, are in ``tiles.Tiles.public``.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.template import TEMPLATE
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, C, K, N, P, Q, R, S

SOFTWARE_BLOCK = 16.0
"""DIM for which the public program was compiled."""

MISSING_ORDER = torch.tensor(["CRSKPQN".index(dim) for dim in DIMS])
"""Loops that a mapping does not name run inside the others, in this order from the outside."""


def as_published(
    layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
) -> tuple[LayerTensors, MappingTensors]:
    """Layers and mappings as the public runs executed them; changed factors carry no gradient."""
    size, tile = layers.size, mappings.tile(TEMPLATE.hierarchy)
    plain = (size[..., [R, S, Q, N]].amax(-1) == 1) & (layers.stride.amax(-1) == 1)
    run = torch.where(plain.unsqueeze(-1), size, _square(size))
    blocks = (tile / SOFTWARE_BLOCK).detach().floor().clamp(min=1.0) * hardware.dim.unsqueeze(-1)
    cut = torch.zeros(size.shape[-1], dtype=torch.bool)
    cut[[P, C, K]] = True
    executed = torch.where(plain.unsqueeze(-1) & cut, torch.minimum(blocks, run), tile)
    same = (executed == tile) & (run == size)
    loops = torch.where(same, mappings.temporal[..., 3, :], (run / executed).detach().ceil())
    inside = mappings.temporal[..., 2, :] * (executed / tile).detach()
    temporal = torch.cat((mappings.temporal[..., :2, :], torch.stack((inside, loops), -2)), -2)
    absent = MISSING_ORDER.to(mappings.rank.device) + len(DIMS)
    rank = torch.where(mappings.temporal[..., 3, :] > 1, mappings.rank[..., 3, :], absent).argsort(-1).argsort(-1)
    return (
        LayerTensors(run, layers.stride, layers.dilation),
        MappingTensors(temporal, mappings.spatial, torch.cat((mappings.rank[..., :3, :], rank.unsqueeze(-2)), -2)),
    )


def _square(size: Float[Tensor, "*b 7"]) -> Float[Tensor, "*b 7"]:
    """Sizes of a convolution with square outputs, one more along an axis for even filters."""
    run = size.clone()
    side = torch.maximum(size[..., P], size[..., Q])
    for output, tap in ((P, R), (Q, S)):
        run[..., output] = side + (size[..., tap].remainder(2) == 0).to(size.dtype)
    return run
