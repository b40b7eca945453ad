"""Energy from switching against the published coefficients: ``make bench-switching`` (QUICK=1: one layer at DIM 4).

Layers of real networks run on the full build, random operands, as the default tiler maps them; how often each bit of
the first cycles changes gives the energy of the synthesised design (``dosa-hil synthesize --activity``). The first
table splits that into what it pays for: multiply-accumulates, words at the local memories, bytes that come and go,
cycles. The second prices designs by these and by the published coefficients (``benches.switching_ranks``).
Needs pyosys, OpenSTA and the Liberty file of qflow-tech-osu018 (``docs/synthesis.md``).
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benches.common import Cell, quick, show, write
from benches.switching_ranks import (
    ACCUMULATOR_KIB,
    DESIGN,
    LEVELS,
    MACHINE,
    SCRATCHPAD_KIB,
    TO_40_NM,
    Coefficients,
    ranks,
)
from pipeline.hardware import Hardware
from pipeline.machine.coefficients import coefficients
from pipeline.stages.reference import tiled_table
from pipeline.stages.simulate import as_synthesised, requests
from pipeline.stages.synthesize import power, synthesize
from pipeline.synthesis.activity import read_saif
from pipeline.synthesis.power import DesignEnergy, Energy, PowerModel
from pipeline.synthesis.result import Synthesis
from pipeline.workload import load_workload
from sim.runner import Request
from sim.waveform.recorder import record_wave

DIMS = (4,) if quick() else (4, 8)
CYCLES = 60_000
LAYERS = {"bert": ("mm_0",)} if quick() else {"bert": ("mm_0", "mm_1"), "resnet50": ("input.8", "input.11", "3356")}
"""A large and a small matrix product, convolutions of 3 x 3 and 1 x 1, a matrix times a vector."""
PARTS = {
    "array": ("processing_element", "mesh", "delay_line", "array_controller"),
    "scratchpad": ("scratchpad", "bank_decoder", "sram_1rw"),
    "accumulator": (
        "accumulator", "operand_scale", "operand_lane", "output_scale", "scale_lane", "pool_max", "sram_1r1w",
    ),
    "transport": (
        "load_path", "load_controller", "dma_reader", "beat_buffer", "burst_splitter", "zero_writer",
        "store_path", "store_controller", "dma_writer",
    ),
}  # fmt: skip
"""Modules by what they are for; the rest is control."""


def parts_of(result: Synthesis, energies: DesignEnergy) -> dict[str, Energy]:
    """Picojoule a cycle by part; memories are the parts' own, beats go with transport."""
    units = result.units.units.values()
    beats = {macro.label for unit in units if unit.module == "beat_buffer" for _, macro in unit.macros}
    found: dict[str, Energy] = {}
    for module, one in energies.by_module(result).items():
        name = next((part for part, modules in PARTS.items() if module.split(" ")[0] in modules), "control")
        name = "transport" if module in beats else name
        found[name] = found.get(name, Energy()) + one
    return found


def measure(model: PowerModel, request: Request, name: str) -> dict[str, Cell]:
    """What one layer takes in its first cycles."""
    with tempfile.TemporaryDirectory(prefix="bench-switching-") as folder:
        saif = Path(folder) / "layer.saif"
        wave = record_wave(request.design, request.task, saif, cycles=CYCLES)
        energies = model.energy(read_saif(saif))
    parts, total, count = parts_of(model.result, energies), power(model.result, energies), wave.counters
    words = {level: count[f"{level}_read_words"] + count[f"{level}_write_words"] for level in LEVELS}
    moved = count["dram_read_bytes"] + count["dram_write_bytes"]
    cycles = energies.cycles

    def each(part: str, times: int) -> float | None:
        one = parts[part]
        return cycles * (one.registers_pj + one.logic_pj) / times if times else None

    return {
        "dim": request.task.hardware.dim, "layer": name, "cycles": cycles,
        "utilisation": count["macs"] / cycles / request.task.hardware.dim**2,
        "known": total["known_activity"], "clock_mhz": total["clock_mhz"], "mw": total["mw"], "ms": total["ms"],
        "pj_per_cycle": total["pj_per_cycle"], "clock": total["clock_pj"], "registers": total["registers_pj"],
        "logic": total["logic_pj"], "memory": total["memory_pj"], "leakage": total["leakage_pj"],
        "mac": each("array", count["macs"]),
        "scratchpad_word": each("scratchpad", words["scratchpad"]),
        "scratchpad_macro_word": cycles * parts["scratchpad"].memory_pj / words["scratchpad"],
        "accumulator_word": each("accumulator", words["accumulator"]),
        "accumulator_macro_word": cycles * parts["accumulator"].memory_pj / max(1, words["accumulator"]),
        "dram_byte": each("transport", moved),
        "control_cycle": each("control", cycles),
    }  # fmt: skip


