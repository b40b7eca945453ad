"""The report's tables, each a data frame that is also offered as CSV."""

import math
import re
from dataclasses import fields
from typing import Any

import pandas as pd
import torch
from scipy.stats import spearmanr

from pipeline.config.study import SHARED
from pipeline.hardware import HardwareTensors, Template
from pipeline.machine.machine import Machine, known_areas, with_area
from pipeline.mapping import Mapping
from pipeline.measurement import WORD_COUNTERS, known_classes
from pipeline.search.pareto import on_front
from pipeline.search.result import speed
from pipeline.stages import what_if
from pipeline.stages.reporting import words
from pipeline.stages.reporting.results import JUDGED, StudyResults, best_of
from pipeline.stages.simulate import CACHED, counted_energy, estimated_energy
from pipeline.stages.totals import each_network, totals
from pipeline.table import hardware_of, layer_of
from pipeline.workload import DIMS


def designs_table(results: StudyResults) -> pd.DataFrame:
    """Every simulated design with its area and how many times its objective is below that of the default."""
    table = results.designs.copy()
    table["area_mm2"] = areas(table, results.machine)
    if "synthesized" in known_areas(results.machine):
        table["area_synthesized_mm2"] = areas(table, with_area(results.machine, "synthesized"))
    reference = table[table["variant"] == "reference"].set_index("workload")["objective"]
    table["improvement"] = table["workload"].map(reference) / table["objective"]
    table["prediction_error"] = table["pred.edp"] / table["sim.edp"] - 1
    return table


def areas(designs: pd.DataFrame, machine: Machine) -> list[float]:
    """Area of each design in mm2."""
    template = machine.template
    sizes = designs[list(template.sizes)].itertuples(index=False)
    hardware = [template.hardware(int(dim), *map(float, kib)) for dim, *kib in sizes]
    with torch.no_grad():
        values: list[float] = machine.area_mm2(HardwareTensors.stack(hardware)).tolist()
    return values


def summary_table(designs: pd.DataFrame, rounds: list[str], method: str) -> pd.DataFrame:
    """Per workload: the default, the best of each search variant, and the loop after each round."""
    parts = []
    for _, group in designs.groupby("workload", sort=False):
        others = [name for name in dict.fromkeys(group["variant"]) if name not in rounds]
        own = (group[group["variant"] == name] for name in [*others, *rounds])
        parts += [best_of(rows) for rows in own if len(rows)]
    return readable_designs(pd.DataFrame(parts).reset_index(drop=True), method).drop(columns=["seed", "kind"])


def best_rows(designs: pd.DataFrame) -> list[bool]:
    """Whether each design is as good as the best of its network."""
    judged = [(str(name), *row) for name, *row in designs[["workload", *JUDGED]].itertuples(index=False)]
    best = {name: min(row for row in judged if row[0] == name) for name in {row[0] for row in judged}}
    return [row == best[row[0]] for row in judged]


def readable_designs(designs: pd.DataFrame, method: str) -> pd.DataFrame:
    """Designs as people read them: who found them, sizes in words, gains over the default."""
    limited = {"over_limit": designs["over_limit"]} if (designs["over_limit"] > 1).any() else {}
    readable = pd.DataFrame(
        {
            "workload": designs["workload"],
            "found by": [words.finder(str(variant), method) for variant in designs["variant"]],
            "seed": [
                str(value) if isinstance(value, str) and value != "default" else "" for value in designs["candidate"]
            ],
            "kind": ["put together" if kind == "assembled" else "as found" for kind in designs["kind"]],
            "hardware": [words.hardware(row) for row in designs.to_dict("records")],
            "simulated": designs["simulated"],
            "improvement": designs["improvement"],
            **limited,
            "sim.edp": designs["sim.edp"],
            "pred.edp": designs["pred.edp"],
            "prediction_error": designs["prediction_error"],
            "sim.cycles": designs["sim.cycles"],
            "sim.energy_uj": designs["sim.energy_uj"],
            "area_mm2": designs["area_mm2"],
        }
    )
    if "area_synthesized_mm2" in designs:
        readable["area_synthesized_mm2"] = designs["area_synthesized_mm2"]
    return readable


