"""Simulated tables of our own designs and of changed ones, on ``soc``.

A changed design is a copy of ``gemmini`` with other parameters, in a folder under
``results/bench/learned.work``. Tables stay there: a second run of the bench reads them.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import yaml

from benches.common import FOLDER
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import MachineChoice
from pipeline.stages.design import copy_design
from pipeline.stages.sample import sample_table
from pipeline.stages.search import run_search
from pipeline.table import read_table, write_table
from pipeline.workload import load_workload
from rtl.design import FILE

WORK = FOLDER / "learned.work"
WORKLOADS = ("unet_small", "resnet50", "bert", "retinanet")
HARDWARE = ((4, 64, 16), (8, 64, 32), (8, 128, 32), (16, 64, 32), (16, 256, 64), (32, 512, 128))
POINTS = 150
"""Sampled mappings a hardware."""
MOST_CYCLES = 400_000
SEARCH_DIMS = (16, 32)
EVALUATIONS = 400


@dataclass(frozen=True, slots=True)
class Change:
    """What a changed design has instead: parameters of ``gemmini.sv``, and constants of ``gemmini_pkg.sv``."""

    parameters: dict[str, int] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)


OWN = ("gemmini", "gemmini_commands")
CHANGES: dict[str, Change] = {
    # Reads and writes under way.
    "few_requests": Change({"ReadsInFlight": 4, "WritesInFlight": 4}),
    # Depths of queues.
    "shallow_queues": Change({"ArraySlots": 3, "LoadQueue": 2}),
    # Slots of the array.
    "long_slots": Change(constants={"MinSlotRows": 12, "ReadPipeStages": 9}),
    # One tile in flight, one scratchpad bank, fewer reads under way.
    "single_buffer": Change({"TilesInFlight": 1, "ScratchpadBanks": 1, "ReadsInFlight": 8}),
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
    """Simulate a table on a design."""
    command: Sequence[str] = (
        *(sys.executable, "-m", "pipeline.cli", "simulate", str(asked), str(out)),
        *("--design", named(design), "--memory", "soc", "--driver", "inprocess", "--work-dir", str(WORK / "journal")),
    )
    subprocess.run(command, check=True)


def named(design: str) -> str:
    """A design as commands take it: its name, or the folder of a changed one, which is made."""
    return design if design in OWN else str(changed_design(CHANGES[design], WORK / "designs" / design))


def changed_design(change: Change, folder: Path) -> Path:
    """A copy of ``gemmini`` with ``change``, in ``folder``. Raises ValueError that names what there is not."""
    shutil.rmtree(folder, ignore_errors=True)
    copy_design("gemmini", folder)
    content = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    top = (folder / "gemmini.sv").read_text(encoding="utf-8")
    for name, value in change.parameters.items():
        if not re.search(rf"parameter int unsigned {name} = \d+", top):
            raise ValueError(f"gemmini.sv has no parameter {name}")
        content["parameters"][name] = {"value": value, "max": value}
    (folder / FILE).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    package = folder / "gemmini_pkg.sv"
    text = package.read_text(encoding="utf-8")
    for name, value in change.constants.items():
        text, found = re.subn(rf"\b{name} = \d+;", f"{name} = {value};", text)
        if found != 1:
            raise ValueError(f"{package.name} has no constant {name}")
    package.write_text(text, encoding="utf-8")
    return folder
