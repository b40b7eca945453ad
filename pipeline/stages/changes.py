"""What may be changed about a design and its surroundings to see what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.hardware import Hardware, Template
from pipeline.plain import did_you_mean
from sim.memory import MemorySettings


@dataclass(frozen=True, slots=True)
class Change:
    """One change."""

    name: str
    meaning: str
    exactly: Mapping[str, int] = field(default_factory=dict)
    """Parts of the hardware's structure and what they become."""
    at_least: Mapping[str, int] = field(default_factory=dict)
    """Parts of the structure and what they become where there is less."""
    times: Mapping[str, int] = field(default_factory=dict)
    """Parts of the structure and how many times as many there will be."""
    around: Mapping[str, int] = field(default_factory=dict)
    """Fields of ``MemorySettings`` and what they become."""

    def is_possible(self, template: Template) -> bool:
        """Whether hardware of ``template`` has what is changed."""
        return {*self.exactly, *self.at_least, *self.times} <= {axis.name for axis in template.structure}

    def on(self, hardware: Hardware) -> Hardware:
        """``hardware`` with the change."""
        larger = {name: max(int(hardware[name]), number) for name, number in self.at_least.items()}
        multiple = {name: factor * int(hardware[name]) for name, factor in self.times.items()}
        return hardware.restructured({**self.exactly, **larger, **multiple})

    def below(self, settings: MemorySettings) -> MemorySettings:
        """The host and memory with the change."""
        return replace(settings, **self.around)


# As many as the tests of the RTL's structure run with, which is more than any mapping was seen to use.
_DEEP = {
    "reads_in_flight": 42,
    "writes_in_flight": 64,
    "load_entries": 32,
    "execute_entries": 64,
    "store_entries": 32,
    "load_queue": 32,
    "execute_queue": 32,
    "store_queue": 16,
    "array_slots": 16,
}

CHANGES = (
    Change("bus", "a bus of 64 bytes, and a memory as much faster", at_least={"bus_bytes": 64}),
    Change("banks", "twice as many banks", times={"scratchpad_banks": 2, "accumulator_banks": 2}),
    Change("queues", "42 reads and 64 writes in flight, deep queues, 16 array slots", at_least=_DEEP),
    Change("host", "a host that takes no time", around={"free_host": 1}),
    Change(
        "memory", "a memory that answers at once", around={"soc": 0, "latency_cycles": 1, "bytes_per_cycle": 1 << 12}
    ),
)
"""What ``what-if`` changes unless told otherwise."""

MOST = 8
"""Changes at once: 256 combinations."""


def changes_of(asked: Sequence[str], template: Template) -> tuple[Change, ...]:
    """The changes of the names or ``AXIS=NUMBER`` that were ``asked`` for; of none those that the hardware can have.

    Raises ValueError that names what is unknown, not possible or there twice.
    """
    if not asked:
        return tuple(change for change in CHANGES if change.is_possible(template))
    for text in asked:
        if asked.count(text) > 1:
            raise ValueError(f"--change {text}: is there twice")
    if len(asked) > MOST:
        raise ValueError(f"--change: {len(asked)} changes; all combinations of at most {MOST} are simulated")
    return tuple(_change(text, template) for text in asked)


def _change(text: str, template: Template) -> Change:
    axes = [axis.name for axis in template.structure]
    axis, equals, number = text.partition("=")
    if equals and axis in axes and number.isascii() and number.isdecimal() and int(number) > 0:
        return Change(text, f"{axis} {number}", exactly={axis: int(number)})
    for change in CHANGES:
        if change.name == text and change.is_possible(template):
            return change
    known = [change.name for change in CHANGES if change.is_possible(template)]
    own = f", or AXIS=NUMBER with one of {', '.join(axes)}" if axes else ""
    raise ValueError(f"--change {text}{did_you_mean(text, known)}: {template.name} has {', '.join(known)}{own}")