def networks_table(results: StudyResults, clock_mhz: float) -> pd.DataFrame:
    """Costs of one inference of each network on the default, its own and the shared hardware."""
    own, goal = results.finals[results.finals["workload"] != SHARED], results.goal
    records = [
        cost | {"network": str(workload), "hardware for": "itself"}
        for workload, rows in own.groupby("workload", sort=False)
        for cost in _network_costs(rows, clock_mhz)
    ]
    records += [
        cost | {"hardware for": "all"}
        for cost in _network_costs(results.finals[results.finals["workload"] == SHARED], clock_mhz)
    ]
    for workload, rows in results.references.groupby("workload", sort=False):
        named = {} if workload == SHARED else {"network": str(workload)}
        records += [cost | named | {"hardware for": "default"} for cost in _network_costs(rows, clock_mhz)]
    table = pd.DataFrame(records).drop_duplicates(["network", "hardware for"])
    value = pd.Series([goal.value(*row) for row in table[["sim.cycles", "sim.energy_uj"]].itertuples(index=False)])
    value.index = table.index
    known = {kind: value[rows.index].set_axis(rows["network"]) for kind, rows in table.groupby("hardware for")}
    table["improvement"] = table["network"].map(known["default"]) / value
    table["over_own"] = value / table["network"].map(known["itself"]) if "itself" in known else math.nan
    if goal.max_cycles:
        table["limit_ms"] = table["network"].map(goal.max_cycles) / (clock_mhz * 1e3)
    first = ["network", "hardware for", "improvement", "over_own"]
    table["at"] = table["hardware for"].map({kind: at for at, kind in enumerate(("default", "itself", "all"))})
    table = table.sort_values(["network", "at"], kind="stable", ignore_index=True).drop(columns="at")
    return table[first + [name for name in table.columns if name not in first]]


def _network_costs(layers: pd.DataFrame, clock_mhz: float) -> list[dict[str, Any]]:
    costs = []
    for name, (rows, _) in each_network(layers).items() if len(layers) else ():
        cycles, energy, edp = totals(rows)
        macs = float((rows[[f"prob.{dim}" for dim in DIMS]].astype(float).prod(axis=1) * rows["layer.count"]).sum())
        rates = speed(cycles, energy, macs, clock_mhz)
        costs.append({"network": name, "sim.edp": edp, "sim.cycles": cycles, "sim.energy_uj": energy} | rates)
    return costs


