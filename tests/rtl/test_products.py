"""A small design that shares nothing with those of the project: DIM 6, a 64-bit bus, one buffer, one counter, no busy.

Its folder is ``products`` here. Blocks are computed one after the other, so its cycles are those of no pipeline.
"""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from pipeline.cli import command_line
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import machine_of
from pipeline.stages.search import run_search
from pipeline.stages.simulate import simulate_table
from pipeline.workload import Layer, Workload, WorkloadLayer
from rtl.design import Design
from rtl.generate import generate
from rtl.lint.design import findings
from sim.build import elaborate
from sim.design import Design as Generated

FOLDER = Path(__file__).parent / "products"
MACHINE = machine_of(Design.read(str(FOLDER)).machine, "simple")
NETWORK = Workload(
    "small",
    "test",
    (
        WorkloadLayer("product", Layer(R=1, S=1, P=30, Q=1, C=64, K=20), 1),
        WorkloadLayer("convolution", Layer(R=3, S=3, P=10, Q=7, C=11, K=13, stride_w=2, stride_h=2), 2),
    ),
)


def test_sizes_that_are_built_have_whole_rows_at_dim_6() -> None:
    grid = MACHINE.grid
    drawn = grid.draw(50, grid.high_kib, torch.Generator().manual_seed(1))
    assert set(drawn.tolist()) == {12.0 * 2**power for power in range(8)}
    asked = torch.tensor([1.0, 12.0, 12.1, 700.0], dtype=torch.float64)
    assert grid.round_up(asked).tolist() == [12.0, 12.0, 24.0, 768.0]
    for kib in drawn.tolist():
        assert MACHINE.template.hardware(6, kib, kib).scratchpad_rows * 6 == kib * 1024


def test_a_search_finds_hardware_and_mappings_for_it() -> None:
    model = AnalyticalModel(MACHINE)
    result = run_search(NETWORK, method="gradient", evaluations=60, model=model, seed=1)
    assert result.hardware.dim == 6
    assert result.hardware.scratchpad_kib % 12 == 0


@pytest.mark.long
def test_its_check_says_that_all_is_well_and_which_counters_there_could_be() -> None:
    assert findings(Design.read(str(FOLDER)), [6]) == []
    arguments = ["design", "check", str(FOLDER), "--hardware", "6,12,3", "--programs", "40"]
    done = CliRunner().invoke(command_line("design"), arguments)
    assert done.exit_code == 0, done.output
    assert "counters not there (optional): load_cycles, store_cycles" in done.output.splitlines()[-1]


@pytest.mark.long
def test_a_network_is_simulated_and_its_energy_estimated(tmp_path: Path) -> None:
    result = run_search(NETWORK, method="default", evaluations=1, model=AnalyticalModel(MACHINE), seed=1)
    found = simulate_table(
        result.table(),
        design=str(FOLDER),
        datapath="full",
        memory="simple",
        driver="inprocess",
        jobs=1,
        dim_rule="from-table",
        partial_sums="spill",
        work_dir=tmp_path,
    )
    assert found["error"].eq("").all(), found["error"].tolist()
    assert (found["sim.cycles"] > found["sim.compute_cycles"]).all()
    assert found["sim.energy_estimated"].all()


def test_a_port_of_another_width_than_the_file_says_does_not_elaborate(tmp_path: Path) -> None:
    folder = tmp_path / "products"
    folder.mkdir()
    for path in FOLDER.iterdir():
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace("data_bits: 64", "data_bits: 32")
            (folder / path.name).write_text(text, encoding="utf-8")
    design = Generated.load(generate(MACHINE.template.hardware(6, 12, 12), tmp_path / "made", design=str(folder)))
    with pytest.raises(ValueError, match="m_axi_rdata_i of products has 64 bits, it must have 32"):
        elaborate(design)
