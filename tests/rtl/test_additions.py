"""Loads that add to the accumulator and scale int8 elements: random programs against running them one at a time."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.choices import MEMORIES
from pipeline.hardware import Hardware
from sim.build import Datapath
from sim.commands import FENCE, LOAD, STORE
from sim.memory import MemorySettings
from tests.machines import GEMMINI
from tests.rtl.operations import Operation, commands, load
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_programs import simulation_of

DATA = 32768
"""Bytes that loads read; stores go above."""
LINE = 64

pytestmark = pytest.mark.xdist_group("rtl")


def scaled(operation: Operation, multiplier: int, zero: int) -> Operation:
    """A load of int8 elements, each less ``zero`` and times ``multiplier``."""
    return operation | {"result_row": multiplier, "result_rows": zero & 127, "flip": zero >> 7 & 1}


def random_load(generator: random.Random, hardware: Hardware) -> Operation:
    dim, wide = hardware.dim, generator.random() < 0.3
    size = 4 if wide else 1
    cols = generator.randint(1, max(dim, LINE // size))
    rows = generator.randint(1, min(dim, hardware.accumulator_rows // (-(-cols // dim))))
    blocks = -(-cols // dim)
    block_stride = generator.randint(rows, hardware.accumulator_rows // blocks)
    span = (blocks - 1) * block_stride + rows
    stride = size * generator.choice([0, cols, cols + generator.randint(0, 20)])
    dram = size * generator.randrange((DATA - (rows - 1) * stride - cols * size) // size + 1)
    operation = {
        "opcode": LOAD,
        "operand_acc": 1,
        "operand_accumulate": int(generator.random() < 0.6),
        "operand_row": generator.randrange(hardware.accumulator_rows - span + 1),
        "rows": rows,
        "cols": cols,
        "block_stride": block_stride,
        "stride": stride,
        "dram": dram,
        "wide": int(wide),
        "zeros": int(generator.random() < 0.1),
    }
    multiplier = generator.choice([0, 1, 2**22 - 1, generator.randrange(2**22)])
    return operation if wide else scaled(operation, multiplier, generator.choice([0, 127, -128, -5]))


def touched(operation: Operation, dim: int) -> set[int]:
    """Accumulator rows of a load or store."""
    starts = range(-(-operation["cols"] // dim))
    return {
        operation["operand_row"] + block * operation["block_stride"] + row
        for block in starts
        for row in range(operation["rows"])
    }


def random_program(generator: random.Random, hardware: Hardware) -> tuple[list[Operation], int]:
    """Operations and the bytes of their memory. Loads that overwrite are not ordered after other loads of a row."""
    rows = min(64, hardware.accumulator_rows)
    operations = [
        load(row, 0, rows, hardware.dim, acc=True, zeros=True) for row in range(0, hardware.accumulator_rows, rows)
    ]
    operations.append({"opcode": FENCE})
    loaded: set[int] = set()
    end = DATA
    for _ in range(generator.randint(4, 30)):
        if generator.random() < 0.65:
            operation = random_load(generator, hardware)
            if not operation["operand_accumulate"] and loaded & touched(operation, hardware.dim):
                operations.append({"opcode": FENCE})
                loaded = set()
            loaded |= touched(operation, hardware.dim)
            operations.append(operation)
            continue
        wide = generator.random() < 0.5
        operation = random_load(generator, hardware)
        cols = min(operation["cols"], hardware.dim) if wide else operation["cols"]
        stride = cols * (4 if wide else 1)
        kept = {name: operation[name] for name in ("operand_acc", "operand_row", "rows", "block_stride")}
        operations.append(kept | {"opcode": STORE, "cols": cols, "wide": int(wide), "stride": stride, "dram": end})
        end += kept["rows"] * stride
    return operations, -(-end // LINE) * LINE


def interpret(operations: list[Operation], memory: NDArray[np.uint8], hardware: Hardware, padding: int) -> None:
    """Change ``memory`` as the operations do, one at a time, element by element."""
    accumulator = np.zeros((hardware.accumulator_rows, hardware.dim), np.int64)
    for operation in operations:
        if operation["opcode"] == FENCE:
            continue
        size = 4 if operation["wide"] else 1
        kind = np.dtype(np.int32 if operation["wide"] else np.int8)
        for row in range(operation["rows"]):
            address = operation["dram"] + row * operation["stride"]
            for column in range(operation["cols"]):
                block, lane = divmod(column, hardware.dim)
                cell = operation["operand_row"] + block * operation["block_stride"] + row, lane
                place = slice(address + size * column, address + size * (column + 1))
                if operation["opcode"] == STORE:
                    value = accumulator[cell] if operation["wide"] else np.clip(accumulator[cell], -128, 127)
                    memory[place] = np.array([value]).astype(kind).view(np.uint8)
                    continue
                if operation["zeros"]:
                    value = 0 if operation["wide"] else padding
                else:
                    value = int(memory[place].view(kind)[0])
                if not operation["wide"]:
                    low = operation["result_rows"] | operation["flip"] << 7
                    value = (value - int(np.array(low, np.uint8).view(np.int8))) * operation["result_row"]
                total = value + (int(accumulator[cell]) if operation.get("operand_accumulate") else 0)
                accumulator[cell] = (total + 2**31) % 2**32 - 2**31


def check(seed: int, hardware: Hardware) -> None:
    """Every byte of the full build; the same cycles and counters in both builds, of words as many as there are."""
    generator = random.Random(seed)
    operations, size = random_program(generator, hardware)
    padding = generator.choice([0, -128, 7])
    expected = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    memory = expected.copy()
    interpret(operations, expected, hardware, padding)
    settings = replace(
        MemorySettings.of(generator.choice(MEMORIES)),
        seed=generator.randrange(1, 1000),
        stall_permille=generator.choice([0, 0, 100, 400]),
        latency_cycles=generator.choice([1, 7, 40]),
        cache_kib=generator.choice([1, 512]),
        host_cycles=0,
    )
    program = commands(operations, padding=padding & 255)
    counts: dict[Datapath, tuple[int, int]] = {}
    for datapath in ("full", "timing"):
        simulation = simulation_of(hardware, datapath)
        simulation.load(program, memory if datapath == "full" else None, size, settings)
        assert simulation.run_until_done()
        assert simulation.error == ""
        counts[datapath] = simulation.io.cycles_o, simulation.io.counters_o
    np.testing.assert_array_equal(memory, expected)
    assert counts["timing"] == counts["full"]
    reads, writes = (counts["full"][1] >> (64 * index) & (2**64 - 1) for index in (9, 10))
    loads = [item for item in operations if item["opcode"] == LOAD]
    assert writes == sum(item["rows"] * item["cols"] for item in loads)
    moved = [item for item in operations if item["opcode"] == STORE or item.get("operand_accumulate")]
    assert reads == sum(item["rows"] * item["cols"] for item in moved)


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_loads_that_add_and_scale_are_bit_exact(seed: int) -> None:
    check(seed, DESIGNS[1])


@pytest.mark.long
@pytest.mark.parametrize(
    "hardware", [DESIGNS[0], DESIGNS[3], GEMMINI.template.hardware(32, 64, 32), GEMMINI.template.hardware(64, 64, 64)],
    ids=lambda hardware: f"dim {hardware.dim}",
)  # fmt: skip
def test_loads_that_add_are_bit_exact_at_any_size_of_the_array(hardware: Hardware) -> None:
    for seed in range(80):
        check(seed, hardware)
