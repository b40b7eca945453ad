"""In the simulator: programs on a design between models of cocotbext-axi, which stall on every channel."""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

from sim.task import Task, prepare

MEMORY_BYTES = 1 << 20
LIMIT_STEPS = 400_000
DONE = 2
"""Status register after the last result: done and not busy."""


def stalls(seed: int, chance: float) -> Iterator[bool]:
    generator = random.Random(seed)
    while True:
        yield generator.random() < chance


@cocotb.test()
async def outputs_are_right(dut: Any) -> None:
    cocotb.start_soon(Clock(dut.clk, 2, unit="step").start())
    memory = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst_n, False, size=MEMORY_BYTES)
    host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst_n, False)
    for entry in json.loads(Path(os.environ["AXI_MODEL_TASKS"]).read_text(encoding="utf-8")):
        await run(dut, memory, host, Task.from_json(entry["task"]), entry["stall"])


async def run(dut: Any, memory: AxiRam, host: AxiLiteMaster, task: Task, stall: float) -> None:
    prepared = prepare(task)
    program, contents, expected = prepared.program, prepared.contents, prepared.expected
    assert contents is not None
    assert expected is not None
    assert program.memory_bytes <= MEMORY_BYTES
    dut.rst_n.value = 0
    channels = [memory.write_if.aw_channel, memory.write_if.w_channel, memory.write_if.b_channel]
    channels += [memory.read_if.ar_channel, memory.read_if.r_channel]
    channels += [host.write_if.aw_channel, host.write_if.w_channel, host.write_if.b_channel]
    for number, channel in enumerate(channels):
        channel.set_pause_generator(stalls(task.seed + number, stall))
    memory.write(0, contents.tobytes())
    await ClockCycles(dut.clk, 4)
    dut.rst_n.value = 1
    await ClockCycles(dut.clk, 2)
    for address, value in program.commands[:, :2].tolist():
        await with_timeout(host.write_dword(address, value), LIMIT_STEPS, "step")
    if not int(dut.irq.value):
        await with_timeout(RisingEdge(dut.irq), LIMIT_STEPS, "step")
    assert await host.read_dword(0) == DONE
    output = program.read_output(np.frombuffer(memory.read(0, program.memory_bytes), dtype=np.uint8))
    np.testing.assert_array_equal(output, expected)
