"""What a mapping does before any constant of the timing matters: its kinds of tiles, what each loads and computes."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.caches import Reuse
from pipeline.machine.gemmini.cache import reuse_of
from pipeline.machine.gemmini.execution import Work, work_of
from pipeline.machine.gemmini.loads import Stream, input_stream, sum_stream, weight_stream
from pipeline.machine.gemmini.overlap import order_of
from pipeline.machine.gemmini.stages import Order
from pipeline.machine.gemmini.stores import Rows, rows_of
from pipeline.machine.gemmini.tiles import Tiles, tiles_of
from pipeline.machine.gemmini.windows import Window, window_of
from pipeline.machine.system import Cache
from pipeline.mapping_tensors import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Setting:
    """Under which conditions mappings run."""

    cache: Cache | None
    """The cache below the accelerator, where there is one."""
    drop: bool = False
    """Leave partial sums out, as the public FPGA measurements did."""
    public: bool = False
    """Place tensors and load pixels as the public FPGA measurements did (``Tiles.public``)."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a tile loads and computes."""

    window: Window
    inputs: Stream
    weights: Stream
    work: Work


@dataclass(frozen=True, slots=True)
class Kinds:
    """Everything that tiles do before any constant of the timing matters, by kind: tensors have a first axis for it.

    Without ``has_ends`` all tiles are alike, and there is no such axis.
    """

    tiles: Tiles
    order: Order
    parts: Part
    """With ``has_ends`` three along another first axis: the mean tile, those at the start and the end of the innermost
    loop."""
    has_ends: bool
    sums: Stream
    """Partial sums of an output tile that come back."""
    zeros: Float[Tensor, "*b"]
    """Rows of the accumulator that are cleared for an output tile."""
    rows: Rows

    def mean(self, values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Those of the mean tile, of ``values`` of the parts."""
        return values[0] if self.has_ends else values


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a mapping determines before any constant of the timing matters."""

    tiles: Tiles
    order: Order
    mean: Part
    """The mean tile."""
    rows: Rows
    """Of the mean output tile."""
    kinds: Kinds
    """The tiles as if all were full, and as if all were the last, in the loop in which they differ most."""
    shares: Float[Tensor, "kinds ..."] | None
    """Which part of the tiles is of each kind; None where all are alike."""
    reuse: Reuse | None
    hardware: HardwareTensors


def facts_of(layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, setting: Setting) -> Facts:
    """What ``mappings`` do on ``hardware``; they are taken as they are. Differentiable in factors and sizes."""
    tiles = tiles_of(layers, mappings, hardware, public=setting.public)
    reuse = None if setting.cache is None else reuse_of(tiles, setting.cache, setting.drop)
    mean, rows = _part(tiles), rows_of(tiles)
    if not bool(tiles.are_ragged.any()):
        kinds, shares = _kinds(tiles, mean, setting.drop, has_ends=False), None
        return Facts(tiles, kinds.order, mean, rows, kinds, shares, reuse, hardware)
    apart, last = tiles.kinds()
    differ = bool((last > 0).any())
    each = Tiles.stack(apart if differ else [tiles])
    shares = torch.stack([1 - last, last] if differ else [1 - last])
    parts = _part(Tiles.stack([each, each.at(0), each.at(1)]))
    kinds = _kinds(each, parts, setting.drop, has_ends=True)
    return Facts(tiles, order_of(tiles, setting.drop), mean, rows, kinds, shares, reuse, hardware)


def _kinds(tiles: Tiles, parts: Part, drop: bool, *, has_ends: bool) -> Kinds:
    columns = parts.work.columns[0] if has_ends else parts.work.columns
    zeros = (1 - tiles.is_matmul) * tiles.pixels * columns
    return Kinds(tiles, order_of(tiles, drop), parts, has_ends, sum_stream(tiles), zeros, rows_of(tiles))


def _part(tiles: Tiles) -> Part:
    window = window_of(tiles)
    return Part(window, input_stream(tiles, window), weight_stream(tiles), work_of(tiles, window))
