"""A machine registered from outside: estimate, constants and every search run on it without a change elsewhere."""

import pytest
import torch

from pipeline.choices import METHODS
from pipeline.hardware import HardwareTensors
from pipeline.machine.capacity import check_fits, smallest_hardware
from pipeline.machine.constants import start_values
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import Machine, machine_of, register
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.stages.estimate import estimate_table
from pipeline.stages.search import run_search
from pipeline.table import Row, columns_of, read_table, rows_of
from pipeline.workload import Layer, Workload, WorkloadLayer
from tests.pipeline.machine.toy import HIERARCHY, TEMPLATE, Toy

CONV = Layer(R=3, S=3, P=14, Q=14, C=16, K=24)
PRODUCT = Layer(R=1, S=1, P=30, Q=1, C=64, K=20)
WORKLOAD = Workload("small", "test", (WorkloadLayer("conv", CONV, 2), WorkloadLayer("product", PRODUCT, 1)))
TEXT = "L1[WIO] K3 P2 Q14 - L0[WIO] K2 C16 S3 R3 P2 K4X P4X"


@pytest.fixture(scope="module")
def toy() -> Machine:
    register("toy", Toy)
    return machine_of("toy", "simple")


def test_its_mappings_read_back(toy: Machine) -> None:
    mapping = Mapping.parse(TEXT, CONV, HIERARCHY)
    assert mapping.spatial == (4, 4)
    assert str(mapping) == TEXT
    assert (mapping.tile("P"), mapping.tile("K"), mapping.tile("Q")) == (8, 8, 1)
    tensors = MappingTensors.stack([mapping])
    assert tensors.mapping(CONV, 0, HIERARCHY) == mapping
    with pytest.raises(ValueError, match="only P at L0 and K at L0 can"):
        Mapping.parse(TEXT.replace("P4X", "C4X"), CONV, HIERARCHY)


def test_estimate_reads_its_tables(toy: Machine) -> None:
    hardware = TEMPLATE.hardware(4, 2.0)
    fits, large = Mapping.parse(TEXT, CONV, HIERARCHY), Mapping(CONV, ((*_all(CONV),), ()), hierarchy=HIERARCHY)
    table = columns_of([Row(mapping, hardware) for mapping in (fits, large)])
    result = estimate_table(table, model=AnalyticalModel(toy), explain=True)
    assert result["error"].tolist() == ["", f"mapping needs {26368 // 4} buffer rows a tile, {hardware.id} has 512"]
    row = result.iloc[0]
    compute, tiles = 2 * 16 * 3 * 3 * 2, 3 * 2 * 14
    moved = (10 * 3 * 16 + 3 * 3 * 16 * 8 + 4 * 8 * 8) / 8
    assert row["pred.cycles"] == tiles * (max(compute, moved) + 20)
    assert row["explain.bound"] == "compute"
    assert row["explain.kib.buffer_used"] == pytest.approx(8 * moved / 1024)


def _all(layer: Layer) -> list[tuple[str, int]]:
    return [(d, n) for d, n in zip("RSPQCKN", layer.sizes, strict=True) if n > 1]


def test_gradients_reach_its_constants(toy: Machine) -> None:
    mapping = Mapping.parse(TEXT, CONV, HIERARCHY)
    start = start_values(toy.constants)
    values = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in start.items()}
    batch = LayerTensors.stack([CONV]), MappingTensors.stack([mapping])
    hardware = smallest_hardware([mapping], toy)
    toy.latency(*batch, HardwareTensors.stack([hardware]), values).sum().backward()
    assert values["tile_cycles"].grad == 3 * 2 * 14


@pytest.mark.parametrize("method", METHODS)
def test_every_search_runs_on_it(toy: Machine, method: str, tmp_path) -> None:
    result = run_search(
        WORKLOAD, method=method, evaluations=200, model=AnalyticalModel(toy), seed=1, out=tmp_path / "out"
    )
    for mapping in result.mappings:
        check_fits(mapping, result.hardware, toy)
    rows = rows_of(read_table(tmp_path / "out" / "mappings.csv"), TEMPLATE)
    assert [row.mapping for row in rows if isinstance(row, Row)] == list(result.mappings)
    default = run_search(WORKLOAD, method="default", evaluations=1, model=AnalyticalModel(toy), seed=0)
    assert result.edp <= default.edp


def test_the_search_uses_its_array_and_finds_a_good_design(toy: Machine) -> None:
    found = run_search(WORKLOAD, method="gradient", evaluations=600, model=AnalyticalModel(toy), seed=1, fix_dim=8)
    drawn = run_search(WORKLOAD, method="random", evaluations=600, model=AnalyticalModel(toy), seed=1, fix_dim=8)
    assert found.edp < drawn.edp
    assert any(max(mapping.spatial) > 4 for mapping in found.mappings)
