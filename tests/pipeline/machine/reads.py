"""Load commands whose reads miss at random, read by read: an oracle.

It knows that reads are answered as their data comes, whatever their order, that the cache looks up in order and its
port moves one line at a time; not the formulas of the view.
"""

import heapq
import random

LATENCY = 14
"""From a look-up that hits to the first beat."""
WRITTEN = 3
"""From the last beat to the local row."""


def cycles_of_command(
    reads: int, beats: int, rows: int, in_flight: int, chance: float, *, port: int, later: int, between: int
) -> float:
    """Mean cycles from one command to the next, one at a time, of ``reads`` of so many beats and local rows each.

    A line that misses takes ``port`` cycles at the port and comes ``later`` cycles after that.
    """
    generator, commands, start = random.Random(0), 400, 0
    bank = port_free = 0
    for _ in range(commands):
        waiting: list[int] = []
        free = [start] * in_flight
        issued, issue, bus, local = 0, start - 1, start, start
        for _ in range(reads):
            while issued < reads and free and (not waiting or max(issue + 1, free[0]) <= max(bus, waiting[0])):
                issue = max(issue + 1, heapq.heappop(free))
                looked_up = max(issue, bank)
                bank = looked_up + beats
                if generator.random() < chance:
                    port_free = max(port_free, looked_up) + port
                    looked_up = port_free + later
                heapq.heappush(waiting, looked_up + LATENCY)
                issued += 1
            bus = max(bus, heapq.heappop(waiting)) + beats
            heapq.heappush(free, bus)
            local = max(local, bus - beats + 1) + rows
        start = max(bus, local) + WRITTEN + between
    return start / commands
