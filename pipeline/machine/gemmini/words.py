"""Words that the accelerator moves, counted as its performance counters count them.

A row of outputs passes the accumulator once for each tap and block of DIM input channels; inputs are read once for
each tap and block of DIM output channels, weights once a tile. Padding lanes of a row are no words; zeros of image
padding that are computed with are.
"""

from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.loads import Stream, input_stream, weight_stream
from pipeline.machine.gemmini.tiles import Tiles, tiles_of
from pipeline.machine.gemmini.windows import Window, window_of
from pipeline.machine.rounding import blocks
from pipeline.machine.words import Words
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import C, K, N, P, Q, R, S


def words_of(layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Words:
    """Words moved at each level over a whole layer, partial sums spilled."""
    tiles = tiles_of(layers, mappings, hardware)
    window = window_of(tiles)
    return tile_words(tiles, window, input_stream(tiles, window), weight_stream(tiles))


def tile_words(tiles: Tiles, window: Window, loaded_inputs: Stream, loaded_weights: Stream) -> Words:
    """Words of all tiles, each of which loads ``loaded_inputs`` and ``loaded_weights``."""
    count, outputs = tiles.count, tiles.size[[N, Q, P, K]].prod(0)
    taps = tiles.mean[R] * tiles.mean[S]
    macs = tiles.size.prod(0)
    weights = count * taps * tiles.mean[C] * tiles.mean[K]
    input_reads = count * tiles.pixels * taps * tiles.mean[C] * tiles.average(K, blocks(tiles.extent[K], tiles.dim))
    input_writes = count * tiles.mean[N] * window.extent[0] * window.extent[1] * tiles.mean[C]
    results = count * tiles.pixels * tiles.mean[K] * taps * tiles.average(C, blocks(tiles.extent[C], tiles.dim))
    # The first results of a matrix product overwrite without a read; a convolution adds to zeros written before.
    first = outputs * (1 - 2 * tiles.is_matmul)
    spilled = outputs * (tiles.visits - 1)
    return Words(
        macs=macs,
        register=macs + weights,
        accumulator=2 * results + first + outputs + 2 * spilled,
        scratchpad=input_reads + input_writes + 2 * weights,
        dram=count * (loaded_inputs.bytes + loaded_weights.bytes) + outputs + 8 * spilled,
    )
