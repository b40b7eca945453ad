"""Additions and max poolings on the RTL against the golden model: both designs, both builds, counters of traffic."""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.choices import MEMORIES
from pipeline.hardware import Hardware
from sim.compiler import ProgramError, compile_operator, operators
from sim.elementwise import LINE_BYTES, Addition, Term, compile_addition
from sim.golden import Int8, operate
from sim.memory import MemorySettings
from sim.pooling import MaxPool, compile_max_pool
from tests.machines import GEMMINI
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_quantised import built

HARDWARE = DESIGNS[1]
Counts = dict[str, int]


def random_addition(generator: random.Random, most: int) -> Addition:
    """Multipliers and a shift with which results use int8 and saturate at times."""
    left, right = (generator.choice([generator.randrange(2**22), generator.randrange(1, 2**8)]) for _ in range(2))
    shift = max(0, min(31, max(left, right).bit_length() + generator.choice([-2, 0, 1])))
    low, high = sorted(generator.sample([-128, -90, -3, 0, 5, 80, 127], 2))
    zeros = [generator.randint(-128, 127) for _ in range(3)]
    return Addition(generator.randint(1, most), Term(left, zeros[0]), Term(right, zeros[1]), shift, zeros[2], low, high)


def random_pool(generator: random.Random, hardware: Hardware) -> MaxPool:
    """Windows, padding and strides of all kinds; all of its windows touch the image."""
    window, stride, pads, image, outputs = [], [], [], [], []
    for _ in range(2):
        window.append(generator.randint(1, 4))
        stride.append(generator.randint(1, 4))
        pads.append(generator.randrange(window[-1]))
        image.append(generator.randint(1, 14))
        last = image[-1] - 1 + pads[-1] + generator.choice([0, 0, 1 - window[-1]])
        outputs.append(max(0, last) // stride[-1] + 1)
    channels = generator.choice([1, hardware.dim - 1, hardware.dim, hardware.dim + 1, 3, 64, 70])
    low, high = generator.choice([(-128, 127), (-128, 127), (-20, 50)])
    pairs = [(values[0], values[1]) for values in (image, window, stride, pads, outputs)]
    return MaxPool(generator.randint(1, 2), pairs[0], max(1, channels), *pairs[1:], low, high)


def run(operator: Addition | MaxPool, operands: Sequence[Int8], hardware: Hardware, name: str, seed: int) -> Counts:
    """The counters; every byte of the result is right, and both builds count the same."""
    generator = random.Random(seed)
    simulations, design = built(name, hardware)
    places = (None,) * len(operands)
    program = compile_operator(design.compiler, operator, hardware, first_byte=LINE_BYTES, places=places)
    memory = program.memory_image(operands)
    memory_settings = replace(
        MemorySettings.of(generator.choice(MEMORIES)),
        seed=generator.randrange(1, 1000),
        stall_permille=generator.choice([0, 0, 100, 400]),
        latency_cycles=generator.choice([1, 7, 40, 100]),
        cache_kib=generator.choice([1, 512]),
        host_cycles=generator.choice([0, 13, 600]),
    )
    counts = {}
    for datapath, simulation in simulations.items():
        contents = memory if datapath == "full" else None
        simulation.load(program.commands, contents, program.memory_bytes, memory_settings)
        assert simulation.run_until_done()
        assert simulation.error == "", operator
        counts[datapath] = simulation.io.cycles_o, simulation.io.counters_o
    np.testing.assert_array_equal(program.read_output(memory), operate(operator, operands), err_msg=repr(operator))
    assert counts["timing"] == counts["full"]
    return {name: counts["full"][1] >> (64 * i) & (2**64 - 1) for i, name in enumerate(design.counters)}


def check_addition(seed: int, hardware: Hardware, name: str) -> None:
    generator = random.Random(seed)
    addition = random_addition(generator, 4 * hardware.accumulator_rows * hardware.dim)
    operands = np.random.default_rng(seed).integers(-128, 128, (2, addition.elements), dtype=np.int8)
    counts = run(addition, list(operands), hardware, name, seed)
    moved = -(-addition.elements // LINE_BYTES) * LINE_BYTES
    assert counts["dram_read_bytes"] == counts["accumulator_write_words"] == 2 * moved
    assert counts["dram_write_bytes"] == moved
    assert counts["accumulator_read_words"] == 2 * moved


def check_pool(seed: int, hardware: Hardware, name: str) -> None:
    pool = random_pool(random.Random(seed), hardware)
    image = np.random.default_rng(seed).integers(-128, 128, pool.input_shape, dtype=np.int8)
    counts = run(pool, [image], hardware, name, seed)
    assert counts["dram_write_bytes"] == pool.results
    assert counts["accumulator_read_words"] == pool.results * pool.window[0] * pool.window[1]


@pytest.mark.xdist_group("rtl")
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30, derandomize=True)
def test_an_addition_is_bit_exact(seed: int) -> None:
    check_addition(seed, HARDWARE, "gemmini")


@pytest.mark.xdist_group("rtl")
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_a_max_pooling_is_bit_exact(seed: int) -> None:
    check_pool(seed, HARDWARE, "gemmini")


@pytest.mark.xdist_group("gemmini_commands")
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=15, derandomize=True)
def test_a_max_pooling_of_a_host_without_loop_unrollers_is_bit_exact(seed: int) -> None:
    check_pool(seed, HARDWARE, "gemmini_commands")


