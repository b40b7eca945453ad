"""The report: complete, right, honest about what it lacks, and readable without a network or a script."""

import base64
import io
import json
import math
import re
import shutil
from itertools import pairwise

import pandas as pd
import pytest

from pipeline.files import write_json
from pipeline.hardware import HardwareTensors
from pipeline.machine.machine import with_area
from pipeline.stages.report import write_report
from pipeline.stages.reporting import tables, words
from pipeline.stages.reporting.findings import findings, mean_gain, summary_lines
from pipeline.stages.reporting.mapping_picture import levels, nest, tiles
from pipeline.stages.reporting.parts import ROWS
from pipeline.stages.reporting.results import load_results
from pipeline.stages.reporting.svg import CHARACTER, Axis
from pipeline.table import read_table, write_table
from tests.machines import GEMMINI
from tests.workflow.study_folder import make_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = make_study(tmp_path_factory.mktemp("results") / "made-up")
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report" / "report.html").read_text(encoding="utf-8")


def downloads(page: str) -> dict[str, pd.DataFrame]:
    """The tables that the page offers, by file name."""
    found = re.findall(r'download="([^"]+)" href="data:text/csv;charset=utf-8;base64,([^"]+)"', page)
    return {name: pd.read_csv(io.StringIO(base64.b64decode(data).decode())) for name, data in found}


def test_a_study_of_before_a_field_was_added_can_be_reported(tmp_path):
    folder = make_study(tmp_path / "made-up")
    path = folder / "study.json"
    study = json.loads(path.read_text())
    del study["search"]["clock_mhz"], study["baselines"]["parts"]
    path.write_text(json.dumps(study))
    filled = load_results(folder).study
    assert filled["search"] == study["search"] | {"clock_mhz": 500.0}
    assert filled["baselines"] == study["baselines"] | {"parts": True}


def test_the_page_needs_nothing_from_elsewhere(page):
    references = re.findall(r'(?:src|href)="([^"]*)"', page) + re.findall(r"url\(([^)]*)\)", page)
    assert references
    assert all(reference.startswith(("#", "data:", '"#')) for reference in references)


def test_the_first_screen_says_what_was_found_against_what_and_how_much(page, folder):
    found = findings(load_results(folder))
    first = re.sub("<[^>]+>", "", page[page.index("<header") : page.index("<nav")])
    assert f"{words.ratio(mean_gain(found))} lower EDP (geometric mean)" in first
    for item in found:
        assert f"{words.ratio(item.gain)} lower EDP{words.hardware_words(item.design)}" in first
    study = load_results(folder).study
    memory = f"&#39;{study['simulation']['memory']}&#39; memory"
    for word in ("16x16, 256 + 64 KiB", memory, "model &#39;default&#39;", "area", "seed"):
        assert word in first


def test_the_best_simulated_design_is_the_result_whoever_found_it(tmp_path):
    folder = make_study(tmp_path / "made-up", random_factor=1.0)
    best = findings(load_results(folder))[0]
    assert best.finder == "random search"
    finals = load_results(folder).finals
    mine = finals[finals["workload"] == best.workload]
    assert (mine["sim.cycles"] * mine["layer.count"]).sum() == best.design["sim.cycles"]


def test_gains_multiply_and_are_quotients_of_simulated_values(folder):
    for item in findings(load_results(folder)):
        assert item.edp_gain == pytest.approx(item.cycles_gain * item.energy_gain)
        assert item.edp_gain == pytest.approx(item.default["sim.edp"] / item.design["sim.edp"])
        assert item.area_gain == pytest.approx(item.default["area_mm2"] / item.design["area_mm2"])


def test_the_gain_is_split_only_where_the_default_tilers_mappings_were_simulated(folder, tmp_path):
    copy = tmp_path / "made-up"
    shutil.copytree(folder, copy)
    assert {item.hardware_gain for item in findings(load_results(copy))} == {None}
    path = copy / "sim" / "r2" / "bert.parquet"
    batch = read_table(path)
    slower = batch.assign(**{"sample.origin": "tiled", "sim.cycles": 2 * batch["sim.cycles"]})
    write_table(pd.concat([batch, slower], ignore_index=True), path)
    item = next(item for item in findings(load_results(copy)) if item.workload == "bert")
    assert item.mapping_gain == pytest.approx(2)
    assert item.hardware_gain == pytest.approx(item.edp_gain / 2)


