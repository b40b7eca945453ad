"""The parts of the report, each a function from a study's results to a section.

A section that lacks its data raises ``MissingError``; the report then says what is missing and why, and goes on. A new
part of the report is one more function in ``SECTIONS``.
"""

from collections.abc import Callable

import pandas as pd
from markupsafe import Markup

from pipeline.measurement import known_classes
from pipeline.plugins import short_name
from pipeline.progress import duration
from pipeline.stages.changes import CHANGES
from pipeline.stages.reporting import charts, tables, words
from pipeline.stages.reporting.findings import Finding, alone, findings, mean_gain
from pipeline.stages.reporting.glossary import linked
from pipeline.stages.reporting.layers import layer_sections
from pipeline.stages.reporting.page import MissingError, Section, figure, folded, heading, table, text
from pipeline.stages.reporting.parts import parts_table
from pipeline.stages.reporting.provenance import provenance
from pipeline.stages.reporting.results import StudyResults, best_of
from pipeline.stages.reporting.synthesis import synthesis_section
from pipeline.stages.simulate import ESTIMATED


def lead(results: StudyResults) -> Markup:
    """The first screen: what was found, against what, how much, from what, by whom, how sure."""
    found = findings(results)
    study = results.study
    own = alone(found)
    mean = (
        f"Over {len(own)} networks: {words.ratio(mean_gain(own))} lower {own[0].objective} (geometric mean). "
        if len(own) > 1
        else ""
    )
    if len(own) < len(found):
        mean += "'shared' is one hardware for all networks; its costs are geometric means over them. "
    against = (
        f"{mean}The best simulated design of each network against the default "
        f"({words.hardware(found[0].default)}: array, scratchpad + accumulator) with its default tiler, both simulated "
        f"on the RTL of '{study['design']}' with '{study['simulation']['memory']}' memory. Searches used the model "
        f"'{study['learning']['kind']}'. "
        "EDP is energy times cycles of one inference; lower is better."
    )
    if study["search"]["objective"] != "edp":
        against += f" Searches minimised the {found[0].objective}, and designs are chosen by it."
    cards = Markup("").join(_card(item) for item in found)
    return Markup('<p class="lead">{0}</p><div class="results">{1}</div>').format(linked(against), cards)


def _card(item: Finding) -> Markup:
    gains = {"EDP": item.edp_gain, "cycles": item.cycles_gain, "energy": item.energy_gain, "area": item.area_gain}
    facts = [item.chosen(), f"{item.objective}: {item.sources()}", item.certainty()]
    facts += [f"over a latency limit: {words.ratio(item.over_limit)} the time"] if item.over_limit > 1 else []
    facts += [f"others: {item.rivals()}"] if item.others else []
    listed = Markup("").join(Markup("<li>{0}</li>").format(fact) for fact in facts)
    return Markup(
        '<div class="result"><h2>{0}</h2><b>{1} lower {5}</b>{2}{3}<p class="soft">bars: share of the default, whose '
        "mark is the line; shorter is better</p><ul>{4}</ul></div>"
    ).format(
        item.workload,
        words.ratio(item.gain),
        words.hardware_words(item.design),
        charts.ratio_bars(gains),
        listed,
        item.objective,
    )


def designs_section(results: StudyResults) -> Section:
    """Every way to search, and every design."""
    designs = tables.designs_table(results)
    method = str(results.study["search"]["method"])
    summary = tables.summary_table(designs, results.rounds, method)
    everything = tables.readable_designs(designs, method)
    content = text(
        "Each row is a whole network. 'put together' takes the best simulated mapping of each layer on one hardware. A "
        "predicted value is what the model that searched expected before the simulation. Other methods search once, "
        "with the model of the last round and as many evaluations, and only what they find is simulated: 'simulated' "
        "says how many simulated mappings a design was chosen from. A search of many rounds chooses from more of them "
        "than one that simulates once; those 'as found' were simulated alike."
    )
    content += table(
        "designs", summary, best=list(summary["improvement"] == summary["workload"].map(_best_gain(designs)))
    )
    content += Markup('<div class="compare" hidden>{0}</div>').format(heading("Compare two designs"))
    listed = table("all_designs", everything, best=tables.best_rows(designs))
    content += Markup('<div id="all-designs">{0}</div>').format(folded("All designs", listed))
    return Section("designs", "Designs", content)


def parts_section(results: StudyResults) -> Section:
    """What hardware and what mappings give, each alone and together."""
    parts = parts_table(results, tables.designs_table(results))
    content = text(
        f"Each row is simulated; 'below default' is how many times its {_objective(results)} is below the default's. "
        "Mappings on the default hardware, and designs within the default's area, come from "
        "searches of their own where the study runs them (baselines.parts), with the model of the last round and as "
        "many evaluations; a design of another search takes the row where it is better."
    )
    return Section("parts", "Hardware and mappings", content + table("parts", parts))


