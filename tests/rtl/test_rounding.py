"""From int32 sums to int8 outputs: every shift, multipliers of a table, zero point and bounds, as exact fractions."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from sim.memory import MemorySettings
from tests.rtl.operations import load, run, store
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_programs import simulation_of

HARDWARE = DESIGNS[1]
DIM = HARDWARE.dim
SETTINGS = replace(MemorySettings.of("simple"), host_cycles=0, latency_cycles=1)

pytestmark = pytest.mark.xdist_group("rtl")


def rounded(value: int, shift: int, multiplier: int = 1, zero: int = 0, low: int = -128, high: int = 127) -> int:
    """Python rounds fractions to the nearest integer, halves to the even one."""
    return max(low, min(high, round(Fraction(value * multiplier, 1 << shift)) + zero))


def corner_sums(shift: int) -> list[int]:
    """Sums around halves, whole steps and the ends of int8, and the ends of int32."""
    step, half = 1 << shift, (1 << shift) >> 1
    near = {k * step + side * half + off for k in (-3, -2, -1, 0, 1, 2, 3) for side in (0, 1) for off in (-1, 0, 1)}
    # Bits below the half that only a sticky bit over all of them sees.
    near |= {k * step + half + (1 << bit) for k in (0, 1, -1, -2) for bit in range(max(0, shift - 1))}
    ends = {k * step + side * half + off for k in (-129, -128, 126, 127, 128) for side in (0, 1) for off in (-1, 0, 1)}
    limits = {-(2**31), -(2**31) + 1, 2**31 - 2, 2**31 - 1}
    return sorted(value for value in near | ends | limits if -(2**31) <= value < 2**31)


@pytest.mark.parametrize("low", [-128, 0], ids=["plain", "relu"])
@pytest.mark.parametrize("shift", range(32))
def test_sums_are_rounded_half_to_even_and_clipped(shift: int, low: int) -> None:
    sums = corner_sums(shift)
    sums += [0] * (-len(sums) % (DIM * DIM))
    blocks = len(sums) // (DIM * DIM)
    memory = np.zeros(8192, dtype=np.uint8)
    memory[: 4 * len(sums)] = np.array(sums, dtype=np.int32).view(np.uint8)
    out = 4096
    operations = [load(DIM * i, 4 * DIM * DIM * i, DIM, DIM, acc=True) for i in range(blocks)]
    operations += [store(DIM * i, out + DIM * DIM * i, DIM, DIM, wide=False) for i in range(blocks)]
    run(simulation_of(HARDWARE, "full"), operations, SETTINGS, memory, shift=shift, low=low & 255)
    found = memory[out : out + len(sums)].view(np.int8)
    wrong = {value: int(got) for value, got in zip(sums, found, strict=True) if got != rounded(value, shift, low=low)}
    assert not wrong


def near_steps(multiplier: int, shift: int) -> list[int]:
    """Sums whose products lie around halves and whole steps, and the ends of int32."""
    steps = [(k << shift) + side * (1 << shift) // 2 for k in (-130, -3, 0, 1, 2, 127, 130) for side in (0, 1)]
    sums = {step // max(1, multiplier) + off for step in steps for off in (-1, 0, 1)}
    return sorted(value for value in sums | {-(2**31), 2**31 - 1} if -(2**31) <= value < 2**31)


@pytest.mark.parametrize(("zero", "low", "high"), [(0, -128, 127), (-128, -128, 127), (127, -100, 127), (3, 3, 90)])
@pytest.mark.parametrize(
    ("multiplier", "shift"), [(1, 0), (1 << 23, 24), (1 << 23, 30), (12345678, 40), ((1 << 24) - 1, 63), (3, 1), (0, 5)]
)
def test_products_with_a_multiplier_are_rounded_shifted_and_clipped(
    multiplier: int, shift: int, zero: int, low: int, high: int
) -> None:
    sums = near_steps(multiplier, shift)
    sums += [0] * (-len(sums) % (DIM * DIM))
    blocks = len(sums) // (DIM * DIM)
    memory = np.zeros(8192, dtype=np.uint8)
    memory[: 4 * len(sums)] = np.array(sums, dtype=np.int32).view(np.uint8)
    scales, out, row = 2048, 4096, 5
    memory[scales : scales + 4 * DIM] = np.full(DIM, multiplier | shift << 24, np.uint32).view(np.uint8)
    operations = [load(HARDWARE.accumulator_rows + row, scales, 1, DIM, acc=True)]
    operations += [load(DIM * i, 4 * DIM * DIM * i, DIM, DIM, acc=True) for i in range(blocks)]
    operations += [
        store(DIM * i, out + DIM * DIM * i, DIM, DIM, wide=False) | {"result_row": row} for i in range(blocks)
    ]
    config = {"scaled": 1, "zero": zero & 255, "low": low & 255, "high": high & 255}
    run(simulation_of(HARDWARE, "full"), operations, SETTINGS, memory, **config)
    found = memory[out : out + len(sums)].view(np.int8)
    expected = [rounded(value, shift, multiplier, zero, low, high) for value in sums]
    assert found.tolist() == expected
