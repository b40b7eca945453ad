"""From int32 sums to int8 outputs: every shift with and without ReLU, against exact fractions."""

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


def rounded(value: int, shift: int, relu: bool) -> int:
    """Python rounds fractions to the nearest integer, halves to the even one."""
    nearest = round(Fraction(value, 1 << shift))
    return max(-128, min(127, max(nearest, 0) if relu else nearest))


def corner_sums(shift: int) -> list[int]:
    """Sums around halves, whole steps and the ends of int8, and the ends of int32."""
    step, half = 1 << shift, (1 << shift) >> 1
    near = {k * step + side * half + off for k in (-3, -2, -1, 0, 1, 2, 3) for side in (0, 1) for off in (-1, 0, 1)}
    # Bits below the half that only a sticky bit over all of them sees.
    near |= {k * step + half + (1 << bit) for k in (0, 1, -1, -2) for bit in range(max(0, shift - 1))}
    ends = {k * step + side * half + off for k in (-129, -128, 126, 127, 128) for side in (0, 1) for off in (-1, 0, 1)}
    limits = {-(2**31), -(2**31) + 1, 2**31 - 2, 2**31 - 1}
    return sorted(value for value in near | ends | limits if -(2**31) <= value < 2**31)


@pytest.mark.parametrize("relu", [False, True], ids=["plain", "relu"])
@pytest.mark.parametrize("shift", range(32))
def test_sums_are_rounded_half_to_even_clipped_and_rectified(shift: int, relu: bool) -> None:
    sums = corner_sums(shift)
    sums += [0] * (-len(sums) % (DIM * DIM))
    blocks = len(sums) // (DIM * DIM)
    memory = np.zeros(8192, dtype=np.uint8)
    memory[: 4 * len(sums)] = np.array(sums, dtype=np.int32).view(np.uint8)
    out = 4096
    operations = [load(DIM * i, 4 * DIM * DIM * i, DIM, DIM, acc=True) for i in range(blocks)]
    operations += [store(DIM * i, out + DIM * DIM * i, DIM, DIM, wide=False) for i in range(blocks)]
    run(simulation_of(HARDWARE, "full"), operations, SETTINGS, memory, shift=shift, relu=int(relu))
    found = memory[out : out + len(sums)].view(np.int8)
    wrong = {value: int(got) for value, got in zip(sums, found, strict=True) if got != rounded(value, shift, relu)}
    assert not wrong
