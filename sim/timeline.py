"""When the first tiles of a program load, compute and store, read off the counters while the program runs.

The counters of bytes and multiply-accumulates only grow, and every tile's share of them follows from its command. Tiles
take turns at each stage, so a stage of tile i lasts from the first cycle in which its counter exceeds what the tiles
before it account for to the cycle in which its own share is complete. A load begins with the first byte that arrives.
Times are exact to the distance between two samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.compiler import TracedProgram, guarded
from sim.design import Design
from sim.inprocess import Simulation
from sim.task import Task, prepare

STAGES = {"load": "dram_read_bytes", "compute": "macs", "store": "dram_write_bytes"}
"""The counter that a stage moves."""

SAMPLES = 4000
"""About how often the counters are read."""

MAX_EVALUATED_CYCLES = 4_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """One stage of one tile."""

    tile: int
    stage: str
    start: int
    """Cycle."""
    end: int


def record(design: Design, task: Task, *, tiles: int, cycles: int) -> list[Span]:
    """The stages of the first ``tiles`` tiles of a task that takes ``cycles`` in all.

    Empty where tiles cannot be told apart: the design lacks a counter, or its compiler does not say what a tile moves
    (``tile_traffic`` of its program). Raises ProgramError when the mapping has no program.
    """
    prepared = prepare(task)
    program = prepared.program
    with guarded(task.compiler):
        shares = program.tile_traffic() if isinstance(program, TracedProgram) else {}
    if not set(STAGES.values()) <= set(design.counters) & set(shares):
        return []
    total = len(shares[STAGES["compute"]])
    count = min(tiles, total)
    step = max(1, int(cycles * min(1.0, (count + 2) / total) / SAMPLES))
    ends = {stage: np.cumsum(shares[counter])[:count] for stage, counter in STAGES.items()}
    simulation = Simulation.build(design, task.datapath)
    try:
        simulation.load(prepared.commands, prepared.contents, program.memory_bytes, task.memory)
        times, values = _sample(simulation, design, step, {stage: int(limits[-1]) for stage, limits in ends.items()})
    finally:
        simulation.close()
    return [span for stage in STAGES for span in _spans(stage, times, values[stage], ends[stage])]


def _sample(
    simulation: Simulation, design: Design, step: int, enough: dict[str, int]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Cycles and counters every ``step`` evaluated cycles, until every stage has moved ``enough``."""
    at = {stage: 64 * design.counters.index(counter) for stage, counter in STAGES.items()}
    times: list[int] = [0]
    values: dict[str, list[int]] = {stage: [0] for stage in STAGES}
    for _ in range(MAX_EVALUATED_CYCLES // step):
        done = simulation.run_until_done(step)
        counters = int(simulation.io.counters_o)
        times.append(int(simulation.io.cycles_o))
        for stage, shift in at.items():
            values[stage].append(counters >> shift & (2**64 - 1))
        if done or all(values[stage][-1] >= total for stage, total in enough.items()):
            break
    if simulation.error:
        raise ValueError(simulation.error)
    return np.array(times), {stage: np.array(column) for stage, column in values.items()}


def _spans(stage: str, times: NDArray[np.int64], values: NDArray[np.int64], ends: NDArray[np.int64]) -> list[Span]:
    """When each tile's share of a counter began and was complete; tiles without a share, or not seen, have none."""
    spans = []
    before = 0
    for tile, end in enumerate(ends.tolist()):
        if end > before and values[-1] >= end:
            start = int(np.searchsorted(values, before, side="right"))
            stop = int(np.searchsorted(values, end, side="left"))
            spans.append(Span(tile, stage, int(times[max(start - 1, 0)]), int(times[stop])))
        before = end
    return spans