def networks_section(results: StudyResults) -> Section:
    """What each network costs on the default, on hardware of its own, and on the one that all share."""
    clock = float(results.study["search"]["clock_mhz"])
    costs = tables.networks_table(results, clock)
    content = text(
        f"Times and rates are at {words.number(clock)} MHz, an assumed clock. 'over own' is what a network pays for "
        f"sharing the hardware: its {_objective(results)} there over that on the best hardware found for it alone. The "
        "shared design is the one where the weighted geometric mean of that over the networks is lowest."
    )
    return Section("networks", "Networks", content + table("networks", costs))


def _objective(results: StudyResults) -> str:
    """What the study minimised, in words."""
    return words.OBJECTIVES[results.goal.objective]


def _best_gain(designs: pd.DataFrame) -> dict[str, float]:
    """Gain of the best design of each network."""
    return {str(name): float(best_of(group)["improvement"]) for name, group in designs.groupby("workload")}


def search_section(results: StudyResults) -> Section:
    """How the result was reached: rounds, and searches over evaluations."""
    designs = tables.designs_table(results)
    rounds = tables.rounds_table(designs, results.rounds)
    if rounds.empty:
        raise MissingError("rounds: no round simulated a design in full")
    other_gains = {item.workload: item.others for item in findings(results)}
    content = text(
        "A round searches, simulates what it found, the default tiler's mappings on the same hardware, and the "
        "mappings that the model was least sure of, and refits the model. 'gain' compares with the round before; "
        "'prediction error' is the median over the designs found in the round, before they joined the data."
    )
    content += figure(
        charts.rounds_panels(rounds, other_gains, _objective(results)),
        "Best simulated design after each round; dashed: other searches.",
    )
    content += table("rounds", rounds)
    if not results.traces.empty:
        last, method = results.rounds[-1], str(results.study["search"]["method"])
        others = [short_name(name) for name in results.study["baselines"]["methods"] if name != method]
        names = {last: short_name(method)} | {name: name for name in others}
        if "analytical" in set(results.traces["variant"]):
            names["analytical"] = "analytical"
        traces = results.traces.assign(best=tables.trace_values(results))
        caption = (
            f"Best {_objective(results)} by the searching model against evaluations, from the first design on: median "
            "and range over seeds. 'analytical' searches with the analytical model alone: its values are that model's."
        )
        content += figure(charts.trace_panels(traces, names, _objective(results)), caption)
        content += folded("All traces", table("traces", results.traces))
    return Section("search", "Search", content)


def accuracy_section(results: StudyResults) -> Section:
    """How right the models were on what they had not seen."""
    scores = tables.accuracy_table(results.dataset)
    if scores.empty:
        raise MissingError("accuracy: no mapping was measured after a model was trained")
    kinds = list(dict.fromkeys(scores["model"]))
    content = text(
        "In each round the models are trained on everything measured before and judged on what is measured in it. "
        "'searched' are the mappings of the designs found, where accuracy counts most; there the differences between "
        "mappings are small, so a model can have a small error and still rank them poorly. What each part adds: "
        "'dosa' is DOSA's analytical model, 'residual' its published correction, 'analytical' the machine's timing "
        "before anything was measured, 'calibrated' with constants fitted, 'default' with a correction on top."
    )
    caption = (
        "Error of mappings that the model had not seen over how busy they keep the array; both matter at the right."
    )
    content += figure(charts.error_panels(results.dataset, kinds), caption) + table("accuracy", scores)
    return Section("accuracy", "Model accuracy", content)


def execution_section(results: StudyResults) -> Section:
    """Where cycles and energy of whole networks go, default beside found."""
    both = ((results.references, "default"), (results.finals, "found"))
    cycles = pd.concat([tables.cycles_table(layers, name) for layers, name in both], ignore_index=True)
    template = results.machine.template
    energy = pd.concat([tables.energy_table(layers, name, template) for layers, name in both], ignore_index=True)
    cycles, energy = (part.sort_values("workload", kind="stable", ignore_index=True) for part in (cycles, energy))
    levels = [str(name) for name in energy.columns if name not in ("workload", "design")]
    content = text(
        "Compute is the array at work; load and store are cycles in which it waits for memory; fill and drain are its "
        "start and end; host is the wait for commands. "
        + _energy_source(pd.concat([results.references, results.finals]))
    )
    for frame, parts, unit, head in (
        (cycles, known_classes(f"sim.{name}" for name in cycles.columns), "cycles", "Cycles of one inference"),
        (energy, levels, "µJ", "Energy of one inference"),
    ):
        bars = Markup("").join(_network_bars(group, parts, unit) for _, group in frame.groupby("workload", sort=False))
        content += heading(head) + bars
    content += folded("As tables", table("cycles", cycles) + table("energy", energy))
    cached = tables.cached_table(results.references, results.finals)
    if len(cached):
        content += text(
            "By the published rule, which all other figures keep to, every byte over the bus comes from DRAM. Beside "
            "it the energy where what the caches hold is priced as theirs."
        ) + table("caches", cached)
    return Section("execution", "Cycles and energy", content)


