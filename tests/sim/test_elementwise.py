"""Additions of whole tensors on the RTL against the golden model: both designs, both builds, counters of traffic."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.choices import MEMORIES
from pipeline.hardware import Hardware
from sim.compiler import ProgramError, compile_operator, operators
from sim.elementwise import LINE_BYTES, Addition, Term, compile_addition
from sim.golden import add
from sim.memory import MemorySettings
from tests.machines import GEMMINI
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_quantised import built

HARDWARE = DESIGNS[1]


def random_settings(generator: random.Random) -> MemorySettings:
    return replace(
        MemorySettings.of(generator.choice(MEMORIES)),
        seed=generator.randrange(1, 1000),
        stall_permille=generator.choice([0, 0, 100, 400]),
        latency_cycles=generator.choice([1, 7, 40, 100]),
        cache_kib=generator.choice([1, 512]),
        host_cycles=generator.choice([0, 13, 600]),
    )


def random_addition(generator: random.Random, most: int) -> Addition:
    """Multipliers and a shift with which results use int8 and saturate at times."""
    left, right = (generator.choice([generator.randrange(2**22), generator.randrange(1, 2**8)]) for _ in range(2))
    shift = max(0, min(31, max(left, right).bit_length() + generator.choice([-2, 0, 1])))
    low, high = sorted(generator.sample([-128, -90, -3, 0, 5, 80, 127], 2))
    zeros = [generator.randint(-128, 127) for _ in range(3)]
    return Addition(generator.randint(1, most), Term(left, zeros[0]), Term(right, zeros[1]), shift, zeros[2], low, high)


def check(seed: int, hardware: Hardware, name: str) -> None:
    generator = random.Random(seed)
    simulations, design = built(name, hardware)
    addition = random_addition(generator, 4 * hardware.accumulator_rows * hardware.dim)
    program = compile_operator(
        design.compiler, "addition", addition, hardware, first_byte=LINE_BYTES, places=(None, None)
    )
    operands = np.random.default_rng(seed).integers(-128, 128, (2, addition.elements), dtype=np.int8)
    memory = program.memory_image(operands)
    memory_settings = random_settings(generator)
    counts = {}
    for datapath, simulation in simulations.items():
        contents = memory if datapath == "full" else None
        simulation.load(program.commands, contents, program.memory_bytes, memory_settings)
        assert simulation.run_until_done()
        assert simulation.error == "", addition
        counts[datapath] = simulation.io.cycles_o, simulation.io.counters_o
    np.testing.assert_array_equal(program.read_output(memory), add(addition, *operands))
    assert counts["timing"] == counts["full"]
    values = {name: counts["full"][1] >> (64 * i) & (2**64 - 1) for i, name in enumerate(design.counters)}
    moved = -(-addition.elements // LINE_BYTES) * LINE_BYTES
    assert values["dram_read_bytes"] == values["accumulator_write_words"] == 2 * moved
    assert values["dram_write_bytes"] == moved
    assert values["accumulator_read_words"] == 2 * moved


@pytest.mark.xdist_group("rtl")
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30, derandomize=True)
def test_an_addition_is_bit_exact(seed: int) -> None:
    check(seed, HARDWARE, "gemmini")


@pytest.mark.xdist_group("gemmini_commands")
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=15, derandomize=True)
def test_an_addition_of_a_host_without_loop_unrollers_is_bit_exact(seed: int) -> None:
    check(seed, HARDWARE, "gemmini_commands")


@pytest.mark.long
@pytest.mark.xdist_group("rtl")
@pytest.mark.parametrize(
    "hardware", [*DESIGNS, *(GEMMINI.template.hardware(dim, 64, 64) for dim in (32, 64))],
    ids=lambda hardware: f"dim {hardware.dim}",
)  # fmt: skip
def test_an_addition_is_bit_exact_at_any_size_of_the_array(hardware: Hardware) -> None:
    for seed in range(60):
        check(seed, hardware, "gemmini")


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


def test_designs_say_which_operators_they_have() -> None:
    found = {name: operators(built(name, HARDWARE)[1].compiler) for name in ("gemmini", "gemmini_commands")}
    assert found == {"gemmini": {"addition"}, "gemmini_commands": {"addition"}}
