"""Comparing studies and designs, and exporting a design as what others read."""

import json
import re

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.timeloop.yaml_files import read_timeloop
from pipeline.mapping import Mapping
from pipeline.stages.compare import WHOLE, compare, comparison_page
from pipeline.stages.estimate import estimate_table
from pipeline.stages.export import export_design, gemmini_configuration, tiling
from pipeline.stages.machines import machine_choice
from pipeline.stages.reference import tiled_table
from pipeline.stages.search import run_search
from pipeline.table import Row, read_table, write_table
from pipeline.workload import Layer, load_workload
from tests.machines import GEMMINI
from tests.workflow.study_folder import make_study

HARDWARE = GEMMINI.default_hardware

CONVOLUTION = Layer(R=3, S=5, P=14, Q=7, C=32, K=64)
TILED = "L3[WIO] K2 Q7 - L2[WI] N1 K16X - L1[O] K2 C2 S5 R3 P14 C16X - L0[W] N1"


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    return make_study(folder / "one"), make_study(folder / "other", random_factor=1.0)


def test_two_studies_are_compared_by_network_and_say_what_differs(studies):
    rows, notes = compare(*studies)
    assert rows["network"].tolist() == ["bert", "resnet50", "shared"]
    for row in rows.to_dict("records"):
        assert row["EDP B/A"] == pytest.approx(row["EDP below default, A"] / row["EDP below default, B"])
    assert notes == []
    page = comparison_page(*studies, rows, notes)
    assert "Nothing but the results." in page
    assert all(reference.startswith(("#", "data:")) for reference in re.findall(r'href="([^"]*)"', page))


def test_a_field_in_which_studies_differ_is_named(studies):
    path = studies[1] / "study.json"
    before = path.read_text(encoding="utf-8")
    try:
        content = json.loads(before)
        content["search"]["evaluations"] = 7
        path.write_text(json.dumps(content), encoding="utf-8")
        assert compare(*studies)[1] == ["search.evaluations: A 3000, B 7"]
    finally:
        path.write_text(before, encoding="utf-8")


def test_two_designs_are_compared_by_layer(studies):
    rows, notes = compare(studies[0] / "designs" / "bert", studies[1] / "designs" / "bert")
    assert rows["layer.name"].tolist() == [WHOLE, *(entry.name for entry in load_workload("bert").layers)]
    assert (rows["EDP B/A"] < 1).all()
    areas = [GEMMINI.area_mm2(HardwareTensors.stack([GEMMINI.template.hardware(16, 512, kib)])) for kib in (64, 128)]
    sizes = [note for note in notes if "KiB" in note]
    assert sizes == [
        f"A: 16x16, 512 + 64 KiB, {float(areas[0]):.3g} mm2",
        f"B: 16x16, 512 + 128 KiB, {float(areas[1]):.3g} mm2",
    ]


