"""Which machine a command works on: what its options say, where there is no trained model that brings its own."""

from typing import Annotated, Literal

import typer

from pipeline.choices import Memory, PartialSums
from pipeline.machine.machine import MachineChoice
from rtl.design import Design

Platform = Literal["timeloop", "rtl"]

PlatformOption = Annotated[
    Platform | None,
    typer.Option("--platform", help="timeloop: the published analytical hardware; rtl: the default design and memory."),
]
DesignOption = Annotated[
    str | None,
    typer.Option("--design", metavar="NAME|FOLDER", help="A design by name, or its folder; default: gemmini."),
]
MemoryOption = Annotated[Memory | None, typer.Option("--memory", help="Memory below the bus; default: soc.")]

DEFAULT = MachineChoice()
DEFAULT_DESIGN = DEFAULT.machine
DEFAULT_MEMORY = DEFAULT.memory


def machine_choice(
    platform: Platform | None = None,
    design: str | None = None,
    memory: Memory | None = None,
    partial_sums: PartialSums = "spill",
) -> MachineChoice:
    """The machine of ``design`` on ``memory``, or the one that ``platform`` names.

    Raises ValueError when both are given, or when there is no such design.
    """
    if platform is not None and (design, memory) != (None, None):
        raise ValueError(f"--platform {platform} names the machine: it goes without --design and --memory")
    if platform == "timeloop":
        return MachineChoice(platform, partial_sums=partial_sums)
    source = Design.read(design or DEFAULT_DESIGN)
    return MachineChoice(source.machine, memory or DEFAULT_MEMORY, partial_sums)


def check_asked(
    known: MachineChoice,
    platform: Platform | None = None,
    design: str | None = None,
    memory: Memory | None = None,
    partial_sums: PartialSums = "spill",
) -> None:
    """Raise ValueError when an option that was given asks for another machine than ``known``, the model's.

    Partial sums are spilled where nothing is said, so that says nothing.
    """
    asked = machine_choice(platform, design, memory, partial_sums)
    wrong = (design or platform) is not None and asked.machine != known.machine
    wrong |= (memory or platform == "rtl") and asked.memory != known.memory
    wrong |= partial_sums == "drop" != known.partial_sums
    if wrong:
        raise ValueError(f"is for {known}, not {asked}")
