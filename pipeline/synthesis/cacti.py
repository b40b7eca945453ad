"""Writes ``memories.yaml``, what CACTI says of memory macros: ``python -m pipeline.synthesis.cacti PROGRAM``.

Only to make that file again; CACTI 7 (N. Muralimanohar, R. Balasubramonian, N. Jouppi, HPL-2009-85, and its release 7
of 2017) is built from its sources with ``make opt`` and called in its folder.
"""

import re
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

from pipeline.files import write_text
from pipeline.synthesis.memories import MODEL, QUANTITIES

NANOMETRES = (90, 40)
"""CACTI takes none above 90."""
ROWS = tuple(1 << exponent for exponent in range(6, 17))
BYTES = tuple(1 << exponent for exponent in range(2, 9))
PORTS = {"sram_1rw": (1, 0, 0), "sram_1r1w": (0, 1, 1)}
"""Ports that read or write, read, write."""
_SAID = {
    "read_pj": (r"Total dynamic read energy per access \(nJ\): (\S+)", 1e3),
    "write_pj": (r"Total dynamic write energy per access \(nJ\): (\S+)", 1e3),
    "leakage_uw": (r"Total leakage power of a bank \(mW\): (\S+)", 1e3),
    "access_ns": (r"Access time \(ns\): (\S+)", 1.0),
    "cycle_ns": (r"Cycle time \(ns\): +(\S+)", 1.0),
}
_SETTINGS = """-size (bytes) {size}
-block size (bytes) {bytes}
-associativity 1
-read-write port {ports[0]}
-exclusive read port {ports[1]}
-exclusive write port {ports[2]}
-single ended read ports 0
-UCA bank count 1
-technology (u) {micrometres}
-output/input bus width {bits}
-operating temperature (K) 300
-cache type "ram"
-tag size (b) "default"
-access mode (normal, sequential, fast) - "normal"
-Data array cell type - "itrs-lstp"
-Data array peripheral type - "itrs-lstp"
-Tag array cell type - "itrs-lstp"
-Tag array peripheral type - "itrs-lstp"
-Optimize ED or ED^2 (ED, ED^2, NONE): "ED^2"
-Cache model (NUCA, UCA)  - "UCA"
-Add ECC - "false"
-Print level (DETAILED, CONCISE) - "DETAILED"
-Print input parameters - "false"
"""


def settings(template: str, kind: str, rows: int, width: int, nanometres: int) -> str:
    """CACTI's configuration of one memory: the lines of ``template`` with ours in the place of those of a name."""
    values = {"size": rows * width, "bytes": width, "bits": 8 * width, "micrometres": nanometres / 1000}
    own = _SETTINGS.format(ports=PORTS[kind], **values).splitlines()
    names = {_name(line) for line in own}
    return "\n".join([*(line for line in template.splitlines() if _name(line) not in names), *own, ""])


def _name(line: str) -> str:
    return re.split(r' [-\d"]| - |: ', line)[0].strip()


def measure(program: Path, kind: str, rows: int, width: int, nanometres: int) -> list[float]:
    """The quantities of one memory. Raises ValueError that names it when CACTI finds no organisation."""
    template = (program.parent / "cache.cfg").read_text(encoding="utf-8")
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(settings(template, kind, rows, width, nanometres))
        file.flush()
        done = subprocess.run(
            [str(program.resolve()), "-infile", file.name],
            cwd=program.parent,
            capture_output=True,
            text=True,
            check=False,
        )
    values = []
    for name in QUANTITIES:
        pattern, scale = _SAID[name]
        found = re.search(pattern, done.stdout)
        if found is None:
            raise ValueError(f"{kind} {rows} x {width} at {nanometres} nm: {done.stdout.strip().splitlines()[-1:]}")
        values.append(float(found[1]) * scale)
    return values


def main() -> None:
    """Run CACTI over the grid."""
    program = Path(sys.argv[1])
    lines = [
        "# Memory macros by CACTI 7, made by pipeline/synthesis/cacti.py: lowest energy times delay squared, cells and",
        "# periphery of low standby power (itrs-lstp), 300 K.",
        f"rows: [{', '.join(map(str, ROWS))}]",
        f"bytes: [{', '.join(map(str, BYTES))}]",
        f"# By nanometres, kind and bytes: [{', '.join(QUANTITIES)}] for each number of rows.",
        "nanometres:",
    ]
    for nanometres, kind in product(NANOMETRES, PORTS):
        lines += [f"  {nanometres}:"] if kind == next(iter(PORTS)) else []
        lines.append(f"    {kind}:")
        for width in BYTES:
            each = [measure(program, kind, rows, width, nanometres) for rows in ROWS]
            print(nanometres, kind, width, each[0], each[-1], flush=True)
            lines.append(f"      {width}:")
            lines += [f"        - [{', '.join(f'{value:.4g}' for value in values)}]" for values in each]
    write_text(MODEL, "\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
