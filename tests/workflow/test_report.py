"""The report: complete, right, and readable without a network."""

import base64
import io
import os
import re
import shutil
import subprocess
from itertools import pairwise

import pandas as pd
import pytest
from matplotlib.figure import Figure

from pipeline.stages.report import write_report
from pipeline.stages.reporting import figures, tables
from pipeline.stages.reporting.results import load_results
from tests.workflow.study_folder import make_study

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


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


def test_the_page_needs_nothing_from_elsewhere(page):
    references = re.findall(r'(?:src|href)="([^"]*)"', page) + re.findall(r"url\(([^)]*)\)", page)
    assert references
    assert all(reference.startswith(("#", "data:", '"#')) for reference in references)


def test_headline_numbers_come_first_and_are_right(page, folder):
    results = load_results(folder)
    designs = tables.designs_table(results)
    finals = tables.final_designs(designs, results.rounds)
    mean = finals["improvement"].prod() ** (1 / len(finals))
    assert f"<b>{mean:.2f} x</b>" in page
    assert page.index(f"{mean:.2f} x") < page.index("<section")


def test_improvement_is_the_quotient_of_simulated_edps(page):
    table = downloads(page)["designs.csv"]
    for _, rows in table.groupby("workload"):
        reference = rows.loc[rows["variant"] == "reference", "sim.edp"].iloc[0]
        assert rows["improvement"].tolist() == pytest.approx((reference / rows["sim.edp"]).tolist())


def test_every_table_can_be_downloaded_with_all_its_rows(page):
    offered = downloads(page)
    shown = re.findall(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    assert len(offered) == len(shown)
    for table, body in zip(offered.values(), shown, strict=True):
        assert len(table) == body.count("<tr")


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


@pytest.mark.parametrize(
    ("designs", "front"),
    [
        ([(1, 5), (2, 3), (3, 4)], [True, True, False]),
        ([(1, 1), (1, 1)], [True, True]),
        ([(1, 2), (1, 1)], [False, True]),
    ],
)
def test_the_pareto_front_holds_what_nothing_beats(designs, front):
    area, edp = (pd.Series(values) for values in zip(*designs, strict=True))
    assert tables.pareto_mask(area, edp) == front


def test_a_folder_that_is_no_study_is_named(tmp_path):
    with pytest.raises(ValueError, match=re.escape(str(tmp_path))):
        write_report(tmp_path)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian, Ubuntu: apt install chromium)")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_page_without_errors_or_sideways_scrolling(folder, tmp_path, width):
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    probe = """<script>
    window.addEventListener('load', () => { const wide = document.documentElement.scrollWidth > window.innerWidth + 1;
      const links = [...document.querySelectorAll('a[href^="#"]')];
      const dead = links.filter(link => !document.querySelector(link.getAttribute('href')));
      document.title = `wide=${wide} dead=${dead.length} svg=${document.querySelectorAll('svg').length}`; });
    </script>"""
    copy = tmp_path / "page.html"
    copy.write_text(page.replace("</head>", probe + "</head>"), encoding="utf-8")
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--enable-logging=stderr"]
    command += ["--virtual-time-budget=3000", "--dump-dom", f"file://{copy}"]
    environment = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment)
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None, done.stderr[-2000:]
    assert title[1].startswith("wide=false dead=0")
    assert int(title[1].rpartition("=")[2]) >= 5
    assert "CONSOLE" not in done.stderr, done.stderr[-2000:]


@pytest.mark.parametrize(("low", "high"), [(40, 900), (90, 110), (1, 3000), (1, 10_430), (3e9, 4e10), (0.55, 1)])
def test_labels_of_logarithmic_axes_do_not_overlap(low, high):
    figure = Figure(figsize=(3.5, 2.6))
    axes = figure.subplots()
    axes.plot([low, high], [low, high])
    axes.set(xscale="log", yscale="log")
    figures.few_ticks(axes)
    figure.draw_without_rendering()
    for axis, side in ((axes.xaxis, 0), (axes.yaxis, 1)):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels(which="both") if label.get_text()]
        ends = sorted(tuple(box.get_points()[:, side]) for box in boxes)
        edges = axes.bbox.min[side] - 1, axes.bbox.max[side] + 1
        ends = [(start, end) for start, end in ends if edges[0] <= (start + end) / 2 <= edges[1]]
        assert len(ends) >= 2
        assert all(before[1] < after[0] for before, after in pairwise(ends))
