"""Area and timing of the RTL by synthesis: ``make bench-synthesis`` (QUICK=1: DIM 4 alone).

Each array size is synthesised into an empty folder, so CPU seconds and memory are those of a first run; units that two
sizes share are synthesised for each. Prints modules by size, the totals, and the area model of
``pipeline/machine/gemmini/synthesized_area.yaml``: fitted to three sizes, judged on the others, beside the published
tables. Needs pyosys, OpenSTA and the Liberty file of qflow-tech-osu018 (``docs/synthesis.md``).
"""

import resource
import tempfile
from pathlib import Path

import numpy as np

from benches.common import Cell, quick, show, write
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.gemmini.synthesized_area import TABLE_NM, memory_mm2
from pipeline.machine.machine import machine_of
from pipeline.stages.synthesize import module_table, summary, synthesize
from pipeline.synthesis.tools import DEFAULT_NANOMETRES

DIMS = (4,) if quick() else (4, 8, 16, 32, 64)
DESIGN = "gemmini"
FITTED = (4, 8, 16)
"""Sizes that the three coefficients of the area model are solved from."""
SCRATCHPAD_KIB, ACCUMULATOR_KIB = 256, 64


def point(dim: int) -> Hardware:
    """The design point of an array size: the memories of the default hardware."""
    return machine_of(DESIGN).template.hardware(dim, SCRATCHPAD_KIB, ACCUMULATOR_KIB)


def measure(dim: int) -> tuple[dict[str, Cell], dict[str, float]]:
    """Totals of one size, and area in mm2 by module."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    with tempfile.TemporaryDirectory(prefix="bench-synthesis-") as cache:
        result = synthesize(DESIGN, point(dim), cache=Path(cache) / "units")
        table, total = module_table(result), summary(result)
    after, self_after = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    seconds = sum(
        end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
        for start, end in ((before, after), (own, self_after))
    )
    ends = total["critical_path"]
    row: dict[str, Cell] = {
        "dim": dim,
        "cpu_s": seconds,
        "largest_process_gb": max(after.ru_maxrss, self_after.ru_maxrss) / 1e6,
        **{name: value for name, value in total.items() if isinstance(value, int | float) and name != "nanometres"},
        "critical_path": " -> ".join(map(str, ends)) if isinstance(ends, list) else None,
    }
    print(f"DIM {dim}: {row}", flush=True)
    return row, dict(zip(table["module"], table["area_mm2"], strict=True))


def fit(logic: dict[int, float]) -> tuple[float, float, float]:
    """Coefficients of DIM^2, DIM and 1 that give the logic in mm2 at the fitted sizes."""
    sizes = np.array(FITTED, dtype=float)
    a, b, c = np.linalg.solve(np.stack([sizes**2, sizes, np.ones(3)], 1), [logic[dim] for dim in FITTED])
    return float(a), float(b), float(c)


def model_rows(logic: dict[int, float], coefficients: tuple[float, float, float]) -> list[dict[str, Cell]]:
    """The area model against synthesis, and its total at 40 nm against that of the published tables."""
    rows: list[dict[str, Cell]] = []
    for dim, synthesised in logic.items():
        a, b, c = coefficients
        modelled = a * dim**2 + b * dim + c
        hardware = HardwareTensors.stack([point(dim)])
        scaled, memory = modelled * (TABLE_NM / DEFAULT_NANOMETRES) ** 2, float(memory_mm2(hardware))
        published = float(machine_of(DESIGN).area_mm2(hardware))
        rows.append(
            {
                "dim": dim, "logic_mm2": synthesised, "model_mm2": modelled, "error": modelled / synthesised - 1,
                "fitted": dim in FITTED, "logic_40nm_mm2": scaled, "memory_40nm_mm2": memory,
                "total_40nm_mm2": scaled + memory, "published_40nm_mm2": published,
                "ratio": (scaled + memory) / published,
            }
        )  # fmt: skip
    return rows


def main() -> None:
    """Synthesise every size, print areas by module, write the totals with them."""
    measured = [measure(dim) for dim in DIMS]
    modules = {name: None for _, areas in measured for name in areas}
    print("area in mm2 at 180 nm by module:")
    show([{"module": name} | {f"DIM {row['dim']}": areas.get(name) for row, areas in measured} for name in modules])
    rows = [row | {f"{name} mm2": area for name, area in areas.items()} for row, areas in measured]
    show([row for row, _ in measured])
    logic = {dim: float(str(row["logic_mm2"])) for dim, (row, _) in zip(DIMS, measured, strict=True)}
    if set(FITTED) <= set(logic):
        coefficients = fit(logic)
        print("logic in mm2 at 180 nm: {:.6g} DIM^2 + {:.6g} DIM + {:.6g}".format(*coefficients))
        models = model_rows(logic, coefficients)
        show(models)
        named = [{f"model {name}": value for name, value in one.items()} for one in models]
        rows = [row | one for row, one in zip(rows, named, strict=True)]
    write("synthesis", rows)


if __name__ == "__main__":
    main()