def accuracy_table(dataset: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each model in each round on mappings measured in that round, which it had not seen."""
    records = []
    kinds = [name.split(".")[1] for name in dataset.columns if re.fullmatch(r"pred\.[^.]+\.cycles", name)]
    for number, rows in dataset[dataset["round"] > 0].groupby("round"):
        for scope, part in (("all new", rows), ("searched", rows[rows["sample.origin"] == "found"])):
            for kind in kinds:
                known = part.dropna(subset=[f"pred.{kind}.cycles", "sim.cycles"])
                if len(known) > 1:
                    records.append(
                        {"round": number, "mappings": scope, "model": kind, "count": len(known)} | scores(known, kind)
                    )
    return pd.DataFrame(records)


def scores(rows: pd.DataFrame, kind: str) -> dict[str, float]:
    """Rank correlation, relative errors, and the share of rows inside the 90 % interval (where there is one)."""
    predicted, measured = rows[f"pred.{kind}.cycles"], rows["sim.cycles"]
    error = (predicted / measured - 1).abs()
    found = {
        "spearman": float(spearmanr(predicted, measured).statistic),
        "median_error": float(error.median()),
        "p90_error": float(error.quantile(0.9)),
    }
    deviation = f"pred.{kind}.cycles_std"
    if deviation in rows and rows[deviation].notna().all():
        found["inside_90"] = float(((predicted - measured).abs() <= 1.645 * rows[deviation]).mean())
    return found


def rounds_table(designs: pd.DataFrame, rounds: list[str]) -> pd.DataFrame:
    """Per workload and round: the best design so far and the gain over the round before."""
    records = []
    for workload, group in designs.groupby("workload", sort=False):
        before = math.nan
        for name in rounds:
            best = group[(group["variant"] == name) & (group["kind"] == "assembled")]
            found = group[(group["variant"] == name) & (group["kind"] == "found")]
            if best.empty:
                continue
            now = float(best["objective"].iloc[0])
            records.append(
                {
                    "workload": workload,
                    "round": int(name[1:]),
                    "sim.edp": float(best["sim.edp"].iloc[0]),
                    "gain": before / now,
                    "improvement": float(best["improvement"].iloc[0]),
                    "prediction_error": float(found["prediction_error"].median()),
                }
            )
            before = now
    return pd.DataFrame(records)


def layers_table(found: pd.DataFrame, default: pd.DataFrame) -> pd.DataFrame:
    """Layers of a design with cycles and energy beside the default's, utilisation of the array and mapping."""
    macs = found[[f"prob.{dim}" for dim in DIMS]].astype(float).prod(axis=1)
    before = default.drop_duplicates("layer.name").set_index("layer.name")
    table = found[["layer.name", "layer.count"]].copy()
    table["default_cycles"] = table["layer.name"].map(before["sim.cycles"])
    table["sim.cycles"] = found["sim.cycles"]
    table["prediction_error"] = found["pred.cycles"] / found["sim.cycles"] - 1 if "pred.cycles" in found else math.nan
    table["utilisation"] = macs / (found["sim.cycles"] * found["arch.meshX"].astype(float) ** 2)
    table["default_energy_uj"] = table["layer.name"].map(before["sim.energy_uj"])
    table["sim.energy_uj"] = found["sim.energy_uj"]
    table["chosen from"] = found["sample.origin"]
    for name in ("validation.agrees", "exact.agrees"):
        table[name] = found.get(name)
    table["mapping.mapping"] = found["mapping.mapping"]
    return table.reset_index(drop=True)


def cycles_table(layers: pd.DataFrame, design: str) -> pd.DataFrame:
    """Where the cycles of whole networks go, one row a workload."""
    classes = known_classes(layers.columns)
    weighted = layers[[f"sim.{name}" for name in classes]].mul(layers["layer.count"], axis=0)
    weighted.columns = classes
    table = weighted.groupby(layers["workload"], sort=False).sum().reset_index()
    table.insert(1, "design", design)
    return table


def waits_table(layers: pd.DataFrame) -> pd.DataFrame:
    """What changes of the surroundings save of each design's simulated layers, a row a design and change."""
    good = layers[layers["error"] == ""]
    parts = [what_if.totals(group).assign(workload=name) for name, group in good.groupby("workload", sort=False)]
    return pd.concat(parts, ignore_index=True)[["workload", "change", "alone", "share", "cycles"]]


def energy_table(layers: pd.DataFrame, design: str, template: Template) -> pd.DataFrame:
    """Energy of whole networks by memory level in microjoule, one row a workload."""
    records = layers.to_dict("records")
    each = pd.DataFrame([_level_energy({str(k): v for k, v in record.items()}, template) for record in records])
    weighted = each.mul(layers["layer.count"].to_numpy(), axis=0)
    table = weighted.groupby(layers["workload"], sort=False).sum().reset_index()
    table.insert(1, "design", design)
    return table


def cached_table(before: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Energy of whole networks by both rules in microjoule, a row a workload; none where no caches were counted."""
    if CACHED not in before or CACHED not in found:
        return pd.DataFrame()
    columns = {}
    for column, name in (("sim.energy_uj", "published rule"), (CACHED, "caches apart")):
        for design, layers in (("default", before), ("found", found)):
            energy = layers[column] * layers["layer.count"]
            columns[f"{design}, {name} (µJ)"] = energy.groupby(layers["workload"], sort=False).sum()
        columns[f"below default, {name}"] = columns[f"default, {name} (µJ)"] / columns[f"found, {name} (µJ)"]
    return pd.DataFrame(columns).rename_axis("workload").reset_index()


def _level_energy(row: dict[str, Any], template: Template) -> dict[str, float]:
    hardware = hardware_of(row, template)
    if all(f"sim.{name}" in row for name in WORD_COUNTERS):
        energy = counted_energy({name: int(row[f"sim.{name}"]) for name in WORD_COUNTERS}, hardware)
    else:
        mapping = Mapping.parse(row["mapping.mapping"], layer_of(row), template.hierarchy)
        energy = estimated_energy(mapping, hardware)
    return {field.name: float(getattr(energy, field.name).item()) for field in fields(energy)}


def pareto_table(designs: pd.DataFrame, method: str, costs: tuple[str, str]) -> pd.DataFrame:
    """Designs with two ``costs``; ``front`` marks those that no other beats in both, ``result`` the chosen one."""
    table = designs[["workload", "variant", *costs]].assign(result=best_rows(designs))
    table["sizes"] = [words.hardware(row) for row in designs.to_dict("records")]
    table["found by"] = [words.finder(str(variant), method) for variant in designs["variant"]]
    table = table.drop_duplicates(ignore_index=True)
    parts = [
        group.assign(front=on_front(*(group[cost].to_numpy(float) for cost in costs)))
        for _, group in table.groupby("workload", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)


def trace_values(results: StudyResults) -> list[float]:
    """The objective of the best design so far at every point of the searches' traces."""
    if results.goal.objective == "edp":
        return list(results.traces["edp"])
    pairs = results.traces[["cycles", "energy_uj"]].itertuples(index=False)
    return [results.goal.value(*pair) for pair in pairs]


def timings_table(timings: pd.DataFrame) -> pd.DataFrame:
    """Jobs, seconds and largest memory by stage."""
    groups = timings.groupby("stage", sort=False)
    table = groups.agg(jobs=("seconds", "size"), seconds=("seconds", "sum"), memory_mb=("memory_mb", "max"))
    return table.reset_index().sort_values("seconds", ascending=False, ignore_index=True)