def _energy_source(layers: pd.DataFrame) -> str:
    if ESTIMATED in layers:
        return "The RTL does not count all words that it moves: energy is what the machine of the design expects."
    return "Energy follows from the words that the RTL counted."


def _network_bars(group: pd.DataFrame, parts: list[str], unit: str) -> Markup:
    rows = []
    for row in group.to_dict("records"):
        values = {name: float(row[name]) for name in parts}
        label = f"{row['workload']}, {row['design']}"
        rows.append((label, f"{words.number(sum(values.values()))} {unit}", values))
    return charts.stacked_bars(rows, unit)


def waits_section(results: StudyResults) -> Section:
    """What the designs found wait for: layers simulated with their surroundings changed."""
    layers = results.what_if
    if layers.empty or not (layers["error"] == "").any():
        raise MissingError("what the design waits for: no layer was simulated with things changed")
    waits = tables.waits_table(layers)
    meanings = "; ".join(
        f"{change.name}: {change.meaning}" for change in CHANGES if change.name in set(waits["change"])
    )
    content = text(
        "Layers of the designs found that take most cycles, simulated again with one thing changed at a time and with "
        f"every combination of them. {meanings}. 'saves alone' is what a change saves by itself; shares (Shapley) "
        "split what all of them save together, and add up to it."
    )
    content += charts.stacked_bars(_waits_bars(waits, layers), "cycles") + table("waits", waits)
    return Section("waits", "What the design waits for", content)


def _waits_bars(waits: pd.DataFrame, layers: pd.DataFrame) -> list[tuple[str, str, dict[str, float]]]:
    """Shares above zero, and what remains when everything is changed."""
    bars = []
    for workload, group in waits.groupby("workload", sort=False):
        together = group[group["change"] == "all"]
        cycles = float(together["cycles"].iloc[0])
        parts = {str(row["change"]): float(row["share"]) * cycles for row in group.to_dict("records")}
        parts["what remains"] = cycles - parts.pop("all")
        names = ", ".join(layers.loc[layers["workload"] == workload, "layer.name"])
        bars.append((str(workload), names, {name: max(0.0, value) for name, value in parts.items()}))
    return bars


def pareto_section(results: StudyResults) -> Section:
    """What no design beats: EDP against area, and energy against latency."""
    designs, method = tables.designs_table(results), str(results.study["search"]["method"])
    content = Markup("")
    for name, costs, caption in (
        ("pareto", ("area_mm2", "sim.edp"), "Area against simulated EDP."),
        ("pareto_energy", ("sim.cycles", "sim.energy_uj"), "Simulated cycles against energy."),
    ):
        points = tables.pareto_table(designs, method, costs)
        content += figure(
            charts.pareto_panels(points, costs), f"{caption} The line joins the designs that none beats in both."
        )
        content += folded("As a table", table(name, points, best=list(points["front"])))
    return Section("pareto", "Pareto fronts", content)


def timing_section(results: StudyResults) -> Section:
    """Where the study's own time went."""
    if results.timings.empty:
        raise MissingError("time by stage: the folder has no benchmarks/")
    timings = tables.timings_table(results.timings)
    values = {str(stage): float(seconds) for stage, seconds in zip(timings["stage"], timings["seconds"], strict=True)}
    notes = {name: f"{words.number(round(seconds, 1))} s" for name, seconds in values.items()}
    jobs, seconds = int(timings["jobs"].sum()), duration(float(timings["seconds"].sum()))
    content = text(
        f"Wall-clock seconds, added over the jobs of a stage, several of which run at once: {jobs} jobs, {seconds}."
    )
    content += charts.plain_bars(values, notes) + folded("As a table", table("timings", timings))
    return Section("time", "Time by stage", content)


SECTIONS: tuple[Callable[[StudyResults], Section | list[Section]], ...] = (
    designs_section,
    parts_section,
    networks_section,
    execution_section,
    waits_section,
    layer_sections,
    pareto_section,
    synthesis_section,
    search_section,
    accuracy_section,
    timing_section,
    provenance,
)
"""All parts of the page below its first screen, in order."""
