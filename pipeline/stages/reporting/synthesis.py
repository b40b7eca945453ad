"""The report's section on area by synthesis: a map of modules, and what both area models say."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd

from pipeline.hardware import HardwareTensors
from pipeline.machine.machine import known_areas, with_area
from pipeline.stages.reporting import words
from pipeline.stages.reporting.page import MissingError, Section, figure, folded, table, text
from pipeline.stages.reporting.results import StudyResults
from pipeline.stages.reporting.svg import legend, panels
from pipeline.stages.reporting.treemap import treemap

TOP = "top"
AREAS = {"published": "area_mm2", "synthesized": "area_synthesized_mm2"}
"""Columns of the areas that a machine knows."""


def synthesis_section(results: StudyResults) -> Section | list[Section]:
    """Cell area by module of the default and of each design found; no section where the study did not ask for it."""
    if not results.study["synthesis"]:
        return []
    designs = _designs(results)
    default = next(iter(designs.values()))
    content = text(
        f"Standard cells of {default['liberty']} at {default['nanometres']:g} nm without placement, and memories by "
        f"{default['memories']}. 'area' is that of the published tables, 'area by synthesis' the fit "
        "to cells that --area synthesized uses; both are at 40 nm."
    )
    maps, groups = [], []
    for name, report in designs.items():
        cells = {row["module"] for row in report["modules"] if not row["memory"]}
        areas = grouped(report["hierarchy"], cells)
        groups += [group for group in areas if group not in groups]
        title = f"{name}: {words.hardware(report['hardware'])}, {words.number(report['logic_mm2'])} mm²"
        maps.append(treemap(title, areas, "mm²"))
    caption = "Cell area by module, without memories. Colours are the parts of the top module."
    content += figure(legend((name, words.colour(name)) for name in groups) + panels(maps), caption)
    content += table("areas", areas_table(results, designs))
    content += folded("All modules", table("modules", _modules_table(designs)))
    return Section("synthesis", "Area by module", content)


def _designs(results: StudyResults) -> dict[str, dict[str, Any]]:
    """What was synthesised, by name; each hardware once."""
    found: dict[str, dict[str, Any]] = {}
    for workload in results.workloads:
        path = results.folder / "synthesis" / f"{workload}.json"
        if not path.is_file():
            raise MissingError(f"area by module: {path.name} is not in synthesis/")
        areas = json.loads(path.read_text(encoding="utf-8"))
        if "missing" in areas:
            raise MissingError(f"area by module: {areas['missing']}")
        found.setdefault("default", areas["default"])
        same = next((name for name, one in found.items() if one["hardware"] == areas["found"]["hardware"]), None)
        if same is None:
            found[f"found for {workload}"] = areas["found"]
    return found


def grouped(tree: dict[str, Any], modules: Collection[str]) -> dict[str, dict[str, float]]:
    """Area in mm2 of each of ``modules`` by the part of the top module that it is in."""
    groups: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    groups[TOP][tree["module"]] = tree["own_mm2"]
    for child in tree["children"]:
        for module, mm2 in _areas(child, 1):
            if module in modules:
                groups[child["name"].removeprefix("u_")][module] += mm2
    return {name: dict(parts) for name, parts in groups.items()}


def _areas(node: dict[str, Any], times: int) -> Iterator[tuple[str, float]]:
    here = times * node["instances"]
    yield node["module"], here * node["own_mm2"]
    for child in node["children"]:
        yield from _areas(child, here)


def areas_table(results: StudyResults, designs: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Area of each design by both models, and what synthesis found."""
    machine = results.machine
    records = []
    for name, report in designs.items():
        sizes = HardwareTensors.stack([machine.template.hardware(*report["hardware"].values())])
        record: dict[str, Any] = {"design": name, "hardware": words.hardware(report["hardware"])}
        for area in known_areas(machine):
            record[AREAS[area]] = float(with_area(machine, area).area_mm2(sizes))
        nm = f"{report['nanometres']:g} nm"
        record |= {f"cells, {nm} (mm²)": report["logic_mm2"], f"memories, {nm} (mm²)": report["memory_mm2"]}
        record["clock (MHz)"] = None if report["critical_ns"] is None else 1e3 / report["critical_ns"]
        records.append(record)
    return pd.DataFrame(records)


def _modules_table(designs: dict[str, dict[str, Any]]) -> pd.DataFrame:
    parts = [pd.DataFrame(report["modules"]).assign(design=name) for name, report in designs.items()]
    columns = ["design", "module", "instances", "cells", "area_mm2", "registers", "critical_ns"]
    return pd.concat(parts, ignore_index=True)[columns]