@pytest.mark.xdist_group("gemmini_commands")
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=15, derandomize=True)
def test_an_addition_of_a_host_without_loop_unrollers_is_bit_exact(seed: int) -> None:
    check_addition(seed, HARDWARE, "gemmini_commands")


@pytest.mark.long
@pytest.mark.xdist_group("rtl")
@pytest.mark.parametrize(
    "hardware", [*DESIGNS, *(GEMMINI.template.hardware(dim, 64, 64) for dim in (32, 64))],
    ids=lambda hardware: f"dim {hardware.dim}",
)  # fmt: skip
def test_operators_are_bit_exact_at_any_size_of_the_array(hardware: Hardware) -> None:
    for seed in range(60):
        check_addition(seed, hardware, "gemmini")
        check_pool(seed, hardware, "gemmini")


@pytest.mark.xdist_group("rtl")
def test_a_large_addition_is_bound_by_the_bus() -> None:
    hardware = GEMMINI.default_hardware
    lines = 4096
    addition = Addition(lines * LINE_BYTES, Term(1, 0), Term(1, 0), 1)
    program = compile_addition(addition, hardware, host_cycles=8)
    simulation = built("gemmini", hardware)[0]["timing"]
    simulation.load(program.commands, None, program.memory_bytes, MemorySettings.of("simple"))
    assert simulation.run_until_done()
    beats = 3 * lines * LINE_BYTES // 16
    assert beats < simulation.io.cycles_o < 1.1 * beats


def test_an_accumulator_that_holds_no_line_is_refused() -> None:
    hardware = GEMMINI.template.hardware(2, 4, 0.125)
    with pytest.raises(ProgramError, match="half of an accumulator of 16 rows"):
        compile_addition(Addition(10, Term(1, 0), Term(1, 0), 0), hardware)


@pytest.mark.xdist_group("rtl")
def test_a_large_pooling_takes_as_long_as_its_windows_have_rows() -> None:
    pool = MaxPool(1, (112, 112), 64, (3, 3), (2, 2), (1, 1), (56, 56))
    program = compile_max_pool(pool, GEMMINI.default_hardware, host_cycles=8)
    image = np.random.default_rng(0).integers(-128, 128, pool.input_shape, dtype=np.int8)
    memory = program.memory_image([image])
    simulation = built("gemmini", GEMMINI.default_hardware)[0]["full"]
    simulation.load(program.commands, memory, program.memory_bytes, MemorySettings.of("simple"))
    assert simulation.run_until_done()
    np.testing.assert_array_equal(program.read_output(memory), operate(pool, [image]))
    rows = 56 * 56 * 9 * 64 // 16
    assert rows < simulation.io.cycles_o < 1.1 * rows


def test_a_window_that_the_accumulator_does_not_hold_is_refused() -> None:
    pool = MaxPool(1, (40, 40), 4, (30, 30), (1, 1), (0, 0), (11, 11))
    with pytest.raises(ProgramError, match="half of an accumulator of 256 rows does not hold a window of 30 x 30"):
        compile_max_pool(pool, HARDWARE)


def test_designs_say_which_operators_they_have() -> None:
    found = {name: operators(built(name, HARDWARE)[1].compiler) for name in ("gemmini", "gemmini_commands")}
    assert found == {name: {"addition", "max_pool"} for name in ("gemmini", "gemmini_commands")}
