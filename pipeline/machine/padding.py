"""How much of a convolution is zeros around the image: work that accelerators skip or do not count."""

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.mapping_tensors import LayerTensors
from pipeline.workload import P, Q, R, S


def inside_share(layers: LayerTensors) -> Float[Tensor, "*b"]:
    """Multiply-accumulates of each layer whose input lies inside the image, as a share of all."""
    return _axis_share(layers, P, R, 0) * _axis_share(layers, Q, S, 1)


def _axis_share(layers: LayerTensors, out: int, tap: int, axis: int) -> Float[Tensor, "*b"]:
    """Pairs of an output and a filter tap along one axis that meet an input, as a share of all.

    The input is as large as the outputs times the stride, and begins floor(taps / 2) after the first window.
    """
    outs, taps = layers.size[..., out], layers.size[..., tap]
    stride, dilation = layers.stride[..., axis], layers.dilation[..., axis]
    inside = torch.zeros_like(outs)
    for turn in range(int(taps.max())):
        place = turn * dilation - torch.floor(taps / 2)
        first = torch.ceil(-place / stride).clamp(min=0)
        last = torch.floor((outs * stride - 1 - place) / stride).minimum(outs - 1)
        inside = inside + torch.where(turn < taps, (last - first + 1).clamp(min=0), 0.0)
    return inside / (outs * taps)
