"""What is chosen to be measured next."""

import torch

from learned import acquire
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
