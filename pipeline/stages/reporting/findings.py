"""What a study found, in numbers and in words: the best simulated design of each network against the default."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.config.study import SHARED
from pipeline.stages.reporting import tables, words
from pipeline.stages.reporting.parts import tiled_totals
from pipeline.stages.reporting.results import StudyResults, best_of


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one network. Gains are the default's value over the result's: above 1 is better."""

    workload: str
    design: dict[str, Any]
    """The row of the best design."""
    default: dict[str, Any]
    """The row of the default."""
    finder: str
    objective: str
    """What was minimised, in words."""
    gain: float
    """In what was minimised."""
    edp_gain: float
    cycles_gain: float
    energy_gain: float
    area_gain: float
    hardware_gain: float | None
    """What the found hardware gains with the default tiler's mappings; None when those were not simulated."""
    seeds: tuple[float, ...]
    """Gain of what each seed of the last round found."""
    others: dict[str, float]
    """Gain of the best design of every other way to search."""
    simulated: dict[str, int]
    """How many simulated mappings each finder's best design was chosen from: they are not the same number."""
    confirmed: tuple[int, int]
    """Layers with the same cycles when simulated again, of how many."""

    @property
    def mapping_gain(self) -> float | None:
        """What mappings gain on the found hardware over the default tiler's there."""
        return None if self.hardware_gain is None else self.gain / self.hardware_gain

    @property
    def sizes(self) -> str:
        """The found hardware in words."""
        return words.hardware(self.design)

    @property
    def over_limit(self) -> float:
        """How many times its latency limit it takes; 1 where it keeps it."""
        return float(self.design["over_limit"])

    @property
    def prediction_error(self) -> float:
        """Error of the predicted EDP; not a number for a design that no model judged."""
        return float(self.design["prediction_error"])

    def headline(self) -> str:
        """One sentence."""
        if self.design["variant"] == "reference":
            return f"{self.workload}: nothing that was simulated beats the default ({self.sizes})."
        rest = f"{words.more_or_less(self.cycles_gain, 'cycles')}, {words.more_or_less(self.energy_gain, 'energy')}"
        area = words.more_or_less(self.area_gain, "area")
        gain = f"{self.sizes} has {words.ratio(self.gain)} lower {self.objective} than the default"
        mean = " (geometric mean over all networks)" if self.workload == SHARED else ""
        limit = f"; it takes {words.ratio(self.over_limit)} the time that it may" if self.over_limit > 1 else ""
        return f"{self.workload}: {gain}{mean}: {rest}, {area}{limit}."

    def chosen(self) -> str:
        """Who found it, among how many."""
        return f"found by {self.finder} among {self.simulated[self.finder]} simulated mappings"

    def rivals(self) -> str:
        """What the others found, each among how many; empty where there are none."""
        listed = [f"{name} {words.ratio(gain)} among {self.simulated[name]}" for name, gain in self.others.items()]
        return "; ".join(listed)

    def sources(self) -> str:
        """From hardware or from mappings."""
        if self.hardware_gain is None or self.mapping_gain is None:
            return "the default tiler's mappings were not simulated on this hardware, so the gain is not split"
        return (
            f"{words.ratio(self.hardware_gain)} from the hardware, {words.ratio(self.mapping_gain)} from the mappings"
        )

    def certainty(self) -> str:
        """How sure."""
        same, layers = self.confirmed
        said = [f"{same} of {layers} layers took the same cycles when simulated again"]
        if len(self.seeds) > 1:
            low, high = words.ratio(min(self.seeds)), words.ratio(max(self.seeds))
            said.append(f"{len(self.seeds)} seeds of the last round: {low} to {high}")
        else:
            said.append("one search seed, so the spread is not known")
        if math.isfinite(self.prediction_error):
            said.append(f"EDP predicted to {words.percent(self.prediction_error, signed=True)}")
        return "; ".join(said)


def findings(results: StudyResults) -> list[Finding]:
    """The result of each network, in the study's order."""
    designs = tables.designs_table(results)
    return [_finding(results, str(name), group) for name, group in designs.groupby("workload", sort=False)]


def _finding(results: StudyResults, workload: str, designs: pd.DataFrame) -> Finding:
    best, goal = best_of(designs), results.goal
    default = designs[designs["variant"] == "reference"].iloc[0]
    method = str(results.study["search"]["method"])
    leaders = [best_of(group).to_dict() for _, group in designs.groupby("variant", sort=False)]
    gain = {str(row["variant"]): float(row["improvement"]) for row in leaders}
    last = results.rounds[-1]
    families = {name for name in gain if name not in (*results.rounds, "reference")} | ({last} & set(gain))
    seeds = designs[(designs["variant"] == last) & (designs["kind"] == "found")]["improvement"]
    finals = results.finals[results.finals["workload"] == workload]
    return Finding(
        workload=workload,
        design={str(k): v for k, v in best.items()},
        default={str(k): v for k, v in default.items()},
        finder=words.finder(str(best["variant"]), method),
        objective=words.OBJECTIVES[goal.objective],
        gain=float(best["improvement"]),
        edp_gain=float(default["sim.edp"] / best["sim.edp"]),
        cycles_gain=float(default["sim.cycles"] / best["sim.cycles"]),
        energy_gain=float(default["sim.energy_uj"] / best["sim.energy_uj"]),
        area_gain=float(default["area_mm2"] / best["area_mm2"]),
        hardware_gain=_hardware_gain(results, workload, float(default["objective"])),
        seeds=tuple(seeds),
        others={
            words.finder(name, method): value
            for name, value in sorted(gain.items(), key=lambda item: -item[1])
            if name in families and name != best["variant"] and not (name == last and best["variant"] in results.rounds)
        },
        simulated={words.finder(str(row["variant"]), method): int(row["simulated"]) for row in leaders},
        confirmed=(int(finals["validation.agrees"].sum()), len(finals)),
    )


def _hardware_gain(results: StudyResults, workload: str, default: float) -> float | None:
    """The default's objective over that of the default tiler's mappings on the found hardware."""
    costs = tiled_totals(results, workload)
    return None if costs is None else default / results.goal.value(*costs[:2])


def alone(found: list[Finding]) -> list[Finding]:
    """The networks with hardware of their own."""
    return [item for item in found if item.workload != SHARED]


def mean_gain(found: list[Finding]) -> float:
    """Geometric mean of the gains."""
    return math.exp(sum(math.log(item.gain) for item in found) / len(found))


def summary_lines(results: StudyResults) -> list[str]:
    """The result in a few lines of text, for a terminal."""
    found = findings(results)
    lines = []
    for item in found:
        lines += [item.headline(), f"  found by {item.finder}; {item.sources()}", f"  {item.certainty()}"]
    own = alone(found)
    if len(own) > 1:
        lines.append(f"geometric mean over {len(own)} networks: {words.ratio(mean_gain(own))} lower {own[0].objective}")
    memory = results.study["simulation"]["memory"]
    model = results.study["learning"]["kind"]
    size = f"{words.hardware(found[0].default)} (array, scratchpad + accumulator)"
    lines.append(f"default: {size} with its default tiler; memory {memory}; model {model}")
    return lines
