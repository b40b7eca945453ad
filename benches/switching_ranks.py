"""Designs ranked by EDP with energy from switching and with the published coefficients (part of ``bench-switching``).

What was simulated, counted words and cycles, is priced by either; DRAM, which is no part of the RTL, by the published
coefficient in both. Two sets: one network as the default tiler maps it on twelve sizes of hardware, and the designs of
the default study where ``results/default`` has them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from benches.common import Cell, simulated
from pipeline.files import ROOT
from pipeline.hardware import Hardware
from pipeline.machine.coefficients import coefficients
from pipeline.machine.machine import machine_of
from pipeline.stages.reference import tiled_table
from pipeline.stages.synthesize import synthesize
from pipeline.stages.totals import totals
from pipeline.synthesis.memories import TABLE_NM, macro_model
from pipeline.synthesis.power import PowerModel
from pipeline.synthesis.tools import DEFAULT_NANOMETRES
from pipeline.synthesis.units import Macro
from pipeline.table import Row, read_table, rows_of
from pipeline.workload import load_workload

DESIGN = "gemmini"
MACHINE = machine_of(DESIGN)
SCRATCHPAD_KIB, ACCUMULATOR_KIB = 256, 64
NETWORK = "bert"
SIZES = [(dim, pad, acc) for dim in (4, 8, 16) for pad in (64, 256) for acc in (32, 64)]
STUDY = ROOT / "results" / "default"
LEVELS = ("scratchpad", "accumulator")
TO_40_NM = (TABLE_NM / DEFAULT_NANOMETRES) * (0.9 / 1.8) ** 2
"""Capacitance goes with the feature size, energy with the square of the supply: 1.8 V at 180 nm, 0.9 V at 40."""
_UJ = 1e-6
"""Of a picojoule."""


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Picojoule at 180 nm; memory macros are not in those of words."""

    mac: float
    scratchpad_word: float
    accumulator_word: float
    dram_byte: float
    control_cycle: float


@dataclass(frozen=True, slots=True)
class Design:
    """A simulated design: its layers with what was counted."""

    of: str
    """The set that it is ranked in."""
    name: str
    hardware: Hardware
    layers: pd.DataFrame


def ranks(medians: Mapping[int, Coefficients]) -> tuple[list[dict[str, Cell]], list[dict[str, Cell]]]:
    """Every design with its EDP by both, and for each set how far both agree; ``medians`` are by array size."""
    rows = [_priced(design, medians) for design in [*_sizes(), *_study(STUDY)]]
    table = pd.DataFrame(rows)
    found = [_agreement(str(name), group) for name, group in table.groupby("of", sort=False)]
    return rows, [row for both in found for row in both]


def _sizes() -> Iterator[Design]:
    """One network on hardware of many sizes."""
    hardware = [MACHINE.template.hardware(*sizes) for sizes in SIZES]
    workload = load_workload(NETWORK)
    table = pd.concat([tiled_table(workload, MACHINE, one) for one in hardware], ignore_index=True)
    measured = simulated(table, design=DESIGN, memory="soc", name="switching")
    points = _hardware(measured)
    for one in hardware:
        yield Design(f"{NETWORK}, sizes", str(one), one, measured[[point == one for point in points]])


def _study(folder: Path) -> Iterator[Design]:
    """The designs of a study, each hardware and mappings once."""
    for listed in sorted(folder.glob("designs/*/designs.csv")):
        network = listed.parent.name
        layers = pd.concat([read_table(path) for path in sorted(folder.glob(f"sim/*/{network}.parquet"))])
        layers = layers[(layers["error"] == "") & layers["sample.origin"].isin(["found", "tiled"])]
        layers = layers[(layers["sample.origin"] == "found") | (layers["variant"] == "reference")]
        seen = set()
        for (variant, candidate), rows in layers.groupby(["variant", "candidate"], sort=False):
            key = tuple(rows["mapping.mapping"]), _hardware(rows)[0].id
            if len(rows) == layers["layer.name"].nunique() and key not in seen:
                seen.add(key)
                yield Design(f"{network}, study", f"{variant} {candidate}", _hardware(rows)[0], rows)


