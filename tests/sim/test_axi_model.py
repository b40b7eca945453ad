"""``output_stationary`` against the bus models of cocotbext-axi, which share nothing with ours.

They check handshakes and bursts by rules of their own, stall every channel at random, and hold the memory. Here the
clock and everything else runs in cocotb, so programs are few and small.
"""

import json
import os
import sys
from pathlib import Path

import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from pipeline.files import ROOT
from rtl.generate import generate
from sim.build import verilator_environment, verilator_root
from sim.design import Design
from tests.machines import GEMMINI
from tests.rtl.test_output_stationary import programs

FOLDER = Path(__file__).parent / "axi_model"
OPTIONS = ("--assert", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-fno-life-post", "-O1", "-CFLAGS", "-std=c++20")
HARDWARE = GEMMINI.template.hardware(4, 32, 1)

pytestmark = pytest.mark.xdist_group("rtl")


def test_programs_are_bit_exact_on_an_independent_memory_that_stalls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [
        {"task": task.to_json(), "stall": [0.0, 0.3, 0.7][i % 3]} for i, task in enumerate(programs(6, (HARDWARE,), 7))
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    for name, value in verilator_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{verilator_root() / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    monkeypatch.setenv("AXI_MODEL_TASKS", str(tmp_path / "tasks.json"))
    design = Design.load(generate(HARDWARE, tmp_path / "rtl", design="output_stationary"))
    runner = get_runner("verilator")
    runner.build(
        sources=[*design.sources, FOLDER / "design_ports.sv"],
        hdl_toplevel="design_ports",
        build_args=list(OPTIONS),
        build_dir=tmp_path / "build",
        log_file=tmp_path / "build.log",
    )
    results = runner.test(
        hdl_toplevel="design_ports",
        test_module="tests.sim.axi_model.bench",
        build_dir=tmp_path / "build",
        test_dir=tmp_path,
        log_file=tmp_path / "test.log",
    )
    assert get_results(results) == (1, 0), (tmp_path / "test.log").read_text(encoding="utf-8")[-3000:]