def test_the_summary_for_a_terminal_has_the_same_numbers_as_the_page(page, folder):
    lines = summary_lines(load_results(folder))
    for ratio in re.findall(r"([\d.]+x) lower EDP", "\n".join(lines)):
        assert f"{ratio} lower EDP" in page


def test_every_gain_on_the_first_screen_says_among_how_many_simulated_mappings(page, folder):
    """In the made-up study each variant found one design, and simulated nothing else."""
    first = re.sub("<[^>]+>", "", page[page.index("<header") : page.index("<nav")])
    for item in findings(load_results(folder)):
        for variant in ("r2", "random"):
            rows = len(read_table(folder / "sim" / variant / f"{item.workload}.parquet"))
            assert item.simulated[words.finder(variant, "gradient")] == rows
        assert f"found by gradient search, round 2 among {item.simulated[item.finder]} simulated mappings" in first
        assert (
            f"random search {words.ratio(item.others['random search'])} among {item.simulated['random search']}"
            in first
        )


def test_improvement_is_the_quotient_of_simulated_edps(page):
    table = downloads(page)["designs.csv"]
    for _, rows in table.groupby("workload"):
        reference = rows.loc[rows["found by"] == "default", "sim.edp"].iloc[0]
        assert rows["improvement"].tolist() == pytest.approx((reference / rows["sim.edp"]).tolist())


def test_what_sharing_the_hardware_costs_each_network_is_shown(page):
    table = downloads(page)["networks.csv"].set_index(["network", "hardware for"])
    for network in ("bert", "resnet50"):
        rows = table.loc[network]
        assert rows["over_own"]["all"] == pytest.approx(rows["sim.edp"]["all"] / rows["sim.edp"]["itself"])
        assert rows["improvement"]["all"] == pytest.approx(rows["sim.edp"]["default"] / rows["sim.edp"]["all"])
        assert rows["ms"]["all"] == pytest.approx(rows["sim.cycles"]["all"] / 500e3)
    gains = [table.loc[network]["improvement"]["all"] for network in ("bert", "resnet50")]
    designs = downloads(page)["designs.csv"]
    shared = designs[designs["workload"] == "shared"]["improvement"].max()
    assert shared == pytest.approx(math.sqrt(math.prod(gains)))


def test_parts_are_shown_as_far_as_they_were_simulated(page):
    parts = downloads(page)["parts.csv"]
    bert = parts[parts["workload"] == "bert"].set_index("design")
    # Nothing was searched on the default hardware, and its tiler was not simulated on the hardware found.
    assert list(bert.index) == [ROWS[0], ROWS[3], ROWS[4], ROWS[5]]
    found = ["16x16, 512 + 64 KiB", "16x16, 128 + 64 KiB", "16x16, 512 + 64 KiB"]
    assert bert["hardware"].tolist() == ["16x16, 256 + 64 KiB", *found]
    assert bert["improvement"][ROWS[3]] == bert["improvement"].max() > bert["improvement"][ROWS[4]] > 1
    assert bert["area_ratio"][ROWS[4]] < 1 < bert["area_ratio"][ROWS[3]]
    product = bert["cycles_gain"] * bert["energy_gain"]
    assert product.tolist() == pytest.approx(bert["improvement"].tolist())


def test_another_objective_and_a_limit_decide_what_is_chosen_and_are_said(tmp_path):
    folder = make_study(tmp_path / "made-up", objective="latency", max_latency_ms=(0.001, None))
    page = write_report(folder).read_text(encoding="utf-8")
    found = {item.workload: item for item in findings(load_results(folder))}
    for item in found.values():
        assert item.gain == pytest.approx(item.cycles_gain)
        assert f"{words.ratio(item.gain)} lower latency" in page
    bert = load_results(folder).finals.query("workload == 'bert'")
    cycles = (bert["sim.cycles"] * bert["layer.count"]).sum()
    assert found["bert"].over_limit == pytest.approx(cycles / 500)
    assert found["resnet50"].over_limit == 1
    assert (
        f"it takes {words.ratio(found['bert'].over_limit)} the time that it may"
        in summary_lines(load_results(folder))[0]
    )
    networks = downloads(page)["networks.csv"].set_index("network")
    assert set(networks.loc["bert"]["limit_ms"]) == {0.001}
    designs = downloads(page)["designs.csv"].query("workload == 'resnet50'")
    default = designs.loc[designs["found by"] == "default", "sim.cycles"].iloc[0]
    assert designs["improvement"].tolist() == pytest.approx((default / designs["sim.cycles"]).tolist())