def spread(rows: Sequence[dict[str, Cell]]) -> tuple[list[dict[str, Cell]], dict[int, Coefficients]]:
    """Each coefficient over the layers of an array size, beside the published one at 40 nm."""
    table, names = pd.DataFrame(rows), list(Coefficients.__slots__)
    found: list[dict[str, Cell]] = []
    medians = {}
    for dim, group in table.groupby("dim"):
        size = int(str(dim))
        medians[size] = Coefficients(*(float(group[name].median()) for name in names))
        published = published_pj(size)
        for name in [*names, "scratchpad_macro_word", "accumulator_macro_word", "clock", "leakage"]:
            values = group[name].astype(float).dropna()
            middle, at_40 = float(values.median()), TO_40_NM * float(values.median())
            found.append(
                {
                    "coefficient": name, "dim": size, "least": float(values.min()), "median_180nm_pj": middle,
                    "most": float(values.max()), "median_40nm_pj": at_40, "published_40nm_pj": published.get(name),
                    "ratio": at_40 / published[name] if name in published else None,
                }
            )  # fmt: skip
    return found, medians


def published_pj(dim: int) -> dict[str, float]:
    """Published coefficients at 40 nm; a multiply-accumulate reads a weight register."""
    pj = coefficients().energy_pj
    return {
        "mac": pj.mac + pj.register_file,
        "scratchpad_macro_word": pj.scratchpad.base + pj.scratchpad.per_kib * SCRATCHPAD_KIB,
        "accumulator_macro_word": pj.accumulator.base + pj.accumulator.per_kib * ACCUMULATOR_KIB / dim,
    }


def layers(hardware: Hardware) -> tuple[pd.DataFrame, list[str]]:
    """The layers as the default tiler maps them, and their names."""
    tables, names = [], []
    for workload, wanted in LAYERS.items():
        table = tiled_table(load_workload(workload), MACHINE, hardware)
        tables.append(table[table["layer.name"].isin(wanted)])
        names += [f"{workload} {name}" for name in tables[-1]["layer.name"]]
    return pd.concat(tables, ignore_index=True), names


def main() -> None:
    """Measure, split, rank; write every row."""
    rows = []
    for dim in DIMS:
        hardware = MACHINE.template.hardware(dim, SCRATCHPAD_KIB, ACCUMULATOR_KIB)
        model = PowerModel.of(synthesize(DESIGN, hardware))
        table, names = layers(hardware)
        made = requests(
            table, design=DESIGN, datapath="full", memory="soc", dim_rule="from-table", partial_sums="spill"
        )
        for request, name in zip(made, names, strict=True):
            if not isinstance(request, Request):
                raise ValueError(f"{name}: {request.message}")
            rows.append(measure(model, as_synthesised(request, DESIGN), name))
            print(f"DIM {dim}, {name}: {rows[-1]}", flush=True)
    found, medians = spread(rows)
    show(rows)
    print("picojoule by what it pays for:")
    show(found)
    tables = [("layer", rows), ("coefficient", found)]
    if not quick():
        designs, agreements = ranks(medians)
        show(designs)
        tables += [("design", designs), ("agreement", agreements)]
    write("switching", [{"table": name} | row for name, table in tables for row in table])


if __name__ == "__main__":
    main()
