"""Loads of one tile: inputs, weights, returning partial sums, and the zeros that need no memory."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.machine.gemmini.bursts import BEAT_BYTES, bursts
from pipeline.machine.gemmini.constants import Timing
from pipeline.machine.gemmini.tiles import Tiles
from pipeline.machine.gemmini.windows import Window
from pipeline.machine.rounding import blocks
from pipeline.machine.system import LINE_BYTES
from pipeline.workload import C, K, N, P, Q, R, S

LEAST_COUNT = 1e-6
LEAST_LATENCY = 1.0


@dataclass(frozen=True, slots=True)
class Stream:
    """What one tensor loads for a mean tile."""

    commands: Float[Tensor, "*b"]
    """Commands of at most DIM rows."""
    requests: Float[Tensor, "*b"]
    beats: Float[Tensor, "*b"]
    """Beats of 16 bytes."""
    local_rows: Float[Tensor, "*b"]
    """Local rows written with fetched data, one a cycle."""
    zero_rows: Float[Tensor, "*b"]
    """Local rows written with zeros, one a cycle."""
    bytes: Float[Tensor, "*b"]
    """Useful bytes fetched."""


def input_stream(tiles: Tiles, window: Window) -> Stream:
    """Inputs of the mean tile: pixels of its ``window``, their channels adjacent in memory; padding is zeros."""
    channels = bursts(tiles, C)
    depth = tiles.average(C, blocks(tiles.extent[C], tiles.dim))
    width, height = window.real
    pixels = tiles.mean[N] * width * height
    outside = tiles.mean[N] * window.extent[0] * window.extent[1] - pixels
    return Stream(
        commands=tiles.mean[N] * height * blocks(width, tiles.dim) * channels.lines,
        requests=pixels * channels.requests,
        beats=pixels * channels.beats,
        local_rows=pixels * depth,
        zero_rows=outside * depth,
        bytes=pixels * tiles.mean[C],
    )


def weight_stream(tiles: Tiles) -> Stream:
    """Weights of the mean tile: one row for each tap and input channel, output channels adjacent in memory."""
    columns = bursts(tiles, K)
    taps = tiles.mean[R] * tiles.mean[S]
    rows = taps * tiles.mean[C]
    return Stream(
        commands=taps * tiles.average(C, blocks(tiles.extent[C], tiles.dim)) * columns.lines,
        requests=rows * columns.requests,
        beats=rows * columns.beats,
        local_rows=rows * tiles.average(K, blocks(tiles.extent[K], tiles.dim)),
        zero_rows=torch.zeros_like(rows),
        bytes=rows * tiles.mean[K],
    )


def sum_stream(tiles: Tiles) -> Stream:
    """Partial sums of one output tile coming back: rows of at least 16 int32 values in 64 bytes."""
    line = torch.full_like(tiles.dim, LINE_BYTES / 4)
    columns = tiles.average(K, blocks(tiles.extent[K], tiles.dim))
    requests = tiles.average(K, blocks(tiles.extent[K], line))
    per_row = tiles.average(K, blocks(tiles.extent[K], torch.maximum(tiles.dim, line)))
    beats = tiles.average(K, blocks(tiles.extent[K], line / 4))
    row_blocks = tiles.mean[N] * tiles.mean[Q] * tiles.average(P, blocks(tiles.extent[P], tiles.dim))
    return Stream(
        commands=row_blocks * per_row,
        requests=tiles.pixels * requests,
        beats=tiles.pixels * beats,
        local_rows=tiles.pixels * columns,
        zero_rows=torch.zeros_like(columns),
        bytes=4 * tiles.pixels * tiles.mean[K],
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """Lines of a stream that are not in the cache, and the cycles that the port below it needs for them."""

    lines: Float[Tensor, "*b"]
    cycles: Float[Tensor, "*b"]

    def part(self, share: Float[Tensor, "*b"]) -> "Missing":
        """The same times ``share``."""
        return Missing(self.lines * share, self.cycles * share)


def stream_cycles(
    stream: Stream, dim: Float[Tensor, "*#b"], timing: Timing, missing: Missing | None = None
) -> Float[Tensor, "*b"]:
    """Cycles that a stream takes.

    Rows cost the largest of a request a cycle, the bandwidth, a local row a cycle, and the round trips of the reads in
    flight, which end when the last beat arrives. At most floor(reads / DIM) + 1 commands are in flight, and no more
    than the reservation station holds, each from its first read to its last local row: the latency and its beats, or
    the round trips of its reads, of which the first ones leave before the first one returns.

    A read whose line is missing waits for it while others overtake it: it holds one of the reads in flight, makes its
    command end late where it is one of the last, and the port below the cache moves one line at a time.
    """
    moved = stream.beats * (BEAT_BYTES / timing.bytes_per_cycle)
    each = moved / stream.requests.clamp(min=LEAST_COUNT)
    trip = timing.read_latency_cycles + each
    latency = torch.as_tensor(timing.read_latency_cycles - timing.merge_cycles, dtype=each.dtype)
    arrived = latency.clamp(min=LEAST_LATENCY) + each
    bus = torch.maximum(stream.requests, moved)
    steady = torch.maximum(bus, stream.local_rows)
    round_trips = stream.requests * (arrived / timing.in_flight)
    written, come = steady - stream.commands * each, bus - stream.commands * each
    apart, late = each.clamp(min=1.0), torch.zeros_like(each)
    if missing is not None:
        chance = (missing.lines / stream.requests.clamp(min=LEAST_COUNT)).clamp(LEAST_COUNT, 1 - LEAST_COUNT)
        late = _late_cycles(stream, chance, apart, timing)
        port = missing.cycles / missing.lines.clamp(min=LEAST_COUNT)
        arrived = arrived + chance * timing.miss_latency_cycles
        apart = apart + chance * (port - apart).clamp(min=0.0)
        round_trips = round_trips + missing.lines * (timing.miss_latency_cycles / timing.in_flight)
        steady, written, come = (overlapped(cycles, missing.cycles, timing) for cycles in (steady, written, come))
    first = (arrived - (timing.in_flight - 1) * apart).clamp(min=0.0)
    alone = torch.maximum(written, torch.maximum(come, round_trips - stream.commands * first) + stream.commands * late)
    commands = stream.commands * (trip + timing.command_cycles) + alone
    waiting = commands / _commands_in_flight(timing.in_flight / dim).clamp(max=timing.load_entries)
    return torch.maximum(torch.maximum(steady, round_trips), waiting) + stream.zero_rows


def _late_cycles(
    stream: Stream, chance: Float[Tensor, "*b"], apart: Float[Tensor, "*b"], timing: Timing
) -> Float[Tensor, "*b"]:
    """How much later a command ends because of a ``chance`` that its last reads miss: the last of these decides.

    The k-th before the last one makes it late by the latency of a miss less k x ``apart``: the sum of this, with the
    chance of it, over the reads that are in flight at the end.
    """
    reads = (stream.requests / stream.commands.clamp(min=LEAST_COUNT)).clamp(min=1.0)
    late = timing.miss_latency_cycles
    count = torch.minimum(reads.clamp(max=timing.in_flight), late / apart)
    none = (1 - chance) ** count
    passed = (1 - chance) * (1 - none) / chance - count * none
    return late * (1 - none) - apart * passed


def overlapped(hits: Float[Tensor, "*b"], missing: Float[Tensor, "*b"], timing: Timing) -> Float[Tensor, "*b"]:
    """Cycles of hits and of the port below the cache, which overlap in part."""
    return hits + missing - timing.miss_overlap * torch.minimum(hits, missing)


def _commands_in_flight(full: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """floor(``full``) + 1, continuous: each step is a ramp over the last quarter before a whole number."""
    whole = full.detach().floor()
    return 1 + whole + (4 * (full - whole) - 3).clamp(min=0.0)
