"""``dosa-hil``: the stages of the workflow as commands for people and scripts.

Modules are imported inside the commands, so that ``dosa-hil --help`` does not wait for torch.
"""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="RTL-in-the-loop co-design of DNN accelerators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
workloads_app = typer.Typer(help="List, show and import workloads.", no_args_is_help=True)
app.add_typer(workloads_app, name="workloads")


class PlatformName(StrEnum):
    """Where cycles are counted."""

    timeloop = "timeloop"
    rtl = "rtl"


class DimRuleName(StrEnum):
    """Where the array size of a row comes from."""

    from_table = "from-table"
    from_mapping = "from-mapping"


class PartialSums(StrEnum):
    """Whether partial sums of interrupted reductions are spilled and refilled, or left out."""

    spill = "spill"
    drop = "drop"


class Datapath(StrEnum):
    """The full build computes results; the timing build has the same cycles without arithmetic."""

    full = "full"
    timing = "timing"


class Memory(StrEnum):
    """The memory below the accelerator's bus."""

    simple = "simple"
    soc = "soc"


class Driver(StrEnum):
    """What drives the simulation."""

    cocotb = "cocotb"
    inprocess = "inprocess"


class ModelKind(StrEnum):
    """Latency models that can be trained."""

    analytical = "analytical"
    dnn = "dnn"
    residual = "residual"
    default = "default"


class Method(StrEnum):
    """Search methods."""

    gradient = "gradient"
    random = "random"
    bayesian = "bayesian"
    genetic = "genetic"
    default = "default"


class Objective(StrEnum):
    """What a search minimises."""

    edp = "edp"
    latency = "latency"
    energy = "energy"
    ed2p = "ed2p"


InTable = Annotated[Path, typer.Argument(metavar="IN", help="Table to read (.csv, .csv.gz or .parquet).")]
OutTable = Annotated[Path, typer.Argument(metavar="OUT", help="Table to write (.csv, .csv.gz or .parquet).")]
DimOption = Annotated[DimRuleName, typer.Option("--dim", help="Array size: from arch.meshX or from the mapping.")]
SumsOption = Annotated[PartialSums, typer.Option("--partial-sums", help="Spill partial sums, or leave them out.")]


@app.command()
def estimate(
    in_table: InTable,
    out_table: OutTable,
    model: Annotated[str, typer.Option(help="'analytical' or the file of a trained model.")] = "analytical",
    platform: Annotated[
        PlatformName | None, typer.Option(help="Default: timeloop; a trained model brings its own.")
    ] = None,
    dim: DimOption = DimRuleName.from_table,
    partial_sums: SumsOption = PartialSums.spill,
    explain: Annotated[bool, typer.Option("--explain", help="Print and add the terms behind every estimate.")] = False,
) -> None:
    """Predict cycles, energy, EDP and area of every row."""
    from pipeline.stages.estimate import estimate_table, explain_text
    from pipeline.stages.models import dim_rule_of, load_latency_model
    from pipeline.table import check_ending, read_table, write_table

    check_ending(out_table)
    table = read_table(in_table)
    latency = load_latency_model(model, platform.value if platform else None, partial_sums.value)
    trained = dim_rule_of(latency)
    if trained not in (None, dim.value):
        typer.echo(f"note: {model} was trained with --dim {trained}, rows are read with --dim {dim.value}", err=True)
    result = estimate_table(table, model=latency, dim_rule=dim.value, explain=explain)
    write_table(result, out_table)
    if explain:
        typer.echo(explain_text(result))
    _report_errors(result, out_table)


@app.command()
def timeloop(
    in_table: InTable,
    row: Annotated[int, typer.Argument(min=0, metavar="ROW", help="Number of the row, from 0.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the three YAML files.")],
) -> None:
    """Write Timeloop's problem, architecture and mapping files for one row."""
    from pipeline.machine.timeloop.yaml_files import write_timeloop
    from pipeline.table import RowError, read_table, rows_of

    rows = rows_of(read_table(in_table), "timeloop")
    if row >= len(rows):
        raise ValueError(f"table {in_table}: there is no row {row}, it has {len(rows)}")
    chosen = rows[row]
    if isinstance(chosen, RowError):
        raise ValueError(f"table {in_table}, row {row}: {chosen.message}")
    write_timeloop(chosen.mapping, chosen.hardware, out)