def test_the_row_of_the_whole_network_counts_layers_as_often_as_they_run(tmp_path):
    paths = [tmp_path / name for name in ("a.csv", "b.csv")]
    columns = "layer.name,layer.count,mapping.mapping,sim.cycles,sim.energy_uj,sim.compute_cycles,sim.load_cycles"
    sizes = "arch.meshX,arch.mem1_depth,arch.mem2_depth", "16,512,8192"
    for path, factor in zip(paths, (1, 2), strict=True):
        rows = [f"one,3,x,{10 * factor},1,{10 * factor},0", f"two,1,x,{50 * factor},1,20,{50 * factor - 20}"]
        lines = [f"{columns},{sizes[0]}", *(f"{row},{sizes[1]}" for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows, notes = compare(*paths)
    whole = rows.set_index("layer.name").loc[WHOLE]
    assert (whole["simulated cycles, A"], whole["simulated cycles, B"]) == (80, 160)
    assert (whole["cycles B/A"], whole["energy B/A"], whole["EDP B/A"]) == (2, 1, 2)
    assert "A: of its cycles 62 % compute, 38 % load" in notes
    assert "B: of its cycles 50 % compute, 50 % load" in notes


def test_designs_of_two_families_are_compared_on_their_own_machines(tmp_path):
    folders = []
    for name in ("gemmini", "output_stationary"):
        machine = machine_choice(design=name).find()
        folders.append(tmp_path / name)
        result = run_search(
            load_workload("bert"), method="default", evaluations=1, model=AnalyticalModel(machine), seed=0
        )
        result.write(folders[-1])
        table = read_table(folders[-1] / "mappings.csv")
        write_table(estimate_table(table, model=AnalyticalModel(machine)), folders[-1] / "mappings.csv")
    rows, notes = compare(*folders)
    assert rows["layer.name"].tolist()[0] == WHOLE
    assert [note.split(", ")[:2] for note in notes] == [["A: 16x16", "256 + 64 KiB"], ["B: 16x16", "256 + 16 KiB"]]


def test_a_study_and_a_design_are_not_compared(studies):
    with pytest.raises(ValueError, match="one is a study, the other a design"):
        compare(studies[0], studies[1] / "designs" / "bert")


def test_a_convolutions_tile_becomes_the_arguments_of_gemminis_library():
    row = Row(Mapping.parse(TILED, CONVOLUTION, GEMMINI.template.hierarchy), GEMMINI.template.hardware(16, 128, 64))
    assert tiling(row) == {
        "batches": 1, "porows": 1, "pocols": 14, "pochs": 32, "krows": 5, "kcols": 3, "kchs": 32,
    }  # fmt: skip


def test_a_matrix_products_tile_is_in_blocks_of_the_array():
    layer = Layer(R=1, S=1, P=100, Q=1, C=64, K=32)
    row = Row(
        Mapping.parse(
            "L3[WIO] N1 - L2[WI] N1 K16X - L1[O] K2 C4 P100 C16X - L0[W] N1", layer, GEMMINI.template.hierarchy
        ),
        HARDWARE,
    )
    assert tiling(row) == {"tile_I": 7, "tile_J": 2, "tile_K": 4}


def test_gemminis_own_default_comes_out_as_its_default_parameters():
    configuration = gemmini_configuration(HARDWARE)
    assert (configuration["meshRows"], configuration["sp_capacity"]) == (16, "CapacityInKilobytes(256)")
    assert configuration["acc_capacity"] == "CapacityInKilobytes(64)"


def test_an_exported_design_reads_back_as_the_same_mappings(tmp_path):
    table = tiled_table(load_workload("bert"), GEMMINI, HARDWARE)
    export_design(table, tmp_path / "out")
    for name, text in zip(table["layer.name"], table["mapping.mapping"], strict=True):
        mapping, hardware = read_timeloop(tmp_path / "out" / "timeloop" / name)
        assert str(mapping) == text
        assert hardware.dim == 16
    assert len(json.loads((tmp_path / "out" / "tiling.json").read_text())["layers"]) == len(table)


def test_rows_on_two_designs_are_not_one_design(tmp_path):
    bert = load_workload("bert")
    both = pd.concat(
        [tiled_table(bert, GEMMINI, HARDWARE), tiled_table(bert, GEMMINI, GEMMINI.template.hardware(16, 128, 64))]
    )
    with pytest.raises(ValueError, match="on 2 designs"):
        export_design(both, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_schema_names_the_columns_of_real_tables(tmp_path):
    table = tiled_table(load_workload("bert"), GEMMINI, HARDWARE)
    write_table(table, tmp_path / "mappings.csv")
    export_design(read_table(tmp_path / "mappings.csv"), tmp_path / "out")
    schema = json.loads((tmp_path / "out" / "mappings.schema.json").read_text())
    assert set(schema["required"]) <= set(table.columns) <= set(schema["properties"])
    assert_frame_equal(read_table(tmp_path / "mappings.csv")[schema["required"]], table[schema["required"]])
