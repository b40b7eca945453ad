"""The way of operations through reservation station, execute controller and array, cycle by cycle: an oracle.

It knows what ``issue_queue``, ``execute_controller`` and ``array_controller`` do, not the formulas of the view.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field

READ_PIPE = 5
QUEUE = 8
BLOCKS = 12

Operation = tuple[str, int]
"""A preload and the rows of its weights, or a compute and its rows."""


@dataclass(frozen=True)
class Slot:
    rows: int
    has_result: bool
    completes: bool


@dataclass(frozen=True)
class Fed:
    """A row in the read pipe."""

    first: bool
    last: bool
    slot: Slot


def cycles_of_blocks(dim: int, entries: int, array_slots: int, rows: list[int]) -> float:
    """Cycles that a block of weights takes in steady state whose computes have ``rows``."""
    few, many = (_Path(dim, entries, array_slots).run(rows, blocks) for blocks in (BLOCKS, 2 * BLOCKS))
    return (many - few) / BLOCKS


@dataclass
class _Path:
    dim: int
    entries: int
    array_slots: int
    now: int = 0
    held: int = 0
    left: int = 0
    freed: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    station: deque[tuple[int, Operation]] = field(default_factory=deque)
    queue: deque[Operation] = field(default_factory=deque)
    slot: Slot | None = None
    row: int = 0
    pipe: list[Fed | None] = field(default_factory=lambda: [None] * READ_PIPE)
    tags: deque[bool] = field(default_factory=deque)
    leaving: dict[int, bool] = field(default_factory=dict)
    """Whether the row that leaves the array in a cycle is its slot's last."""
    started: bool = False

    def run(self, rows: list[int], blocks: int) -> int:
        """The cycle in which the last result has left."""
        operations = deque(self._operations(rows) * blocks)
        self.left = len(operations)
        while self.left:
            self.held -= self.freed.pop(self.now, 0)
            room = len(self.tags) < self.array_slots
            self._leave()
            free = self._feed(self._move(room))
            full = len(self.queue) == QUEUE
            if free and self.queue:
                self._take()
            if self.station and self.station[0][0] <= self.now and not full:
                self.queue.append(self.station.popleft()[1])
            if operations and self.held < self.entries:
                self.held += 1
                self.station.append((self.now + 1, operations.popleft()))
            self.now += 1
        return self.now

    def _operations(self, rows: list[int]) -> list[Operation]:
        first, *others = [("compute", count) for count in rows]
        return [("preload", self.dim), first, *(one for other in others for one in (("preload", 0), other))]

    def _complete(self, after: int) -> None:
        self.freed[self.now + after] += 1
        self.left -= 1

    def _leave(self) -> None:
        """A row leaves the array; the rows of the first slot are no result."""
        if self.leaving.pop(self.now, False):
            if self.started and self.tags.popleft():
                self._complete(2)
            self.started = True

    def _move(self, room: bool) -> bool:
        """Rows move through the read pipe and into the array; whether the first stage is free."""
        head = self.pipe[-1]
        if head is not None and (room or not head.first):
            if head.first:
                self.tags.append(head.slot.has_result)
            self.leaving[self.now + 2 * self.dim + 2] = head.last
            self.pipe[-1] = None
        for stage in reversed(range(1, READ_PIPE)):
            if self.pipe[stage] is None:
                self.pipe[stage], self.pipe[stage - 1] = self.pipe[stage - 1], None
        return self.pipe[0] is None

    def _feed(self, ready: bool) -> bool:
        """A row enters the read pipe; whether the next slot may be taken."""
        if self.slot is None or not ready:
            return self.slot is None
        last = self.row + 1 == self.slot.rows
        self.pipe[0] = Fed(self.row == 0, last, self.slot)
        self.row += 1
        if last:
            if self.slot.completes:
                self._complete(3)
            self.row, self.slot = 0, None
        return last

    def _take(self) -> None:
        computes = self.queue[0][0] == "compute"
        preloads = len(self.queue) > 1 and (not computes or self.queue[1][0] == "preload")
        if computes or preloads:
            compute = self.queue.popleft() if computes else None
            preload = self.queue.popleft() if preloads else None
            rows = (preload[1] if preload else 0) or (compute[1] if compute else 0)
            self.slot = Slot(max(4, rows), preload is not None, compute is not None)
