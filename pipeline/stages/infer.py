"""Run a quantised network on a found design and compare it with onnxruntime layer by layer.

Quantised convolutions, products, additions and max poolings run on the RTL (full build) from int8 to int8, one sample
after the other; the host runs everything else in onnxruntime. Results are compared with an integer reference on the
same operands and with onnxruntime's; the whole network runs once more as one program on the timing build.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from pipeline.choices import Memory
from pipeline.files import check_out_folder
from pipeline.progress import Line, time_left
from pipeline.stages.entry import run
from pipeline.stages.inference.accelerator import Accelerator
from pipeline.stages.inference.host import HostWork
from pipeline.stages.inference.network import Inference, Network, Runner, StepResult
from pipeline.stages.inference.sequence import SequenceTime, time_sequence
from pipeline.stages.machines import DEFAULT_DESIGN, DEFAULT_MEMORY
from pipeline.table import write_table

LABELS = "labels"
"""Array of an input file with the right class of each sample."""

Samples = list[dict[str, NDArray[Any]]]


def read_samples(network: Network, path: Path | None) -> tuple[Samples, NDArray[Any] | None]:
    """Samples with the shapes that the model takes, and their labels.

    The first axis of the arrays in ``path`` is that of the samples; without ``path`` there is one random sample.
    Raises ValueError that names an input which is missing or has another shape.
    """
    shapes = {name: tuple(size or 1 for size in shape) for name, shape in network.inputs.items()}
    if path is None:
        generator = np.random.default_rng(0)
        return [{name: generator.random(shape, np.float32) for name, shape in shapes.items()}], None
    try:
        arrays = dict(np.load(path))
    except (OSError, ValueError) as error:
        raise ValueError(f"input {path}: is not an .npz file ({error})") from error
    for name, shape in shapes.items():
        if name not in arrays:
            raise ValueError(f"input {path}: has no array {name!r}, the model needs {', '.join(shapes)}")
        if arrays[name].shape[1:] != shape[1:]:
            raise ValueError(f"input {path}: {name!r} has shape {arrays[name].shape}, the model needs {shape}")
    count = min(len(arrays[name]) // shape[0] for name, shape in shapes.items())
    samples = [
        {name: arrays[name][index * shape[0] : (index + 1) * shape[0]] for name, shape in shapes.items()}
        for index in range(count)
    ]
    return samples, arrays.get(LABELS)


def layer_table(inferences: list[Inference]) -> pd.DataFrame:
    """One row a step: where it ran and what it cost once, and over all samples how its elements compare."""
    rows = []
    for index, first in enumerate(inferences[0].steps):
        every = [inference.steps[index] for inference in inferences]
        rows.append(
            {
                "layer.name": first.step.name,
                "layer": first.runs[0].name,
                "layer.count": len(first.runs),
                "mapping.mapping": str(first.costs[0].mapping or ""),
                "mapping.found": all(cost.found for cost in first.costs),
                "on": "rtl" if first.exact else "reference",
                "sim.cycles": sum(cost.cycles for cost in first.costs),
                "sim.energy_uj": sum(cost.energy_uj for cost in first.costs),
                "sim.moved_bytes": sum(cost.moved_bytes for cost in first.costs),
                **_compared(every),
            }
        )
    return pd.DataFrame(rows)


def _compared(every: list[StepResult]) -> dict[str, int]:
    return {
        "elements": sum(item.elements for item in every),
        "wrong": sum(item.wrong for item in every),
        "rounded.differs": sum(item.alone for item in every),
        "rounded.steps": max(item.alone_steps for item in every),
        "onnxruntime.differs": sum(item.differs for item in every),
        "onnxruntime.steps": max(item.steps for item in every),
    }


def host_table(inference: Inference, layers: pd.DataFrame) -> pd.DataFrame:
    """Operators on the host by kind, once: their shares of all cycles and of all bytes that move."""
    works = [item for item in inference.trace if isinstance(item, HostWork)]
    rows = [
        {"kind": item.kind, "operators": 1, "elements": item.reads, "cycles": item.cycles, "bytes": item.moved_bytes}
        for item in works
    ]
    columns = ["kind", "operators", "elements", "cycles", "bytes"]
    table = pd.DataFrame(rows, columns=columns).groupby("kind", as_index=False).sum()
    for name, of in (("cycles", "sim.cycles"), ("bytes", "sim.moved_bytes")):
        table[f"{name} %"] = (100 * table[name] / (table[name].sum() + layers[of].sum())).round(1)
    return table.sort_values("cycles", ascending=False)


def summary(
    inferences: list[Inference], table: pd.DataFrame, time: SequenceTime, labels: NDArray[Any] | None
) -> list[str]:
    """What the command prints after the tables."""
    exact = table[table["on"] == "rtl"]
    lines = [
        f"{len(inferences)} samples, {table['sim.cycles'].sum():,} cycles and {table['sim.energy_uj'].sum():.4g} uJ"
        " each on the accelerator, layer by layer",
        f"{exact['wrong'].sum()} of {exact['elements'].sum():,} results of the RTL differ from the integer reference"
        f" ({len(exact)} of {len(table)} layers)",
        f"as one program: {time.cycles:,} cycles, in {time.host_cycles:,} of them only the host works;"
        f" layers alone {time.layer_cycles:,} + operators on the host {time.operator_cycles:,}"
        f" = {time.layer_cycles + time.operator_cycles:,}",
    ]
    if not table["mapping.found"].all():
        missing = ", ".join(table.loc[~table["mapping.found"], "layer.name"])
        lines.append(f"mapped by the default tiler, the design has no mapping that runs: {missing}")
    for name in inferences[0].outputs:
        ours = np.concatenate([item.outputs[name].reshape(len(item.outputs[name]), -1) for item in inferences])
        theirs = np.concatenate([item.reference[name].reshape(len(item.reference[name]), -1) for item in inferences])
        apart = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max(initial=0.0)
        same = int((ours.argmax(1) == theirs.argmax(1)).sum())
        lines.append(f"output {name}: largest difference {apart:.4g}, same prediction in {same} of {len(ours)}")
        if labels is not None and len(labels) == len(ours):
            right = [int((values.argmax(1) == labels).sum()) for values in (ours, theirs)]
            lines.append(f"output {name}: {right[0]} of {len(ours)} right, onnxruntime {right[1]}")
    return lines


@dataclass(frozen=True, slots=True)
class Report:
    """What the command shows: tables of layers and of the host's operators, lines, and reasons of the host."""

    layers: pd.DataFrame
    host: pd.DataFrame
    time: SequenceTime
    lines: list[str]
    reasons: tuple[tuple[str, str], ...]