@app.command()
def tile(in_table: InTable, out_table: OutTable) -> None:
    """Add the mapping and tile of Gemmini's default tiler to every row."""
    from pipeline.stages.tile import tile_table
    from pipeline.table import check_ending, read_table, write_table

    check_ending(out_table)
    result = tile_table(read_table(in_table))
    write_table(result, out_table)
    _report_errors(result, out_table)


@app.command()
def simulate(
    in_table: InTable,
    out_table: OutTable,
    design: Annotated[str, typer.Option(help="A design under rtl/.")] = "gemmini",
    datapath: Annotated[Datapath, typer.Option(help="Full datapath, or control and timing only.")] = Datapath.timing,
    memory: Annotated[Memory, typer.Option(help="Memory model below the bus.")] = Memory.simple,
    driver: Annotated[Driver, typer.Option(help="What drives the simulation.")] = Driver.cocotb,
    dim: DimOption = DimRuleName.from_table,
    partial_sums: SumsOption = PartialSums.spill,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Simulators that run at once.")] = 1,
    work_dir: Annotated[
        Path | None, typer.Option(help="Folder of the journal; several tables may share one. Default: beside OUT.")
    ] = None,
) -> None:
    """Simulate every row on the RTL and add measured cycles, counters, energy and EDP.

    Finished rows are kept in a journal: an interrupted run continues where it stopped.
    """
    from pipeline.stages.simulate import simulate_table
    from pipeline.table import check_ending, read_table, write_table

    check_ending(out_table)
    result = simulate_table(
        read_table(in_table),
        design=design,
        datapath=datapath.value,
        memory=memory.value,
        driver=driver.value,
        jobs=jobs,
        dim_rule=dim.value,
        partial_sums=partial_sums.value,
        work_dir=work_dir or out_table.parent / f".{out_table.name}.work",
    )
    write_table(result, out_table)
    _report_errors(result, out_table)


@app.command()
def train(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Table with measured cycles.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File for the trained model.")],
    kind: Annotated[ModelKind, typer.Option(help="What to train.")] = ModelKind.default,
    target: Annotated[
        str | None, typer.Option(help="Column of measured cycles; default: sim.cycles, else target.cycle.")
    ] = None,
    platform: Annotated[PlatformName, typer.Option(help="Analytical model below the learned one.")] = PlatformName.rtl,
    dim: DimOption = DimRuleName.from_table,
    partial_sums: SumsOption = PartialSums.spill,
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 0,
) -> None:
    """Train a latency model on measured cycles and print its held-out scores."""
    from pipeline.stages.train import train_table
    from pipeline.table import read_table

    scores = train_table(
        read_table(data),
        out,
        kind=kind.value,
        target=target,
        platform=platform.value,
        dim_rule=dim.value,
        partial_sums=partial_sums.value,
        seed=seed,
        stream=sys.stderr,
    )
    for name, value in scores.items():
        typer.echo(f"{name:24s} {value:.4g}" if isinstance(value, float) else f"{name:24s} {value}")


@app.command()
def search(
    workload: Annotated[str, typer.Option(help="Name of a workload, or a .yaml file.")],
    method: Annotated[Method, typer.Option(help="Search method.")],
    evaluations: Annotated[int, typer.Option(min=1, max=10_000_000, help="Evaluations to spend.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed.")],
    out: Annotated[Path, typer.Option(help="Folder for design.json, mappings.csv and trace.csv.")],
    model: Annotated[str, typer.Option(help="'analytical' or the file of a trained model.")] = "analytical",
    platform: Annotated[
        PlatformName | None, typer.Option(help="Default: timeloop; a trained model brings its own.")
    ] = None,
    objective: Annotated[Objective, typer.Option(help="What to minimise.")] = Objective.edp,
    fix_dim: Annotated[int | None, typer.Option(min=2, max=128, help="Fix the array to DIM x DIM.")] = None,
    fix_hardware: Annotated[
        str | None,
        typer.Option(metavar="DIM,SPAD_KIB,ACC_KIB|NAME", help="Fix the whole hardware: search mappings only."),
    ] = None,
    max_area: Annotated[float | None, typer.Option(metavar="MM2", help="Largest area in mm2.")] = None,
) -> None:
    """Search hardware and mappings of a workload for the lowest EDP."""
    from pipeline.stages.models import load_latency_model
    from pipeline.stages.search import run_search
    from pipeline.workload import load_workload

    result = run_search(
        load_workload(workload),
        method=method.value,
        evaluations=evaluations,
        model=load_latency_model(model, platform.value if platform else None, "spill"),
        seed=seed,
        out=out,
        objective=objective.value,
        fix_dim=fix_dim,
        fix_hardware=_hardware_sizes(fix_hardware),
        max_area_mm2=max_area,
        stream=sys.stderr,
    )
    typer.echo(result.summary())


