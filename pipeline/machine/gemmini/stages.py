"""The stages of a tile: what overlaps with those of other tiles."""

from dataclasses import dataclass, fields, replace

from jaxtyping import Float
from torch import Tensor

from pipeline.machine.constants import Value


@dataclass(frozen=True, slots=True)
class Stages:
    """Cycles of the stages of a tile."""

    inputs: Float[Tensor, "*b"]
    """To load them."""
    weights: Float[Tensor, "*b"]
    compute: Float[Tensor, "*b"]
    commands: Float[Tensor, "*b"]
    """Loads."""
    computes: Float[Tensor, "*b"]
    """Compute commands, each with its preload."""
    results: Float[Tensor, "*b"]
    """Rows that the array adds to the accumulator, one a cycle."""

    def __getitem__(self, index: int) -> "Stages":
        return Stages(*(getattr(self, field.name)[index] for field in fields(self)))

    def loading(self, other: "Stages") -> "Stages":
        """The same with the loads of another tile."""
        return replace(self, inputs=other.inputs, weights=other.weights, commands=other.commands)

    @property
    def load(self) -> Float[Tensor, "*b"]:
        """Cycles to load inputs and weights."""
        return self.inputs + self.weights


@dataclass(frozen=True, slots=True)
class Writes:
    """To store an output tile."""

    cycles: Float[Tensor, "*b"]
    commands: Float[Tensor, "*b"]
    reads: Float[Tensor, "*b"]
    """Rows of the accumulator."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Cycles at the start and the end of a run."""

    zeros: Float[Tensor, "*b"]
    """To clear the accumulator."""
    refill: Float[Tensor, "*b"]
    """To fetch partial sums."""
    results: Writes
    sums: Writes


@dataclass(frozen=True, slots=True)
class Order:
    """How the tiles of a layer follow each other."""

    tiles: Float[Tensor, "*b"]
    inner: Float[Tensor, "*b"]
    """Turns of the innermost DRAM loop."""
    runs: Float[Tensor, "*b"]
    """Runs of tiles that add to the same outputs."""
    visits: Float[Tensor, "*b"]
    """Runs of each output tile."""
    is_matmul: Float[Tensor, "*b"]
    columns: Float[Tensor, "*b"]
    """Blocks of output channels of a tile: what of a matrix product is stored while the rest still computes."""
    depth: Float[Tensor, "*b"]
    """Blocks of input channels of a tile."""


def held(cycles: Float[Tensor, "*b"], operations: Float[Tensor, "*b"], entries: Value) -> Float[Tensor, "*b"]:
    """Cycles of the last of ``operations``, of which ``entries`` are held; all ``cycles`` where they all are."""
    return cycles * (entries / operations).clamp(max=1.0)
