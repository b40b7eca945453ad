"""Several minimisations in step: the places that they ask for next are evaluated together.

A timing takes about as long for one row as for a thousand, and a minimiser asks for one place after the other. So each
runs in a thread of its own and waits until all others that still run have asked too.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

P = TypeVar("P")
R = TypeVar("R")
T = TypeVar("T")
Ask = Callable[[P], R]
Task = Callable[[Ask[P, R]], T]


class _EndedError(Exception):
    """Ends a thread whose answer will not come."""


@dataclass(slots=True)
class _Exchange(Generic[P, R]):
    """Questions from the threads of ``count`` tasks, and the answers to them."""

    count: int
    asked: SimpleQueue[tuple[int, P | None]] = field(default_factory=SimpleQueue)
    """Numbers and places; None from a task that has ended."""
    answers: list[SimpleQueue[R | _EndedError]] = field(init=False)

    def __post_init__(self) -> None:
        self.answers = [SimpleQueue() for _ in range(self.count)]

    def ask(self, number: int, place: P) -> R:
        """What was found at a place."""
        self.asked.put((number, place))
        answer = self.answers[number].get()
        if isinstance(answer, _EndedError):
            raise answer
        return answer

    def run(self, number: int, task: Task[P, R, T]) -> T:
        """A task to its end."""
        try:
            return task(partial(self.ask, number))
        finally:
            self.asked.put((number, None))

    def serve(self, evaluate: Callable[[dict[int, P]], dict[int, R]]) -> None:
        """Answer until all tasks have ended."""
        running, places = self.count, dict[int, P]()
        while running:
            number, place = self.asked.get()
            if place is None:
                running -= 1
            else:
                places[number] = place
            if places and len(places) == running:
                found = evaluate(dict(sorted(places.items())))
                for number, answer in found.items():
                    self.answers[number].put(answer)
                places = {}


def in_step(evaluate: Callable[[dict[int, P]], dict[int, R]], tasks: Sequence[Task[P, R, T]]) -> list[T]:
    """What ``tasks`` return. Each is called with a function that gives it the answer for a place.

    ``evaluate`` answers the places of all tasks that still run, by their numbers, in the calling thread. What it
    raises ends all tasks and is raised; so is, in the end, what a task raises.
    """
    exchange: _Exchange[P, R] = _Exchange(len(tasks))
    with ThreadPoolExecutor(max(1, len(tasks))) as pool:
        running = [pool.submit(exchange.run, number, task) for number, task in enumerate(tasks)]
        try:
            exchange.serve(evaluate)
        except BaseException:
            for answer in exchange.answers:
                answer.put(_EndedError())
            raise
        return [task.result() for task in running]
