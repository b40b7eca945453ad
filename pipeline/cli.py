"""``dosa-hil``: every stage of the workflow as a command.

A command is the function ``main`` of ``pipeline.stages.<name>``. Its module is loaded when the command is called, so
that ``dosa-hil --help`` does not wait for torch. The rules run the same functions by ``python -m``.
"""

import importlib
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from pipeline.stages.entry import guarded

COMMANDS = {
    "run": "Run a study to its report.",
    "estimate": "Predict cycles, energy, EDP and area of every row.",
    "tile": "Add the mapping of Gemmini's default tiler to every row.",
    "simulate": "Count cycles, words and energy of every row on the RTL.",
    "what-if": "Say what bus, banks, queues, host and memory cost a mapping.",
    "train": "Train a latency model on measured cycles.",
    "explain-model": "Say what a trained model found out about its design.",
    "search": "Search hardware and mappings of one or several workloads.",
    "pareto": "Search the EDP-area front of a workload.",
    "synthesize": "Synthesise a design point: area, clock, energy.",
    "infer": "Run a quantised network on a found design.",
    "workloads": "List, show and import workloads.",
    "design": "Copy a template design, check one's own.",
    "report": "Write the report of a study from its results.",
    "compare": "Show two studies or two designs side by side.",
    "export": "Write a design for Gemmini's generator and for Timeloop.",
    "schema": "Print the JSON schema of a file.",
    "timeloop": "Write Timeloop's three files for one row.",
}
"""Commands for people, by name, with what the list of commands says of them (at most 60 characters)."""

STAGES = {
    "study": "Check a study given as JSON and write it in full.",
    "generate": "Generate the SystemVerilog of one design point.",
    "sample": "Choose mappings to measure on one hardware point.",
    "collect": "Join measurements of one round to the training data.",
    "select": "Choose what to simulate after a search.",
    "reference": "Map a workload by the default tiler on the default hardware.",
    "choose": "Compare the simulated designs of a workload, choose the best.",
    "timeline": "Record the first tiles of each layer of two designs over time.",
    "module-areas": "Synthesise the default and the design found, for the report.",
    "validate": "Simulate a final design once more, sampled layers bit by bit.",
}
"""Stages that the rules of the workflow run besides; the list of commands leaves them out."""


def command_line(called: str) -> typer.Typer:
    """The command line, with the module of the command ``called`` loaded and the others in name only."""
    app = typer.Typer(
        help="RTL-in-the-loop co-design of DNN accelerators.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_about)
    for name, summary in (COMMANDS | STAGES).items():
        if name != called:
            app.command(name, help=summary, hidden=name in STAGES)(_in_name_only)
            continue
        module = importlib.import_module(f"pipeline.stages.{name.replace('-', '_')}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.main)
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"dosa-hil {version('dosa-hil')}")
        raise typer.Exit


def _about(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    pass


def _in_name_only() -> None:
    raise AssertionError("a command that was not called has no module")


def main() -> None:
    """Run the command line; bad input gives one line on standard error and exit status 1."""
    guarded(command_line(sys.argv[1] if len(sys.argv) > 1 else ""))


if __name__ == "__main__":
    main()
