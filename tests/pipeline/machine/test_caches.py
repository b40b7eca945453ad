"""Misses of the view's cache against a simulated one with random replacement."""

import random
from itertools import product

import pytest
import torch

from pipeline.machine.caches import gone_rate, left_by_warming
from pipeline.machine.gemmini.cache import occupied_sets

LINES = 1024
WAYS = 8


class SimulatedCache:
    """Sets of ways, random replacement."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sets: list[list[int]] = [[] for _ in range(LINES // WAYS)]

    def touch(self, line: int) -> bool:
        """Whether the line misses."""
        ways = self.sets[line % len(self.sets)]
        if line in ways:
            return False
        if len(ways) < WAYS:
            ways.append(line)
        else:
            ways[self.random.randrange(WAYS)] = line
        return True


def _rate(new: float, again: float, crowd: float = 0.0) -> float:
    one = torch.tensor([1.0], dtype=torch.float64)
    return float(gone_rate(new * one, again * one, crowd * one)[0])


@pytest.mark.parametrize(("new", "again"), [(0, 1500), (0, 2048), (0, 700), (200, 400), (600, 300), (1500, 100)])
def test_lines_of_a_loop_miss_as_often_as_in_a_simulated_cache(new: int, again: int) -> None:
    cache, turns, missed = SimulatedCache(0), 14, 0
    for turn in range(turns):
        for line in range(again):
            missed += cache.touch(line) and turn >= turns // 2
        for line in range(new):
            cache.touch(again + turn * new + line)
    expected = missed / (again * (turns - turns // 2))
    assert _rate(new / LINES, again / LINES) == pytest.approx(expected, abs=0.06)


def test_rows_that_share_few_sets_miss_more() -> None:
    """Every fourth line only, so a quarter of the sets."""
    cache, missed = SimulatedCache(1), 0
    for turn in range(14):
        for line in range(400):
            missed += cache.touch(4 * line) and turn >= 7
    assert _rate(0.0, 400 / LINES, crowd=3.0) == pytest.approx(missed / (400 * 7), abs=0.06)
    assert _rate(0.0, 400 / LINES) < 1e-12


def test_what_warming_leaves_agrees_with_a_simulated_cache() -> None:
    sizes = (1000, 700, 900, 0)
    cache = SimulatedCache(2)
    for line in range(sum(sizes)):
        cache.touch(line)
    inside = {line for ways in cache.sets for line in ways}
    size = torch.tensor(sizes, dtype=torch.float64).unsqueeze(1) * 64
    left = left_by_warming(size, LINES * 64 / 1024).squeeze(1)
    start = 0
    for lines, part in zip(sizes[:3], left[:3].tolist(), strict=True):
        assert part == pytest.approx(len(inside & set(range(start, start + lines))) / lines, abs=0.04)
        start += lines


def test_all_of_a_small_memory_is_left() -> None:
    assert torch.equal(left_by_warming(torch.tensor([[640.0], [6400.0], [64.0], [0.0]]), 512)[:3], torch.ones(3, 1))


SETS = 64


@pytest.mark.parametrize(
    ("row", "loops"),
    [
        (32, ((8, 256),)),
        (32, ((64, 256), (9, 256 * 64))),  # taps a whole number of ways apart
        (64, ((4, 64),)),
        (16, ((7, 16), (5, 7 * 16))),  # rows that follow each other
        (128, ((3, 4096), (2, 1024))),
        (36, ((100, 36),)),
        (64, ((3, 192), (4, 5 * 192))),
    ],
)
def test_rows_occupy_as_many_sets_as_their_addresses_fall_into(row: int, loops: tuple[tuple[int, int], ...]) -> None:
    starts = [sum(at) for at in product(*([pitch * turn for turn in range(turns)] for turns, pitch in loops))]
    sets = {byte // 64 % SETS for start in starts for byte in range(start, start + row)}
    turns, pitch = torch.tensor(loops, dtype=torch.float64).T
    found = float(occupied_sets(torch.tensor(float(row)), turns, pitch, SETS))
    assert found == pytest.approx(len(sets), rel=0.15)


@pytest.mark.parametrize("turns", [2, 9])
def test_a_loop_over_lines_a_way_apart_adds_no_set(turns: int) -> None:
    pitch = torch.tensor([64.0, 64.0 * SETS])
    assert float(occupied_sets(torch.tensor(64.0), torch.tensor([5.0, turns]), pitch, SETS)) == 5
