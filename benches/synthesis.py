"""Area and timing of the RTL by synthesis: ``make bench-synthesis`` (QUICK=1: DIM 4 alone).

Each array size is synthesised into an empty folder, so CPU seconds and memory are those of a first run; units that two
sizes share are synthesised for each. Writes what is known after every size; prints totals, area and longest path by
module, and the area model that ``python -m benches.synthesized_area`` takes from it. Needs pyosys, OpenSTA and the
Liberty file of qflow-tech-osu018 (``docs/synthesis.md``).
"""

import resource
import tempfile
from pathlib import Path

from benches.common import Cell, keep, quick, show
from benches.synthesized_area import fit, judged, logic_areas, point
from pipeline.stages.synthesize import module_table, summary, synthesize

DIMS = (4,) if quick() else (4, 8, 16, 32, 64)
DESIGN = "gemmini"


def measure(dim: int) -> dict[str, Cell]:
    """Totals of one size, then area in mm2 and longest path in ns by module."""
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
    for module in table.to_dict("records"):
        row |= {f"mm2 {module['module']}": module["area_mm2"], f"ns {module['module']}": module["critical_ns"]}
    return row


def by_module(rows: list[dict[str, Cell]], what: str) -> list[dict[str, Cell]]:
    """A row for each module with ``what`` it has at each size: mm2 or ns."""
    names = dict.fromkeys(name for row in rows for name in row if name.startswith(f"{what} "))
    table: list[dict[str, Cell]] = []
    for name in names:
        table.append({what: name.removeprefix(f"{what} ")})
        table[-1] |= {f"DIM {row['dim']}": row.get(name) for row in rows}
    return table


def main() -> None:
    """Synthesise every size, print what is known; a run that is ended leaves the sizes that it has."""
    rows: list[dict[str, Cell]] = []
    for dim in DIMS:
        rows.append(measure(dim))
        keep("synthesis", rows)
    show([{name: value for name, value in row.items() if not name.startswith(("mm2 ", "ns "))} for row in rows])
    show(by_module(rows, "mm2"))
    show(by_module(rows, "ns"))
    areas = logic_areas(rows)
    coefficients = fit(areas)
    if coefficients is not None:
        show(judged(areas, coefficients))


if __name__ == "__main__":
    main()