def infer(
    model: Path, folder: Path, samples_file: Path | None, *, design: str, memory: Memory, layers: int | None = None
) -> Report:
    """Run every sample, ``layers`` of the layers on the RTL (None: all). Raises ValueError naming what is wrong."""
    network = Network.load(model)
    if not network.steps:
        reasons = "; ".join(f"{name}: {why}" for name, why in network.host[:5])
        raise ValueError(f"model {model}: has no quantised convolution or product {f'({reasons})' if reasons else ''}")
    samples, labels = read_samples(network, samples_file)
    accelerator = Accelerator.load(folder, design, memory)
    runner = Runner(
        network, accelerator.hardware.dim, accelerator.run, accelerator.imitate, layers, accelerator.operators
    )
    inferences = []
    line = Line(sys.stderr)
    for done, sample in enumerate(samples, 1):
        inferences.append(runner.run(sample))
        line.show(f"{done} of {len(samples)} samples{time_left(done, len(samples), line.seconds)}")
    line.end(f"{len(samples)} samples")
    if not inferences[0].steps:
        raise ValueError(f"model {model}: nothing runs on the accelerator ({inferences[0].host[0][1]})")
    table = layer_table(inferences)
    time = time_sequence(inferences[0].trace, accelerator)
    lines = summary(inferences, table, time, labels)
    return Report(table, host_table(inferences[0], table), time, lines, inferences[0].host)


def main(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="Quantised ONNX model.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that a search wrote.")],
    samples: Annotated[
        Path | None, typer.Option("--input", metavar="X.npz", help="Samples by input name; 'labels' are their classes.")
    ] = None,
    design: Annotated[
        str, typer.Option(help="A design by name, or its folder.", metavar="NAME|FOLDER")
    ] = DEFAULT_DESIGN,
    memory: Annotated[Memory, typer.Option(help="Memory below the bus.")] = DEFAULT_MEMORY,
    layers: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Layers on the RTL, spread evenly; the others take their results from integers."
        ),
    ] = None,
) -> None:
    """Run a quantised network on a found design.

    Compares it with onnxruntime layer by layer.
    """
    check_out_folder(folder)
    report = infer(model, folder, samples, design=design, memory=memory, layers=layers)
    write_table(report.layers, folder / "inference.csv")
    typer.echo(report.layers.drop(columns=["mapping.mapping", "mapping.found"]).to_string(index=False))
    if len(report.host):
        typer.echo("operators on the host:")
        typer.echo(report.host.to_string(index=False))
    for name, why in report.reasons:
        typer.echo(f"on the host: {name}: {why}")
    typer.echo("\n".join(report.lines))


if __name__ == "__main__":
    run(main)
