"""Tasks that ask in step: places are answered together, and none waits for one that has ended."""

import pytest

from learned.in_step import Ask, in_step


def _asks(places: list[int]) -> object:
    def task(ask: Ask[int, int]) -> list[int]:
        return [ask(place) for place in places]

    return task


def _squares(seen: list[dict[int, int]]) -> object:
    def evaluate(asked: dict[int, int]) -> dict[int, int]:
        seen.append(asked)
        return {number: place**2 for number, place in asked.items()}

    return evaluate


def test_all_that_still_run_are_answered_together() -> None:
    seen: list[dict[int, int]] = []
    found = in_step(_squares(seen), [_asks([1, 2, 3]), _asks([]), _asks([4])])
    assert found == [[1, 4, 9], [], [16]]
    assert seen == [{0: 1, 2: 4}, {0: 2}, {0: 3}]


def test_no_tasks_give_nothing() -> None:
    assert in_step(_squares([]), []) == []


def test_what_a_task_raises_is_raised_when_the_others_have_ended() -> None:
    def fails(ask: Ask[int, int]) -> list[int]:
        ask(5)
        raise ValueError("no constants")

    seen: list[dict[int, int]] = []
    with pytest.raises(ValueError, match="no constants"):
        in_step(_squares(seen), [_asks([1, 2]), fails])
    assert seen == [{0: 1, 1: 5}, {0: 2}]


def test_what_the_evaluation_raises_ends_all_tasks() -> None:
    def evaluate(asked: dict[int, int]) -> dict[int, int]:
        raise ArithmeticError(f"{len(asked)} places")

    with pytest.raises(ArithmeticError, match="2 places"):
        in_step(evaluate, [_asks([1]), _asks([2])])
