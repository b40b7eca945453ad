"""An oracle for the counts: runs a mapping's loop nest step by step and moves every word one by one.

Rules of the machine that is walked, as Timeloop has them:

- A level keeps one tile of each tensor that it stores. Whenever a loop outside iterates, the words of the new tile
  that are not there yet are fetched. Words stay only if the tile moves by the same vector as the time before, or if
  it was loaded as a whole the time before; otherwise the whole tile is fetched.
- A tile may cover loops outside its level (``Mapping.held``): it is what all their iterations together touch, and
  they do not move it.
- An input tile is the bounding box of its windows. Inputs go from the scratchpad to the array at every step, once for
  all columns.
- An output comes into the accumulator with its tile, from DRAM if it was there before; the first update after that
  does not read it. When its tile leaves, it is read and written to DRAM.

Loops run ``twice`` (two iterations, the second standing for all others, which is how Timeloop walks) or in full.
Tiles of ragged mappings are cut at the layer's size.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product

from pipeline.mapping import FOUR_LEVELS, TENSORS, Mapping
from pipeline.workload import DIMS

Point = dict[str, int]
Word = tuple[int, ...]
Box = tuple[tuple[int, int], ...]
"""A range [low, high) on every axis of a tensor."""


@dataclass(frozen=True)
class Loop:
    """A temporal loop; one iteration moves by ``step``."""

    level: int
    dim: str
    factor: int
    step: int


@dataclass(frozen=True)
class Step:
    """One step of all temporal loops."""

    index: tuple[int, ...]
    """Iteration of each loop, outermost first."""
    weight: int
    """How many steps of the whole nest it stands for."""
    start: dict[int, Point]
    """Where the tile of each level starts; level -1 is a single multiply-accumulate."""


@dataclass
class Place:
    """Where one tile of a tensor is kept."""

    level: int
    iteration: tuple[int, ...] | None = None
    boxes: tuple[Box, ...] = ()
    moved: Word | None = None
    ever: set[Word] = field(default_factory=set)
    fresh: set[Word] = field(default_factory=set)

    def fetch(self, boxes: tuple[Box, ...], iteration: tuple[int, ...]) -> frozenset[Word]:
        """Make ``boxes`` the tile if a loop outside iterated, and return the words that have to be fetched."""
        if iteration == self.iteration:
            return frozenset()
        self.iteration = iteration
        old, self.boxes = self.boxes, boxes
        if not old:
            return words(boxes)
        vector = tuple(new[0] - was[0] for new, was in zip(boxes[0], old[0], strict=True))
        keeps = self.moved is None or self.moved == vector
        self.moved = vector if keeps else None
        return words(boxes) - words(old) if keeps else words(boxes)


class Walker:
    """One walk of a mapping; ``count`` has the names of the fields of ``Accesses``, and ``steps``."""

    def __init__(self, mapping: Mapping, twice: bool) -> None:
        self.mapping = mapping
        self.sizes = dict(zip(DIMS, mapping.layer.sizes, strict=True))
        self.loops = [
            Loop(level, dim, factor, extent(mapping, dim, level, with_spatial=True))
            for level in reversed(range(FOUR_LEVELS.levels))
            for dim, factor in mapping.loops[level]
        ]
        outside = {level: sum(loop.level > level for loop in self.loops) for level in range(FOUR_LEVELS.levels)}
        self.outside = {"register": outside[0]}
        for name, letter, level in (("weight", "W", 2), ("input", "I", 2), ("output", "O", 1)):
            self.outside[name] = outside[level] - mapping.held[TENSORS.index(letter)]
        self.count: Counter[str] = Counter()
        lanes = list(product(range(mapping.lanes("C")), range(mapping.lanes("K"))))
        self.registers = {lane: Place(0) for lane in lanes}
        self.accumulators = {column: Place(1) for column in range(mapping.lanes("K"))}
        self.scratchpad = {"weight": Place(2), "input": Place(2)}
        for step in self.steps(twice):
            self.run(step)

    def steps(self, twice: bool) -> Iterator[Step]:
        """All steps whose multiply-accumulate lies inside the layer."""
        for index in product(*(range(min(loop.factor, 2) if twice else loop.factor) for loop in self.loops)):
            weight = 1
            start = {level: dict.fromkeys(DIMS, 0) for level in range(-1, FOUR_LEVELS.levels - 1)}
            for i, loop in zip(index, self.loops, strict=True):
                weight *= loop.factor - 1 if twice and i else 1
                for level in range(-1, loop.level):
                    start[level][loop.dim] += i * loop.step
            if all(start[-1][dim] < self.sizes[dim] for dim in DIMS):
                yield Step(index, weight, start)

    def run(self, step: Step) -> None:
        """Everything that moves in one step."""
        self.count["steps"] += step.weight
        for name, place in self.scratchpad.items():
            boxes = self.boxes(name, step, 2, (0, 0))
            tile = boxes if name == "weight" else (bounds(boxes),)
            moved = len(place.fetch(tile, step.index[: self.outside[name]])) * step.weight
            self.count[f"dram_{name}_reads"] += moved
            self.count[f"scratchpad_{name}_writes"] += moved
        read: set[Word] = set()
        for lane in self.registers:
            mac = self.at(step.start[-1], lane)
            if all(mac[dim] < self.sizes[dim] for dim in DIMS):
                self.compute(step, lane)
                read |= words((self.box("input", mac, -1),))
                if lane[0] == 0:
                    self.accumulate(step, lane, mac)
        self.count["scratchpad_input_reads"] += len(read) * step.weight

    def compute(self, step: Step, lane: tuple[int, int]) -> None:
        """One multiply-accumulate on a weight of this lane."""
        tile = (self.box("weight", self.at(step.start[0], lane), 0),)
        moved = len(self.registers[lane].fetch(tile, step.index[: self.outside["register"]])) * step.weight
        self.count["macs"] += step.weight
        self.count["register_weight_reads"] += step.weight
        self.count["register_weight_writes"] += moved
        self.count["scratchpad_weight_reads"] += moved

    def accumulate(self, step: Step, lane: tuple[int, int], mac: Point) -> None:
        """The sum over the rows of one column goes to one output."""
        place = self.accumulators[lane[1]]
        arrived = place.fetch(self.boxes("output", step, 1, lane), step.index[: self.outside["output"]])
        back = arrived & place.ever
        self.count["dram_output_writes"] += len(arrived) * step.weight
        self.count["dram_output_reads"] += len(back) * step.weight
        self.count["accumulator_output_reads"] += len(arrived) * step.weight
        self.count["accumulator_output_writes"] += len(back) * step.weight
        place.ever |= arrived
        place.fresh |= arrived
        output = tuple(mac[dim] for dim in "NKQP")
        self.count["accumulator_output_reads"] += step.weight * (output not in place.fresh)
        self.count["accumulator_output_writes"] += step.weight
        place.fresh.discard(output)

    def boxes(self, tensor: str, step: Step, level: int, lane: tuple[int, int]) -> tuple[Box, ...]:
        """The tile of a tensor at ``level``: a box for each iteration of the loops outside that it covers."""
        outer = self.outside[tensor]
        covered = [loop for loop in self.loops[outer:] if loop.level > level]
        found = []
        for index in product(*(range(loop.factor) for loop in covered)):
            start = dict.fromkeys(DIMS, 0)
            for i, loop in zip((*step.index[:outer], *index), (*self.loops[:outer], *covered), strict=True):
                start[loop.dim] += i * loop.step
            found.append(self.box(tensor, self.at(start, lane), level))
        return tuple(found)

    def at(self, start: Point, lane: tuple[int, int]) -> Point:
        """The start that a lane (row, column) adds its own offset to."""
        row = lane[0] * extent(self.mapping, "C", 1, with_spatial=False)
        column = lane[1] * extent(self.mapping, "K", 2, with_spatial=False)
        return start | {"C": start["C"] + row, "K": start["K"] + column}

    def box(self, tensor: str, start: Point, level: int) -> Box:
        """The words of a tensor that the tile of a level at ``start`` touches."""
        layer = self.mapping.layer
        end = {d: min(self.sizes[d], start[d] + extent(self.mapping, d, level + 1, with_spatial=False)) for d in DIMS}
        if level == 1:
            end["K"] = min(self.sizes["K"], start["K"] + extent(self.mapping, "K", 2, with_spatial=False))
        if tensor != "input":
            return tuple((start[d], end[d]) for d in ("RSCK" if tensor == "weight" else "NKQP"))
        axes = [(start[d], end[d]) for d in "NC"]
        for out, tap, stride, dilation in (
            ("P", "R", layer.stride_w, layer.dilation_w),
            ("Q", "S", layer.stride_h, layer.dilation_h),
        ):
            low = start[out] * stride + start[tap] * dilation
            axes.append((low, (end[out] - 1) * stride + (end[tap] - 1) * dilation + 1))
        return tuple(axes)


@cache
def words(boxes: tuple[Box, ...]) -> frozenset[Word]:
    """Every word of some boxes."""
    return frozenset(word for box in boxes for word in product(*(range(*axis) for axis in box)))


def bounds(boxes: tuple[Box, ...]) -> Box:
    """The smallest box around all of them."""
    return tuple((min(low for low, _ in axis), max(high for _, high in axis)) for axis in zip(*boxes, strict=True))


def extent(mapping: Mapping, dim: str, level: int, with_spatial: bool) -> int:
    """Product of the factors of ``dim`` inside ``level``, and of its spatial one there too if asked for."""
    result = 1
    for at, factor, spatial in mapping.chain(dim):
        if at < level or (at == level and spatial and with_spatial):
            result *= factor
    return result
