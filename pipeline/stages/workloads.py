"""The workloads that come with the package, and workloads from ONNX models."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.files import check_out
from pipeline.stages.entry import guarded
from pipeline.stages.import_model import import_model
from pipeline.workload import load_workload, workload_names

app = typer.Typer(
    help="List, show and import workloads.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@app.command("list")
def workloads_list() -> None:
    """List the workloads that come with the package."""
    typer.echo(f"{'name':20s} {'layers':>6s} {'unique':>6s} {'GMAC':>9s}  source")
    for name in workload_names():
        loaded = load_workload(name)
        total = sum(entry.count for entry in loaded.layers)
        typer.echo(f"{name:20s} {total:6d} {len(loaded.layers):6d} {loaded.macs / 1e9:9.3f}  {loaded.source}")


@app.command("show")
def workloads_show(name: Annotated[str, typer.Argument(help="Name of a workload, or a .yaml file.")]) -> None:
    """Show the unique layers of a workload."""
    loaded = load_workload(name)
    typer.echo(f"{loaded.name}: {loaded.source}")
    for entry in loaded.layers:
        typer.echo(f"{entry.count:4d} x {entry.name:28s} {entry.layer}")


@app.command("import")
def workloads_import(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="ONNX model.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.yaml", help="Workload file to write.")],
    batch: Annotated[int | None, typer.Option(min=1, max=2**31 - 1, help="Open first axes of the inputs.")] = None,
    dim: Annotated[list[str] | None, typer.Option(metavar="NAME=N", help="Another open size; repeatable.")] = None,
) -> None:
    """Write the convolutions and matrix products of an ONNX model as a workload.

    Sizes that the model leaves open and that are not given count as 1.
    """
    check_out(out, model)
    typer.echo(import_model(model, out, batch, dim or [], stream=sys.stderr))


if __name__ == "__main__":
    guarded(app)
