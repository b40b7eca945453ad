"""What the commands do, on data frames: the same functions with the same defaults.

``model`` is ``"analytical"``, a file, a ``module:Class``, or a latency model itself. ``design`` and ``memory`` name the
machine as the commands' options do; a model that is given itself or as a file brings its own.
"""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from learned.data import default_target
from learned.model import TrainedModel
from learned.train import train as fit
from pipeline.choices import Memory, ModelKind, Objective
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.latency import LatencyModel
from pipeline.machine.machine import Machine, MachineChoice
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.search.result import SearchResult
from pipeline.stages.estimate import estimate_table
from pipeline.stages.machines import DEFAULT_DESIGN, DEFAULT_MEMORY, Platform, machine_choice
from pipeline.stages.models import dim_rule_of, model_asked
from pipeline.stages.sample import sample_table
from pipeline.stages.search import run_search
from pipeline.stages.simulate import simulate_table
from pipeline.stages.timeline import timeline_table
from pipeline.table import Row, RowError, columns_of, rows_of
from pipeline.workload import Workload, load_workload
from sim.build import Datapath
from sim.task import Driver

Batch = tuple[LayerTensors, MappingTensors, HardwareTensors]


def machine(design: str = DEFAULT_DESIGN, memory: Memory | None = None) -> Machine:
    """The machine of a design on a memory; ``timeloop`` is the published analytical hardware, without one.

    Raises ValueError when there is no such design.
    """
    return _choice(design, memory).find()


def _choice(design: str | None, memory: Memory | None) -> MachineChoice:
    return machine_choice(*_asked(design), memory)


def _asked(design: str | None) -> tuple[Platform | None, str | None]:
    """What ``design`` is as ``--platform`` and ``--design``."""
    return ("timeloop", None) if design == "timeloop" else (None, design)


def load_model(model: str | LatencyModel, design: str | None = None, memory: Memory | None = None) -> LatencyModel:
    """The latency model that ``model`` names; one that is given itself stays as it is.

    Raises ValueError when it is no model, or one for another machine than ``design`` and ``memory`` name.
    """
    if not isinstance(model, str):
        return model
    return model_asked(model, *_asked(design), memory)


def table_of(
    workload: str | Workload, on: Machine, hardware: Hardware | None = None, mappings: Sequence[Mapping] = ()
) -> pd.DataFrame:
    """One row for each layer of ``workload`` on ``hardware``, by default the machine's default.

    ``mappings`` has one for each layer; without it they are those of the machine's default tiler.
    """
    network = load_workload(workload) if isinstance(workload, str) else workload
    built = hardware or on.default_hardware
    chosen = mappings or [on.default_mapping(entry.layer, built) for entry in network.layers]
    names, counts = [entry.name for entry in network.layers], [entry.count for entry in network.layers]
    return columns_of([Row(mapping, built) for mapping in chosen], names, counts)


def tensors(table: pd.DataFrame, on: Machine) -> Batch:
    """The rows [B] of a table as layers, mappings and hardware for a latency model.

    Raises ValueError that names the first row which is no mapping.
    """
    rows: list[Row] = []
    for number, row in enumerate(rows_of(table, on.template), start=1):
        if isinstance(row, RowError):
            raise ValueError(f"row {number}: {row.message}")
        rows.append(row)
    return (
        LayerTensors.stack([row.mapping.layer for row in rows]),
        MappingTensors.stack([row.mapping for row in rows]),
        HardwareTensors.stack([row.hardware for row in rows]),
    )


def sample(
    workloads: Iterable[str | Workload],
    on: Machine,
    hardware: Hardware | None = None,
    *,
    points: int,
    max_cycles: int = 3_000_000,
    seed: int = 0,
) -> pd.DataFrame:
    """``points`` mappings of layers of ``workloads`` to measure, half at random, half built to fill the memories.

    Layers are cropped so that a good mapping stays well below ``max_cycles``.
    """
    networks = [load_workload(one) if isinstance(one, str) else one for one in workloads]
    return sample_table(
        networks,
        hardware or on.default_hardware,
        on,
        points=points,
        max_cycles=max_cycles,
        random=0.5,
        constructive=0.5,
        evaluations=1,
        seed=seed,
    )


def estimate(
    table: pd.DataFrame,
    model: str | LatencyModel = "analytical",
    *,
    design: str | None = None,
    memory: Memory | None = None,
    explain: bool = False,
) -> pd.DataFrame:
    """``table`` with ``pred.cycles``, ``pred.energy_uj``, ``pred.edp``, ``pred.area_mm2`` and ``error``.

    ``explain`` adds the terms behind every estimate. Rows are read as those that a trained model learned from.
    """
    latency = load_model(model, design, memory)
    return estimate_table(table, model=latency, dim_rule=dim_rule_of(latency) or "from-table", explain=explain)


def search(
    workload: str | Workload | Sequence[str | Workload],
    *,
    evaluations: int,
    seed: int = 0,
    method: str = "gradient",
    model: str | LatencyModel = "analytical",
    design: str | None = None,
    memory: Memory | None = None,
    objective: Objective = "edp",
    fix_dim: int | None = None,
    fix_hardware: Hardware | None = None,
    max_area_mm2: float | None = None,
    out: Path | None = None,
) -> SearchResult:
    """The best hardware and mappings of one network, or of several that share the hardware.

    ``method`` is a name or a ``module:Class``. With ``out`` the files of ``dosa-hil search`` are written there too.
    """
    asked = [workload] if isinstance(workload, str | Workload) else workload
    return run_search(
        [load_workload(one) if isinstance(one, str) else one for one in asked],
        method=method,
        evaluations=evaluations,
        model=load_model(model, design, memory),
        seed=seed,
        out=out,
        objective=objective,
        fix_dim=fix_dim,
        fix_hardware=fix_hardware,
        max_area_mm2=max_area_mm2,
    )


def simulate(
    table: pd.DataFrame,
    *,
    design: str = DEFAULT_DESIGN,
    memory: Memory = DEFAULT_MEMORY,
    datapath: Datapath = "timing",
    driver: Driver = "inprocess",
    jobs: int = 1,
    work_dir: Path | None = None,
) -> pd.DataFrame:
    """``table`` with cycles, energy, EDP and every counter that the RTL counted, as ``sim.*``, and ``error``.

    The first simulation of a hardware builds it, which takes a minute or so. With ``work_dir`` finished rows are kept
    there and not simulated again.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return simulate_table(
            table,
            design=design,
            datapath=datapath,
            memory=memory,
            driver=driver,
            jobs=jobs,
            dim_rule="from-table",
            partial_sums="spill",
            work_dir=work_dir or Path(scratch),
        )


def timeline(
    simulated: pd.DataFrame, *, design: str = DEFAULT_DESIGN, memory: Memory = DEFAULT_MEMORY, tiles: int = 12
) -> pd.DataFrame:
    """When the first ``tiles`` tiles of each simulated row load, compute and store, in cycles from its start."""
    return timeline_table(simulated, design=design, memory=memory, tiles=tiles)


def train(
    measured: pd.DataFrame,
    *,
    kind: ModelKind = "default",
    target: str | None = None,
    design: str | None = None,
    memory: Memory | None = None,
    seed: int = 0,
    out: Path | None = None,
) -> TrainedModel:
    """A latency model fitted to a column of measured cycles, by default ``sim.cycles``, with its held-out scores.

    With ``out`` it is written to that file too, where the commands find it.
    """
    return fit(
        measured,
        out,
        kind=kind,
        target=target or default_target(measured),
        machine=_choice(design, memory),
        dim_rule="from-table",
        seed=seed,
    )
