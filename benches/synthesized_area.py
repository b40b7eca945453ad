"""The area model from what ``make bench-synthesis`` has measured: ``python -m benches.synthesized_area``.

Reads ``results/bench/synthesis.json``, solves the coefficients from three array sizes, judges them on the others, and
rewrites ``pipeline/machine/gemmini/synthesized_area.yaml``. What the polynomial gives is all that is neither scratchpad
nor accumulator: standard cells, and the memories for beats of reads and for scales. These have as many bits at every
array size in macros of other shapes, so their mean is part of the constant.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benches.common import FOLDER, Cell, show
from pipeline.files import write_text
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.gemmini.synthesized_area import PATH, TABLE_NM, memory_mm2
from pipeline.machine.machine import machine_of
from pipeline.synthesis.tools import DEFAULT_NANOMETRES

MACHINE = machine_of("gemmini")
FITTED = (4, 8, 16)
"""Sizes that the three coefficients are solved from."""
SCRATCHPAD_KIB, ACCUMULATOR_KIB = 256, 64
SCALE = (TABLE_NM / DEFAULT_NANOMETRES) ** 2


def point(dim: int) -> Hardware:
    """The design point of an array size: the memories of the default hardware."""
    return MACHINE.template.hardware(dim, SCRATCHPAD_KIB, ACCUMULATOR_KIB)


@dataclass(frozen=True, slots=True)
class LogicArea:
    """What the polynomial stands for at one array size, in mm2 at 180 nm."""

    cells: float
    memory: float
    """Of all but scratchpad and accumulator."""


def logic_areas(rows: Sequence[Mapping[str, Cell]]) -> dict[int, LogicArea]:
    """The areas by array size; ``rows`` are those of the bench."""
    return {
        int(str(row["dim"])): LogicArea(
            float(str(row["logic_mm2"])), float(str(row["memory_mm2"])) - _banks_mm2(row) / SCALE
        )
        for row in rows
    }


def _banks_mm2(row: Mapping[str, Cell]) -> float:
    return float(memory_mm2(HardwareTensors.stack([point(int(str(row["dim"])))])))


def fit(areas: Mapping[int, LogicArea]) -> tuple[float, float, float] | None:
    """Coefficients of DIM^2, DIM and 1 that give the cells at the fitted sizes; None where one is missing."""
    if not set(FITTED) <= areas.keys():
        return None
    sizes = np.array(FITTED, dtype=float)
    a, b, c = np.linalg.solve(np.stack([sizes**2, sizes, np.ones(3)], 1), [areas[dim].cells for dim in FITTED])
    return float(a), float(b), float(c) + sum(areas[dim].memory for dim in FITTED) / len(FITTED)


def judged(areas: Mapping[int, LogicArea], coefficients: tuple[float, float, float]) -> list[dict[str, Cell]]:
    """The area model against synthesis, and its total at 40 nm against that of the published tables."""
    rows: list[dict[str, Cell]] = []
    for dim, area in areas.items():
        a, b, c = coefficients
        synthesised, modelled = area.cells + area.memory, a * dim**2 + b * dim + c
        hardware = HardwareTensors.stack([point(dim)])
        total, published = SCALE * modelled + float(memory_mm2(hardware)), float(MACHINE.area_mm2(hardware))
        rows.append(
            {
                "dim": dim, "synthesised_mm2": synthesised, "model_mm2": modelled, "error": modelled / synthesised - 1,
                "fitted": dim in FITTED, "total_40nm_mm2": total, "published_40nm_mm2": published,
                "ratio": total / published,
            }
        )  # fmt: skip
    return rows


def document(text: str, coefficients: tuple[float, float, float], table: Sequence[Mapping[str, Cell]]) -> str:
    """``text`` of ``synthesized_area.yaml`` with other coefficients; what it says of the structure stays."""
    names = ("per_dim2", "per_dim", "constant")
    numbers = ", ".join(f"{name}: {value:.6g}" for name, value in zip(names, coefficients, strict=True))
    errors = [f"{100 * float(str(row['error'])):+.2f} % at {row['dim']}" for row in table if not row["fitted"]]
    return f"""\
# Area of Gemmini by synthesis. `python -m benches.synthesized_area` writes it, but for the structure, after
# `make bench-synthesis`.
source: >-
  yosys, slang and abc on the cells of qflow-tech-osu018 with areas of their layout, aimed at 5 ns; solved from DIM
  {", ".join(map(str, FITTED))}; against synthesis {", ".join(errors) or "not judged"}.
  No placement: divide by the utilisation for a floor plan. The constant has the memories for beats and scales.
nanometres: {DEFAULT_NANOMETRES}
logic_mm2: {{{numbers}}}
{text[text.index("structure:") :]}"""


def main() -> None:
    """Fit, judge, print, write. Raises ValueError when the bench has not measured the sizes to fit."""
    path = FOLDER / "synthesis.json"
    areas = logic_areas(json.loads(path.read_text(encoding="utf-8"))["rows"])
    coefficients = fit(areas)
    if coefficients is None:
        raise ValueError(f"{path}: sizes {sorted(areas)}; to fit, {', '.join(map(str, FITTED))} are needed")
    table = judged(areas, coefficients)
    show(table)
    write_text(PATH, document(PATH.read_text(encoding="utf-8"), coefficients, table))
    print(f"wrote {PATH}")


if __name__ == "__main__":
    main()
