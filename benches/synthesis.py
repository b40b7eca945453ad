"""Area and timing of the RTL by synthesis: ``make bench-synthesis`` (QUICK=1: DIM 4 alone).

Each array size is synthesised into an empty folder, so CPU seconds and memory are those of a first run; units that two
sizes share are synthesised for each. Prints modules by size and the totals; needs pyosys, OpenSTA and the Liberty file
of qflow-tech-osu018 (``docs/synthesis.md``).
"""

import resource
import tempfile
from pathlib import Path

from benches.common import Cell, quick, show, write
from pipeline.hardware import Hardware
from pipeline.machine.machine import machine_of
from pipeline.stages.synthesize import module_table, summary, synthesize

DIMS = (4,) if quick() else (4, 8, 16, 32, 64)
DESIGN = "gemmini"
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
    return row, dict(zip(table["module"], table["area_mm2"], strict=True))


def main() -> None:
    """Synthesise every size, print areas by module, write the totals with them."""
    measured = [measure(dim) for dim in DIMS]
    modules = {name: None for _, areas in measured for name in areas}
    print("area in mm2 at 180 nm by module:")
    show([{"module": name} | {f"DIM {row['dim']}": areas.get(name) for row, areas in measured} for name in modules])
    write("synthesis", [row | {f"{name} mm2": area for name, area in areas.items()} for row, areas in measured])


if __name__ == "__main__":
    main()
