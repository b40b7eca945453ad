"""What a tiling costs at least, in whatever order its DRAM loops run: an exhaustive search leaves tilings out by it.

Three parts of the latency in ``view`` do not depend on the order, and the latency is not below any of them.

- Compute. The steps between tiles are at least ``turns / inner * ((inner - 1) * full + last)`` with the compute cycles
  of a full and of the last tile along the innermost loop, the last tile's own compute included. The array's slots are a
  product with one factor a dimension, and ``(inner - 1) * f(full) + f(last)`` is ``inner`` times the mean of the
  innermost one's: the sum is the number of tiles times the product of means, whichever loop is innermost. What the
  slots in flight, late preloads and bank conflicts add is left out.
- Memory. The latency is at least the host's cycles and, for each tile, the loads of a mean tile and the beats of its
  results. Misses of a cache only add to loads, and spilled sums only add beats.
- Host. Every step between two tiles takes at least the host's time to send a tile.

Words depend on the order through spilled sums alone: with the reductions inside nothing is spilled.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.bursts import BEAT_BYTES
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.loads import input_stream, stream_cycles, weight_stream
from pipeline.machine.gemmini.stores import rows_of
from pipeline.machine.gemmini.tiles import Tiles, tiles_of
from pipeline.machine.gemmini.windows import window_of
from pipeline.machine.gemmini.words import tile_words
from pipeline.machine.rounding import blocks, last_block
from pipeline.machine.words import Least
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, C, K, N, P, Q, R, S

REDUCTIONS_INSIDE = torch.tensor([(K, N, Q, P, C, S, R).index(dim) for dim in range(len(DIMS))])
"""Position of each dimension in an order that spills nothing."""


def least_of(layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, timing: Timing) -> Least:
    """No order of the DRAM loops takes fewer cycles or moves fewer words."""
    rank = REDUCTIONS_INSIDE.expand_as(mappings.rank)
    tiles = tiles_of(layers, replace(mappings, rank=rank), hardware)
    window = window_of(tiles)
    inputs, weights, rows = input_stream(tiles, window), weight_stream(tiles), rows_of(tiles)
    load = stream_cycles(inputs, tiles.dim, timing) + stream_cycles(weights, tiles.dim, timing)
    stored = tiles.output_tiles * rows.pixels * rows.beats * (BEAT_BYTES / timing.bytes_per_cycle)
    plain = tiles.is_matmul
    host = plain * timing.host_matmul_tile_cycles + (1 - plain) * timing.host_convolution_tile_cycles
    parts = tiles.count * _slot_cycles(tiles, timing), tiles.count * load + stored, (tiles.count - 1) * host
    return Least(timing.host_cycles + torch.stack(parts).amax(0), tile_words(tiles, window, inputs, weights))


def _slot_cycles(tiles: Tiles, timing: Timing) -> Float[Tensor, "*b"]:
    """Slots of a mean tile, the last one of each output row as short as its rows allow."""
    full = tiles.dim.clamp(min=timing.min_slot_cycles) + timing.slot_extra_cycles
    last = last_block(tiles.extent[P], tiles.dim).clamp(min=timing.min_slot_cycles) + timing.slot_extra_cycles
    row = tiles.average(P, (blocks(tiles.extent[P], tiles.dim) - 1) * full + last)
    columns, depth = (tiles.average(d, blocks(tiles.extent[d], tiles.dim)) for d in (K, C))
    return columns * depth * tiles.mean[R] * tiles.mean[S] * tiles.mean[N] * tiles.mean[Q] * row
