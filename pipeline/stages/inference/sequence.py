"""A whole network as one program on the timing build: caches as the layer before left them, the host's work between.

A layer reads its input where the layer that made it wrote it, when nothing lies between them. The host's operators are
gaps between the layers' commands: it waits until the accelerator is done, and then works.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.machine.system import HOST
from pipeline.stages.inference.accelerator import Accelerator
from pipeline.stages.inference.host import HostWork
from pipeline.stages.inference.network import StepResult
from sim.commands import FENCE, OPERATION_FIELDS, pack
from sim.compiler import PlacedProgram

MAX_GAP = (1 << 16) - 1
"""Cycles that one command can say the host needs before the next."""


@dataclass(frozen=True, slots=True)
class SequenceTime:
    """Cycles of a network as one program, and what the same layers take one by one."""

    cycles: int
    host_cycles: int
    """Cycles in which only the host works."""
    layer_cycles: int
    """Sum of the layers, each alone."""
    operator_cycles: int
    """Cycles of the operators on the host."""


def time_sequence(trace: Sequence[StepResult | HostWork], accelerator: Accelerator) -> SequenceTime:
    """Run the layers of ``trace`` in one go. Raises ValueError when that fails."""
    commands: list[NDArray[np.uint32]] = []
    outputs: dict[str, tuple[int, int]] = {}
    end = operator_cycles = pending = layer_cycles = 0
    for item in trace:
        if isinstance(item, HostWork):
            pending += item.cycles
            operator_cycles += item.cycles
            continue
        layer_cycles += sum(cost.cycles for cost in item.costs)
        for run in item.runs:
            if commands:
                pending += HOST.layer_cycles
            commands.append(_gap(pending))
            pending = 0
            # Each block of a depthwise layer reads a part of its source: of the operands only whole ones are shared.
            made = [outputs.get(source.name, (0, 0)) for source in item.step.sources]
            places = [
                address if size == needed else None for (address, size), needed in zip(made, run.operands, strict=True)
            ]
            program = accelerator.compile(run, end, places).program
            commands.append(program.commands)
            end = program.memory_bytes
            if item.elements == run.results and isinstance(program, PlacedProgram):
                outputs[item.step.result.name] = (program.output_address, item.elements)
    commands.append(_gap(pending))
    cycles, host_cycles = accelerator.time(np.ascontiguousarray(np.concatenate(commands)), end, "the whole network")
    return SequenceTime(cycles, host_cycles, layer_cycles, operator_cycles)


def _gap(cycles: int) -> NDArray[np.uint32]:
    """Commands [n, 16] that wait until the accelerator is idle and then take ``cycles`` of the host."""
    if cycles == 0:
        return np.zeros((0, 16), np.uint32)
    lengths = np.full(-(-cycles // MAX_GAP), MAX_GAP, np.uint32)
    lengths[-1] = cycles - MAX_GAP * (len(lengths) - 1)
    fences = pack(OPERATION_FIELDS, {"opcode": FENCE}, 1 + len(lengths))
    fences[1:, -1] |= lengths << np.uint32(16)
    return fences
