"""Which accesses to the local memories get in each other's way, at both ends of every bank."""

from dataclasses import replace

import pytest

from sim.memory import MemorySettings
from tests.rtl.operations import Operation, load, multiply, run, store
from tests.sim.random_tasks import DESIGNS
from tests.sim.test_programs import simulation_of

HARDWARE = DESIGNS[1]
DIM = HARDWARE.dim
SETTINGS = replace(MemorySettings.of("simple"), host_cycles=0)
SCRATCHPAD_BANK, ACCUMULATOR_BANK = HARDWARE.scratchpad_rows // 4, HARDWARE.accumulator_rows // 2
ENDS = ["first", "last"]

pytestmark = pytest.mark.xdist_group("rtl")


def rows_of(bank: int, end: str, bank_rows: int, count: int = DIM) -> int:
    """The first of ``count`` rows at one end of a bank."""
    return bank * bank_rows + (0 if end == "first" else bank_rows - count)


def cycles(operations: list[Operation]) -> int:
    return run(simulation_of(HARDWARE, "timing"), operations, SETTINGS)


def pairs(
    count: int, inputs: int, *, weights: int | None, result: int = 0, accumulate: bool = False
) -> list[Operation]:
    """``count`` pairs of DIM input rows; without ``weights`` they keep those of a pair before them."""
    other_bank = (inputs + 2 * SCRATCHPAD_BANK) % HARDWARE.scratchpad_rows
    operations = [] if weights is not None else multiply(inputs, other_bank, 0, DIM, DIM, accumulate=False)
    for _ in range(count):
        operations += multiply(inputs, weights, result, DIM, DIM, accumulate=accumulate)
    return operations


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("inputs", range(4))
@pytest.mark.parametrize("weights", range(4))
def test_an_input_and_a_weight_of_one_bank_take_two_cycles(inputs: int, weights: int, end: str) -> None:
    input_row = rows_of(inputs, end, SCRATCHPAD_BANK)
    weight_row = rows_of(weights, end, SCRATCHPAD_BANK)
    short, long = (cycles(pairs(count, input_row, weights=weight_row)) for count in (10, 30))
    assert long - short == 20 * DIM * (2 if inputs == weights else 1)


def zero_loads(row: int, *, acc: bool = False) -> list[Operation]:
    """Loads that write a row a cycle and read no memory."""
    return [load(row, 0, DIM, DIM, zeros=True, acc=acc) for _ in range(8)]


def beside(bank: int, end: str, bank_rows: int) -> int:
    """DIM rows next to those at one end of a bank: operations on the same rows would wait for each other."""
    return rows_of(bank, end, bank_rows, 2 * DIM) + (DIM if end == "first" else 0)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("read", range(4))
@pytest.mark.parametrize("written", range(4))
def test_a_write_delays_reads_of_its_own_bank_only(read: int, written: int, end: str) -> None:
    input_row = rows_of(read, end, SCRATCHPAD_BANK)
    compute = pairs(6, input_row, weights=None)
    rows = (beside(bank, end, SCRATCHPAD_BANK) for bank in (written, (read + 1) % 4))
    after, alone = (cycles([*compute, *zero_loads(row)]) for row in rows)
    assert (after > alone) == (read == written)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("read", range(2))
@pytest.mark.parametrize("result", range(2))
def test_a_store_waits_for_results_that_are_added_in_its_bank_only(
    result: int, read: int, accumulate: bool, end: str
) -> None:
    result_row = rows_of(result, end, ACCUMULATOR_BANK)
    compute = pairs(6, 0, weights=None, result=result_row, accumulate=accumulate)
    rows = (beside(bank, end, ACCUMULATOR_BANK) for bank in (read, 1 - result))
    after, alone = (cycles([*compute, *(store(row, 0, DIM, DIM) for _ in range(4))]) for row in rows)
    assert (after > alone) == (accumulate and read == result)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("written", range(2))
@pytest.mark.parametrize("result", range(2))
def test_a_load_waits_for_results_that_enter_its_bank_only(result: int, written: int, end: str) -> None:
    compute = pairs(6, 0, weights=None, result=rows_of(result, end, ACCUMULATOR_BANK))
    rows = (beside(bank, end, ACCUMULATOR_BANK) for bank in (written, 1 - result))
    after, alone = (cycles([*compute, *zero_loads(row, acc=True)]) for row in rows)
    assert (after > alone) == (written == result)