def _hardware(table: pd.DataFrame) -> list[Hardware]:
    return [row.hardware for row in rows_of(table, MACHINE.template) if isinstance(row, Row)]


def _priced(design: Design, medians: Mapping[int, Coefficients]) -> dict[str, Cell]:
    """EDP of a design by both, with DRAM and without; sizes that were not measured have the largest's coefficients."""
    pj = medians.get(design.hardware.dim, medians[max(medians)])
    record: dict[str, Cell] = {"of": design.of, "design": design.name, "hardware": str(design.hardware)}
    record["cycles"] = totals(design.layers)[0]
    for name, dram_pj in (("", coefficients().energy_pj.dram), (" on chip", 0.0)):
        moved = design.layers["sim.dram_read_bytes"] + design.layers["sim.dram_write_bytes"]
        published = design.layers["sim.energy_uj"] - _UJ * moved * (coefficients().energy_pj.dram - dram_pj)
        switching = _switching_uj(design, pj) + _UJ * moved * dram_pj
        for by, energy in (("published", published), ("switching", switching)):
            _, record[f"{by}_uj{name}"], record[f"{by}_edp{name}"] = totals(
                design.layers.assign(**{"sim.energy_uj": energy})
            )
    return record


def _switching_uj(design: Design, pj: Coefficients) -> pd.Series:
    """Energy of each layer at 40 nm without DRAM: counted words and cycles by the coefficients."""
    hardware, rows = design.hardware, design.layers
    dim = hardware.dim
    macros = {
        "scratchpad": Macro("sram_1rw", int(hardware["scratchpad_kib"] * 1024) // dim // 4, dim),
        "accumulator": Macro("sram_1r1w", int(hardware["accumulator_kib"] * 1024) // (4 * dim) // 2, 4 * dim),
    }
    words = {level: rows[f"sim.{level}_read_words"] + rows[f"sim.{level}_write_words"] for level in LEVELS}
    logic = (
        rows["sim.macs"] * pj.mac
        + words["scratchpad"] * pj.scratchpad_word
        + words["accumulator"] * pj.accumulator_word
        + (rows["sim.dram_read_bytes"] + rows["sim.dram_write_bytes"]) * pj.dram_byte
        + rows["sim.cycles"] * (cycle_energy(dim) + pj.control_cycle)
    )
    memory = sum(words[level] * macro_model(macro, TABLE_NM).read_pj / dim for level, macro in macros.items())
    return _UJ * (TO_40_NM * logic + memory)


@cache
def cycle_energy(dim: int) -> float:
    """Clock and leakage of an array size in picojoule a cycle at 180 nm."""
    result = synthesize(DESIGN, MACHINE.template.hardware(dim, SCRATCHPAD_KIB, ACCUMULATOR_KIB))
    return PowerModel.of(result).clock_pj + result.leakage_nw * (result.critical_ns or 0.0) * 1e-6


def _agreement(name: str, table: pd.DataFrame) -> Sequence[dict[str, Cell]]:
    """Rank correlation of EDP by both, and what the winner by the published coefficients loses by the others."""
    found: list[dict[str, Cell]] = []
    for counted in ("", " on chip"):
        published, switching = table[f"published_edp{counted}"], table[f"switching_edp{counted}"]
        first, second = published.idxmin(), switching.idxmin()
        found.append(
            {
                "of": name, "energy": counted.strip() or "with DRAM", "designs": len(table),
                "rank_correlation": float(spearmanr(published, switching).statistic),
                "winner_published": str(table["hardware"][first]), "winner_switching": str(table["hardware"][second]),
                "loses": float(switching[first] / switching[second] - 1),
            }
        )  # fmt: skip
    return found
