"""The workloads that come with the package, and workloads from ONNX models."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.files import write_text
from pipeline.onnx_import import import_onnx
from pipeline.stages.command import check_out
from pipeline.stages.entry import guarded
from pipeline.workload import dump_workload, load_workload, workload_names

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
) -> None:
    """Write the convolutions and matrix products of an ONNX model as a workload."""
    if out.suffix not in {".yaml", ".yml"}:
        raise ValueError(f"workload {out}: the name must end in .yaml")
    check_out(out, model)
    workload, unsupported = import_onnx(model, out.stem)
    write_text(out, dump_workload(workload))
    typer.echo(f"{out}: {len(workload.layers)} unique layers, {workload.macs / 1e9:.3f} GMAC")
    for line in unsupported:
        typer.echo(f"not imported: {line}", err=True)


if __name__ == "__main__":
    guarded(app)
