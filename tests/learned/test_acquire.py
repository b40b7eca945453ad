"""What is chosen to be measured next."""

import math
from itertools import combinations

import torch

from learned import acquire
from learned.calibration import NOISE
from pipeline.machine.latency import Latency

CYCLES = torch.tensor([5.0, 3.0, 9.0, 2.0, 8.0, 1.0], dtype=torch.float64)
STD = torch.tensor([1.0, 1.5, 4.0, 0.1, 1.0, 0.1], dtype=torch.float64)
ANY = torch.full_like(CYCLES, torch.inf)


def test_the_least_known_in_relation_to_its_cycles_is_chosen() -> None:
    assert acquire.most_uncertain(Latency(CYCLES, STD), ANY, 2).tolist() == [1, 2]


def test_surely_slow_candidates_are_not_measured() -> None:
    limit = 1.7 * torch.tensor([5.0, 1.0, 5.0, 1.0, 5.0, 1.0], dtype=torch.float64)
    assert acquire.most_uncertain(Latency(CYCLES, STD), limit, 9).tolist() == [0, 4, 5]


def test_without_uncertainty_the_fastest_in_relation_to_their_limit_are_chosen() -> None:
    limit = torch.tensor([6.0, 6.0, 8.0, 3.0, 9.0, 1.1], dtype=torch.float64)
    assert acquire.most_uncertain(Latency(CYCLES), limit, 3).tolist() == [1, 3, 0]


def information(slopes: torch.Tensor, covariance: torch.Tensor, rows: tuple[int, ...]) -> float:
    """Logarithm of how much rows shrink the volume of what the constants may be."""
    told = slopes[list(rows)]
    return float(torch.logdet(torch.linalg.inv(covariance) + told.T @ told / NOISE**2))


def test_a_candidate_counts_for_what_those_before_it_did_not_tell() -> None:
    generator = torch.Generator().manual_seed(0)
    covariance = 0.02 * torch.eye(3, dtype=torch.float64)
    for _ in range(20):
        slopes = torch.randn(9, 3, generator=generator, dtype=torch.float64)
        constants = acquire.Constants(slopes, covariance)
        even = Latency(torch.ones(9, dtype=torch.float64), torch.full((9,), 1e-3, dtype=torch.float64))
        chosen = tuple(acquire.most_uncertain(even, ANY.new_full((9,), math.inf), 3, constants).tolist())
        values = {rows: information(slopes, covariance, rows) for rows in combinations(range(9), 3)}
        gained = {rows: value - information(slopes, covariance, ()) for rows, value in values.items()}
        # Greedy choices of a submodular gain reach 1 - 1/e of the best.
        assert gained[tuple(sorted(chosen))] >= (1 - 1 / math.e) * max(gained.values())
        assert values[tuple(sorted(chosen))] > sorted(values.values())[len(values) // 2]


def test_a_constant_that_is_known_makes_no_candidate_interesting() -> None:
    slopes = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    known = acquire.Constants(slopes, torch.diag(torch.tensor([1e-9, 0.02], dtype=torch.float64)))
    even = Latency(torch.ones(2, dtype=torch.float64), torch.full((2,), 0.05, dtype=torch.float64))
    assert acquire.most_uncertain(even, ANY[:2], 2, known).tolist() == [1, 0]
