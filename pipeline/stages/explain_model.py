"""The explain-model command: what a trained model found out about its design."""

from pathlib import Path
from typing import Annotated

import typer

from learned.explain import explain_model
from learned.store import load
from pipeline.stages.entry import run


def main(model: Annotated[Path, typer.Argument(metavar="FILE", help="File of a trained model.")]) -> None:
    """Say what a trained model found out about its design."""
    for line in explain_model(load(model)):
        typer.echo(line)


if __name__ == "__main__":
    run(main)