@workloads_app.command("list")
def workloads_list() -> None:
    """List the workloads that come with the package."""
    from pipeline.workload import load_workload, workload_names

    typer.echo(f"{'name':20s} {'layers':>6s} {'unique':>6s} {'GMAC':>9s}  source")
    for name in workload_names():
        loaded = load_workload(name)
        total = sum(entry.count for entry in loaded.layers)
        typer.echo(f"{name:20s} {total:6d} {len(loaded.layers):6d} {loaded.macs / 1e9:9.3f}  {loaded.source}")


@workloads_app.command("show")
def workloads_show(name: Annotated[str, typer.Argument(help="Name of a workload, or a .yaml file.")]) -> None:
    """Show the unique layers of a workload."""
    from pipeline.workload import load_workload

    loaded = load_workload(name)
    typer.echo(f"{loaded.name}: {loaded.source}")
    for entry in loaded.layers:
        typer.echo(f"{entry.count:4d} x {entry.name:28s} {entry.layer}")


@workloads_app.command("import")
def workloads_import(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="ONNX model.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.yaml", help="Workload file to write.")],
) -> None:
    """Write the convolutions and matrix products of an ONNX model as a workload."""
    from pipeline.files import write_text
    from pipeline.onnx_import import import_onnx
    from pipeline.workload import dump_workload

    if out.suffix not in {".yaml", ".yml"}:
        raise ValueError(f"workload {out}: the name must end in .yaml")
    workload, unsupported = import_onnx(model, out.stem)
    write_text(out, dump_workload(workload))
    typer.echo(f"{out}: {len(workload.layers)} unique layers, {workload.macs / 1e9:.3f} GMAC")
    for line in unsupported:
        typer.echo(f"not imported: {line}", err=True)


@app.command()
def report(study: Annotated[Path, typer.Argument(metavar="STUDY_DIR", help="Folder results/<study>.")]) -> None:
    """Write the report of a study from its results."""
    from pipeline.stages.report import write_report

    typer.echo(str(write_report(study)))


def _hardware_sizes(text: str | None) -> tuple[int, float, float] | None:
    from pipeline.machine.experts import experts

    if text is None:
        return None
    if text in experts():
        expert = experts()[text]
        return expert.dim, expert.scratchpad_kib, expert.accumulator_kib
    try:
        dim, scratchpad, accumulator = text.split(",")
        return int(dim), float(scratchpad), float(accumulator)
    except ValueError:
        known = ", ".join(experts())
        expected = f"DIM,SCRATCHPAD_KIB,ACCUMULATOR_KIB such as 16,128,32, or one of {known}"
        raise ValueError(f"--fix-hardware {text!r}: expected {expected}") from None


def _report_errors(table: "object", path: Path) -> None:
    errors = table["error"]  # type: ignore[index]
    bad = errors[errors != ""]
    if len(bad):
        typer.echo(f"{path}: {len(bad)} of {len(errors)} rows have an error, the first: {bad.iloc[0]}", err=True)


def main() -> None:
    """Run the command line; bad input gives one line on standard error and exit status 1."""
    try:
        app()
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("DOSA_HIL_TRACEBACK"):
            raise
        message = str(error).strip() or type(error).__name__
        print(f"error: {message.splitlines()[0]}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
