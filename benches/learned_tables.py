"""Simulated tables of our own designs and of changed ones, on ``soc``.

A changed design is the project's RTL with a few constants or lines replaced, simulated in a copy of the sources under
``results/bench/learned.work``. Tables stay there: a second run of the bench reads them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benches.common import FOLDER
from pipeline.files import ROOT
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import MachineChoice
from pipeline.stages.sample import sample_table
from pipeline.stages.search import run_search
from pipeline.table import read_table, write_table
from pipeline.workload import load_workload

WORK = FOLDER / "learned.work"
WORKLOADS = ("unet_small", "resnet50", "bert", "retinanet")
HARDWARE = ((4, 64, 16), (8, 64, 32), (8, 128, 32), (16, 64, 32), (16, 256, 64), (32, 512, 128))
POINTS = 150
"""Sampled mappings a hardware."""
MOST_CYCLES = 400_000
SEARCH_DIMS = (16, 32)
EVALUATIONS = 400

Edits = dict[str, list[tuple[str, str]]]

OWN = ("gemmini", "gemmini_commands")
CHANGES: dict[str, Edits] = {
    # Reads and writes under way.
    "few_requests": {
        "gemmini_pkg.sv": [
            ("ReadsInFlight = 16;", "ReadsInFlight = 4;"),
            ("ReadTags = 24;", "ReadTags = 8;"),
            ("WriteTags = 16;", "WriteTags = 4;"),
        ]
    },
    # Depths of queues.
    "shallow_queues": {
        "gemmini_pkg.sv": [("TagQueueDepth = 6;", "TagQueueDepth = 3;"), ("LoadQueueDepth = 8;", "LoadQueueDepth = 2;")]
    },
    # Slots of the array.
    "long_slots": {
        "gemmini_pkg.sv": [("MinSlotRows = 4;", "MinSlotRows = 12;"), ("ReadPipeStages = 5;", "ReadPipeStages = 9;")]
    },
    # One tile in flight, one scratchpad bank, fewer reads under way.
    "single_buffer": {
        "loop_unroller.sv": [
            ("assign ready_o = !valid_q[tail_q] && wait_q == '0;", "assign ready_o = valid_q == '0 && wait_q == '0;"),
            ("if (retire && (&valid_q)) wait_q", "if (retire) wait_q"),
        ],
        "gemmini_pkg.sv": [("ReadsInFlight = 16;", "ReadsInFlight = 8;")],
        "scratchpad.sv": [
            (
                "    return {row >= row_t'(2 * BankRows), row >= row_t'(3 * BankRows) || (row >= row_t'(BankRows) &&\n"
                "        row < row_t'(2 * BankRows))};",
                "    return 2'd0;",
            )
        ],
    },
}


def tables(design: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sampled and searched mappings of a design with their simulated cycles; the mappings are the same for all."""
    result = []
    for part, make in (("sampled", _sampled), ("searched", _searched)):
        asked, simulated = WORK / f"{part}.parquet", WORK / f"{design}-{part}.parquet"
        if not asked.is_file():
            write_table(make(), asked)
        if not simulated.is_file():
            _simulate(design, asked, simulated)
        table = read_table(simulated)
        result.append(table[table["error"] == ""].reset_index(drop=True))
    return result[0], result[1]


def _sampled() -> pd.DataFrame:
    networks, machine = [load_workload(name) for name in WORKLOADS], MachineChoice().find()
    drawn = [
        sample_table(
            networks,
            machine.template.hardware(*sizes),
            machine,
            points=POINTS,
            max_cycles=MOST_CYCLES,
            random=0.3,
            constructive=0.4,
            evaluations=200,
            seed=number,
        )
        for number, sizes in enumerate(HARDWARE)
    ]
    return pd.concat(drawn, ignore_index=True)


def _searched() -> pd.DataFrame:
    found = []
    for name in WORKLOADS:
        for dim in SEARCH_DIMS:
            out = WORK / "search" / f"{name}-{dim}"
            network = load_workload(name)
            view = AnalyticalModel(MachineChoice().find())
            run_search(network, method="gradient", evaluations=EVALUATIONS, model=view, seed=0, out=out, fix_dim=dim)
            found.append(read_table(out / "mappings.csv").assign(**{"sample.origin": "found"}))
    return pd.concat(found, ignore_index=True)


def _simulate(design: str, asked: Path, out: Path) -> None:
    """Simulate a table on a design, changed ones in a copy of the sources."""
    root = ROOT if design in OWN else _copy(design, CHANGES[design])
    command: Sequence[str] = (
        *(sys.executable, "-m", "pipeline.cli", "simulate", str(asked), str(out)),
        *("--design", design, "--memory", "soc", "--driver", "inprocess", "--work-dir", str(WORK / "journal")),
    )
    subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, check=True)


def _copy(design: str, edits: Edits) -> Path:
    """A copy of the sources with one more design. Raises ValueError where the text to replace is not there."""
    root = WORK / "sources" / design
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("pipeline", "learned", "rtl", "sim"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    changed = root / "rtl" / design
    shutil.copytree(root / "rtl" / "gemmini", changed)
    for name, replaced in edits.items():
        text = (changed / name).read_text(encoding="utf-8")
        for old, new in replaced:
            if old not in text:
                raise ValueError(f"design {design}: rtl/gemmini/{name} has no {old!r}")
            text = text.replace(old, new)
        (changed / name).write_text(text, encoding="utf-8")
    return root
