"""The report in a browser, at the widths of a phone and of a desktop, and in print."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.stages.report import write_report
from tests.workflow.study_folder import make_study

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROBE = Path(__file__).with_name("report_probe.js").read_text(encoding="utf-8")
FRAME = """<!DOCTYPE html><title>none</title>
<script>addEventListener("message", (event) => (document.title = event.data));</script>
<iframe src="page.html" width="{}" height="900" style="border: 0"></iframe>"""
"""A window is never as narrow as a phone; a frame can be."""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian, Ubuntu: apt install chromium)"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    return write_report(make_study(tmp_path_factory.mktemp("results") / "made-up"))


def browse(page: Path, scratch: Path, *options: str) -> subprocess.CompletedProcess:
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += [f"--user-data-dir={scratch / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=3000"]
    environment = os.environ | {"HOME": str(scratch)}
    command += [*options, f"file://{page}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment)


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_overflows_without_a_cue_and_the_script_works(page, tmp_path, width):
    copy = tmp_path / "page.html"
    copy.write_text(
        page.read_text(encoding="utf-8").replace("</head>", f"<script>{PROBE}</script></head>"), encoding="utf-8"
    )
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width), encoding="utf-8")
    done = browse(frame, tmp_path, "--window-size=1600,1000", "--dump-dom")
    title = re.search(r"<title>(\{.*?\})</title>", done.stdout)
    assert title is not None, done.stderr[-2000:]
    said = title[1].replace("&quot;", '"').replace("&amp;", "&")
    assert f'"width":{width},' in said, said
    assert '"wide":[]' in said, said
    assert '"silent":0' in said, said
    assert '"cut":[]' in said, said
    assert '"dead":0' in said, said
    assert '"body":false' in said, said
    assert '"sorted":true' in said, said
    assert int(re.search(r'"panels":(\d+)', said)[1]) >= 5
    assert int(re.search(r'"compared":(\d+)', said)[1]) > 5
    if width >= 1400:
        assert '"layers":0' in said, said
    assert "CONSOLE" not in done.stderr, done.stderr[-2000:]


def test_print_has_every_table(page, tmp_path):
    out = tmp_path / "page.pdf"
    browse(page, tmp_path, f"--print-to-pdf={out}", "--no-pdf-header-footer")
    opened = re.sub(r"<details>", "<details open>", page.read_text(encoding="utf-8"))
    copy = tmp_path / "open.html"
    copy.write_text(opened, encoding="utf-8")
    expected = tmp_path / "open.pdf"
    browse(copy, tmp_path, f"--print-to-pdf={expected}", "--no-pdf-header-footer")
    assert pages(out) == pages(expected) > 2


def pages(path: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page[^s]", path.read_bytes()))
