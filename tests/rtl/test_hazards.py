"""Operations of different classes that use the same local rows, against running them one after another."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.choices import MEMORIES
from sim.memory import MemorySettings
from tests.rtl.operations import Operation, interpret, load, multiply, run, store
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_programs import simulation_of

HARDWARE = DESIGNS[1]
DIM = HARDWARE.dim
ROWS = (HARDWARE.scratchpad_rows, HARDWARE.accumulator_rows)
FAST = replace(MemorySettings.of("simple"), latency_cycles=1, host_cycles=0)
"""Loads arrive long before the computes ahead of them are done."""
SUMS = 1024
"""Where results go; operands of the array come from below, int32 operands from the middle."""
BYTES = 16384

pytestmark = pytest.mark.xdist_group("rtl")


def contents(seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, BYTES, dtype=np.uint8)


def check(operations: list[Operation], memory_settings: MemorySettings = FAST) -> None:
    """Assert that the design leaves the same memory as the operations one after another."""
    expected, memory = contents(), contents()
    interpret(operations, expected, DIM, ROWS)
    run(simulation_of(HARDWARE, "full"), operations, memory_settings, memory)
    np.testing.assert_array_equal(memory, expected, err_msg=str(operations))


SETUP = [load(0, 0, DIM, DIM), load(DIM, 64, DIM, DIM)]
"""Weights in rows 0 to DIM - 1, inputs after them."""


def computes(count: int, *, accumulate: bool = False, fresh: bool = True) -> list[Operation]:
    """Pairs that keep the array busy for a while, each with DIM result rows of its own."""
    pairs = [
        multiply(DIM, 0 if fresh or i == 0 else None, DIM * i, DIM, DIM, accumulate=accumulate) for i in range(count)
    ]
    return [operation for pair in pairs for operation in pair]


def stores(count: int) -> list[Operation]:
    return [store(DIM * i, SUMS + 4 * DIM * DIM * i, DIM, DIM) for i in range(count)]


def test_a_load_waits_for_the_computes_that_read_its_rows() -> None:
    check([*SETUP, *computes(6, fresh=False), load(DIM, 128, DIM, DIM), *stores(6)])


def test_a_load_waits_for_the_preloads_that_read_its_rows() -> None:
    check([*SETUP, *computes(6), load(0, 128, DIM, DIM), *stores(6)])


def test_a_load_into_the_accumulator_waits_for_the_computes_that_write_its_rows() -> None:
    check([*SETUP, *computes(6), load(5 * DIM, 512, DIM, DIM, acc=True), *stores(6)])


def test_a_load_into_the_accumulator_waits_for_the_stores_that_read_its_rows() -> None:
    fill = [load(DIM * i, 512 + 64 * i, DIM, DIM, acc=True) for i in range(4)]
    check([*fill, *stores(4), load(3 * DIM, 0, DIM, DIM, acc=True, zeros=True), store(3 * DIM, 8192, DIM, DIM)])


def test_a_compute_waits_for_the_loads_of_its_operands_and_of_the_rows_it_adds_to() -> None:
    fill = [load(DIM * i, 512 + 64 * i, DIM, DIM, acc=True) for i in range(3)]
    check([*SETUP, *fill, *computes(3, accumulate=True), *stores(3)], MemorySettings.of("simple"))


def test_a_compute_waits_for_the_stores_that_read_the_rows_it_writes() -> None:
    fill = [load(DIM * i, 512 + 64 * i, DIM, DIM, acc=True) for i in range(4)]
    overwrite = multiply(DIM, None, 3 * DIM, DIM, DIM, accumulate=False)
    # At a byte a cycle the stores take longer than a result's way through the array.
    slow = replace(FAST, bytes_per_cycle=1)
    check([*SETUP, *computes(1), *fill, *stores(4), *overwrite, store(3 * DIM, 8192, DIM, DIM)], slow)


def test_a_store_waits_for_the_computes_and_loads_that_write_its_rows() -> None:
    fill = [load(6 * DIM, 512, DIM, DIM, acc=True)]
    check([*SETUP, *computes(6), *fill, *stores(7)], MemorySettings.of("simple"))


def random_operations(generator: random.Random) -> list[Operation]:
    """Operations on a few blocks of rows; between two loads of a block lies an operation that uses it.

    Loads of the same rows are not ordered among themselves: programs never load rows twice that nobody reads.
    """
    blocks = 3
    operations: list[Operation] = [load(DIM * i, 64 * i, DIM, DIM) for i in range(blocks)]
    operations += [load(DIM * i, 512 + 64 * i, DIM, DIM, acc=True) for i in range(blocks)]
    used: set[tuple[bool, int]] = set()
    end = SUMS
    holds_weights = False
    for _ in range(generator.randrange(5, 30)):
        kind = generator.choice(["load", "load", "multiply", "multiply", "multiply", "store"])
        block, other, third = (generator.randrange(blocks) for _ in range(3))
        rows = generator.choice([1, DIM - 1, DIM, DIM])
        if kind == "load":
            place = (generator.random() < 0.4, block)
            if place not in used:
                continue
            used.discard(place)
            zeros = generator.random() < 0.3
            operations.append(load(DIM * block, 16 * generator.randrange(48), DIM, DIM, acc=place[0], zeros=zeros))
        elif kind == "multiply":
            weights = None if holds_weights and generator.random() < 0.4 else DIM * block
            holds_weights = True
            adds = generator.random() < 0.6
            operations += multiply(DIM * other, weights, DIM * third, rows, DIM, accumulate=adds)
            used |= {(False, other), (True, third)} | (set() if weights is None else {(False, block)})
        else:
            operations.append(store(DIM * block, end, DIM, DIM))
            used.add((True, block))
            end += 4 * DIM * DIM
    return [*operations, *(store(DIM * i, end + 4 * DIM * DIM * i, DIM, DIM) for i in range(blocks))]


def random_case(seed: int) -> None:
    generator = random.Random(seed)
    memory = replace(
        MemorySettings.of(generator.choice(MEMORIES)),
        seed=1 + seed % 1000,
        host_cycles=0,
        latency_cycles=generator.choice([1, 7, 40]),
        stall_permille=generator.choice([0, 300]),
    )
    check(random_operations(generator), memory)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_random_operations_on_few_rows_leave_the_same_memory_as_one_after_another(seed: int) -> None:
    random_case(seed)


@pytest.mark.long
@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=2000)
def test_many_random_operations_on_few_rows_leave_the_same_memory_as_one_after_another(seed: int) -> None:
    random_case(seed)