def test_the_fronts_hold_what_no_design_beats_in_both(page):
    for name, costs in (("pareto", ["area_mm2", "sim.edp"]), ("pareto_energy", ["sim.cycles", "sim.energy_uj"])):
        for _, rows in downloads(page)[f"{name}.csv"].groupby("workload"):
            for values, on in zip(rows[costs].to_numpy(), rows["front"], strict=True):
                beaten = ((rows[costs] <= values).all(axis=1) & (rows[costs] < values).any(axis=1)).any()
                assert on != beaten
            assert rows["result"].sum() >= 1


def test_every_table_can_be_downloaded_with_all_its_rows(page):
    offered = downloads(page)
    shown = re.findall(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    assert len(offered) == len(shown)
    for table, body in zip(offered.values(), shown, strict=True):
        assert len(table) == body.count("<tr")


def test_what_a_design_waits_for_is_shown_from_the_layers_that_were_simulated(page):
    waits = downloads(page)["waits.csv"]
    bert = waits[waits["workload"] == "bert"].set_index("change")
    assert bert["alone"].to_dict() == pytest.approx({"bus": 0.1, "host": 0.2, "all": 0.25})
    assert bert["share"].to_dict() == pytest.approx({"bus": 0.075, "host": 0.175, "all": 0.25})
    assert "bus: a bus of 64 bytes" in page


def test_energy_and_cycles_of_a_network_are_split_without_rest(page, folder):
    offered = downloads(page)
    finals = load_results(folder).finals
    total = (finals["sim.cycles"] * finals["layer.count"]).groupby(finals["workload"]).sum()
    cycles = offered["cycles.csv"]
    found = cycles[cycles["design"] == "found"].set_index("workload").drop(columns="design").sum(axis=1)
    assert found.to_dict() == total.to_dict()


def test_accuracy_is_that_of_rows_not_seen_in_training(folder):
    scores = tables.accuracy_table(load_results(folder).dataset)
    assert set(scores["round"]) == {1, 2}
    assert scores["median_error"].between(0.02, 0.06).all()


def test_a_report_without_some_tables_says_so_and_shows_the_rest(folder, tmp_path):
    copy = tmp_path / "made-up"
    shutil.copytree(folder, copy)
    for name in ("timelines", "benchmarks", "search", "what_if"):
        shutil.rmtree(copy / name)
    page = write_report(copy).read_text(encoding="utf-8")
    assert "time by stage: the folder has no benchmarks/" in page
    assert "what the design waits for: no layer was simulated with things changed" in page
    assert 'id="designs"' in page
    assert "from the simulation:" not in page


REPORT = {
    "design": "gemmini",
    "hardware": {"dim": 16, "scratchpad_kib": 256.0, "accumulator_kib": 64.0},
    "logic_mm2": 20.0,
    "memory_mm2": 24.0,
    "critical_ns": 20.0,
    "liberty": "cells",
    "nanometres": 180,
    "memories": "tables",
    "modules": [
        {"module": name, "instances": 1, "cells": 9, "area_mm2": mm2, "registers": 3, "critical_ns": 4, "memory": sram}
        for name, mm2, sram in (("top", 5.0, False), ("path", 15.0, False), ("sram", 24.0, True))
    ],
    "hierarchy": {
        "name": "", "module": "top", "instances": 1, "own_mm2": 5.0,
        "children": [
            {"name": "u_load", "module": "path", "instances": 1, "own_mm2": 15.0,
             "children": [{"name": "u_pad", "module": "sram", "instances": 2, "own_mm2": 12.0, "children": []}]},
        ],
    },
}  # fmt: skip


def with_synthesis(folder, tmp_path, areas):
    """A copy of a study that asked for synthesis and got ``areas`` for each of its designs."""
    copy = tmp_path / "made-up"
    shutil.copytree(folder, copy)
    study = json.loads((copy / "study.json").read_text())
    (copy / "study.json").write_text(json.dumps(study | {"synthesis": True}))
    for workload in load_results(copy).workloads:
        write_json(copy / "synthesis" / f"{workload}.json", areas)
    return write_report(copy).read_text(encoding="utf-8")


def test_area_by_module_is_shown_with_both_areas(folder, tmp_path):
    found = REPORT | {"hardware": REPORT["hardware"] | {"dim": 8}}
    page = with_synthesis(folder, tmp_path, {"default": REPORT, "found": found})
    areas = downloads(page)["areas.csv"]
    assert areas["design"].tolist() == ["default", "found for bert"]
    for row, dim in zip(areas.to_dict("records"), (16, 8), strict=True):
        sizes = HardwareTensors.stack([GEMMINI.template.hardware(dim, 256, 64)])
        assert row["area_mm2"] == pytest.approx(float(GEMMINI.area_mm2(sizes)))
        assert row["area_synthesized_mm2"] == pytest.approx(float(with_area(GEMMINI, "synthesized").area_mm2(sizes)))
    assert areas["clock (MHz)"].tolist() == [50, 50]
    assert "top, top: 5 mm² (25.0 %)" in page
    assert "load, path: 15 mm² (75.0 %)" in page
    assert areas["memories, 180 nm (mm²)"].tolist() == [24, 24]


def test_a_study_without_the_tools_says_what_to_install(folder, tmp_path):
    page = with_synthesis(folder, tmp_path, {"missing": "synthesis needs yosys: pip install pyosys"})
    assert "area by module: synthesis needs yosys: pip install pyosys" in page
    assert 'id="synthesis"' not in page


def test_a_study_that_did_not_ask_for_synthesis_says_nothing_of_it(page):
    assert "area by module" not in page.lower()


def test_a_folder_that_is_no_study_is_named(tmp_path):
    with pytest.raises(ValueError, match=re.escape(str(tmp_path))):
        write_report(tmp_path)


MAPPING = "L3[WIO] K8 Q28 - L2[WI] N1 K4X - L1[O] K2 S7 R7 Q4 P7 C3X - L0[W] P16"


def test_a_picture_of_a_mapping_has_a_box_a_level_and_the_tile_of_each_tensor():
    picture = nest(MAPPING)
    assert picture.count('class="level"') == len(levels(MAPPING)) == 4
    assert picture.count("spatial") == 2
    boxes = tiles(MAPPING, {"R": 7, "S": 7, "P": 112, "Q": 112, "C": 3, "K": 64, "N": 1})
    assert "448 x 8 of 12,544 x 64 outputs" in boxes  # 112 columns x 4 rows, and 4 x 2 channels


def test_a_picture_shows_the_tile_that_a_tensor_has_of_its_own():
    text = "L3[WIO] P2 [I] K45 C16 - L2[WI] S3 K16X - L1[O] R3 Q28 P14 C16X - L0[W] N1"
    assert "[inputs]" in nest(text)
    boxes = tiles(text, {"R": 3, "S": 3, "P": 28, "Q": 28, "C": 256, "K": 720, "N": 1})
    assert "392 x 256 of 784 x 256 inputs" in boxes
    assert "144 x 16 of 2,304 x 720 weights" in boxes


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize(
    ("low", "high"), [(40, 900), (90, 110), (1, 3000), (1, 10_430), (3e9, 4e10), (0.55, 1), (1e-3, 1e3), (7, 7)]
)
def test_labels_of_axes_are_inside_and_do_not_overlap(low, high, is_log):
    axis = Axis.around([low, high], 58, 328, is_log=is_log)
    ticks = axis.ticks()
    assert len(ticks) >= 2
    ends = [(axis(v) - CHARACTER * len(text) / 2, axis(v) + CHARACTER * len(text) / 2) for v, text in ticks]
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    assert all(axis.low <= value <= axis.high for value, _ in ticks)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0042, "0.42 %"), (0.041, "4.1 %"), (0.5, "50.0 %"), (1.5, "150.0 %"), (60.0, "6,000 %"), (0.0, "0.0 %")],
)
def test_percentages_have_as_many_digits_as_say_something(value, text):
    assert words.percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(6.948e9, "6.948e9"), (12345.6, "12,346"), (0.123456, "0.123"), (7, "7")])
def test_numbers_have_one_format(value, text):
    assert words.number(value) == text
    assert words.number(math.nan) == "-"
